"""One operator = one row: a signature, a kernel on arrays, and one formula per differentiable input.

    sin = op("sin(self)", np.sin, d=lambda F, self: F.cos(self))
    mul = op("mul(self, other)", np.multiply, promote="numbers", jvp=MULTILINEAR,
             self=lambda g, F, other: g * F.conj(other), other=lambda g, F, self: g * F.conj(self))

`d` is the derivative of a holomorphic pointwise function: vjp g·conj(d), jvp t·d. A rule runs, and what it names is
saved, only if its input needs a gradient. The engine, not the rule, sums to the input's shape and casts to its dtype.
What PyTorch publishes as one function may be several rows (pow has three); the public function picks the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _errors as errors
from ._compile import compile_pull, holomorphic
from ._dtypes import OF_ARRAY, get_default_dtype
from ._graph import Node, Result, Saved, gradient_edge, raise_modified
from ._interpreters import LIVE, NARROW, NARROW_TYPES, RAW, interpreter, narrowed, register
from ._modes import state
from ._schema import Meta, Rule, node_name, parse, rule
from ._storage import storage_offset
from ._support import Lacks, check_dtype
from ._tensor import Tensor, new

LINEAR, MULTILINEAR, TRANSPOSE, POINTWISE = "linear", "multilinear", "transpose", "pointwise"
ROWS: dict[str, Row] = {}
PUBLIC: dict[str, Callable[..., Any]] = {}


class RowNode(Node):
    """The node of a row: `row` its class, `attributes` the call's, `plan` which inputs need a cotangent."""

    __slots__ = ("attributes", "counts", "plan")

    row: Row
    attributes: tuple[Any, ...]
    plan: Plan
    counts: tuple[int, ...] | None

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        if self.saved is None:
            raise RuntimeError(errors.SECOND_BACKWARD)
        return self.plan.pull(self, cotangents, live)

    def release(self) -> None:
        if self.saved:
            self.saved = None

    def value(self, position: int, live: bool) -> Any:
        """The saved value at a position of the plan, its version checked."""
        entry = self.saved[position]
        kind = type(entry)
        if kind is tuple:
            tensor, version = entry
            if tensor._cell[0] != version:
                Saved.check(as_saved(self, position), self)
            if live:
                return tensor
            a = tensor._array
            return a if not self.row.casts_saved or a.dtype == self.dtype else a.astype(self.dtype)
        if kind is Result:
            array, cell, version = entry
            if cell[0] != version:
                raise_modified(array, cell, version, (self, 0))
            return entry.tensor_for(self) if live else array
        if kind is Saved:
            return entry.tensor_for(self) if live else entry.raw(self)
        if kind is SavedList:
            return [s.tensor_for(self) if live else s.raw(self) for s in entry]
        return entry


class Plan:
    """For one combination of inputs that need a gradient: the names to save, in PyTorch's packing order (alphabetical,
    results last), and the rules to run with the places of their arguments."""

    __slots__ = ("calls", "metas", "needs", "packs", "pull", "saves")

    def __init__(self, row: Row, needs: tuple[bool, ...]) -> None:
        self.needs = needs
        self.pull: Callable[[RowNode, list[Any], bool], tuple[Any, ...]] = row.pull
        results = {o.name for o in row.schema.outputs}
        wanted: dict[str, None] = {}
        self.calls: list[tuple[int, Rule]] = []
        for i, declared in enumerate(row.schema.inputs):
            found = row.rules.get(declared.name)
            if needs[i] and found:
                self.calls.append((i, found))
                wanted.update(dict.fromkeys(found.wants))
        if row.joint and any(needs):
            wanted.update(dict.fromkeys(row.joint.wants))
        inputs = {i.name for i in row.schema.inputs}
        self.saves = tuple(sorted(wanted.keys() & inputs)) + tuple(sorted(wanted.keys() & results))
        self.metas = tuple(sorted(n for n in wanted if n.endswith("_meta") and n[:-5] in inputs))
        # (is_output, position) of each saved name, then of each meta.
        place = {o.name: (True, k) for k, o in enumerate(row.schema.outputs)}
        place |= {i.name: (False, k) for k, i in enumerate(row.schema.inputs)}
        self.packs = tuple(place[n] for n in self.saves) + tuple(place[n[:-5]] for n in self.metas)


class Row:
    """An operator: what to compute, how to differentiate it, and how PyTorch names the node."""

    def __init__(
        self, signature: str, kernel: Callable[..., Any], rules: dict[str, Callable[..., Any]], **options: Any
    ) -> None:
        self.schema = parse(signature)
        self.kernel = kernel
        self.promote: str | None = options.pop("promote", None)
        self.exact: bool = options.pop("exact", False)
        self.is_view: bool = options.pop("view", False)
        self.jvp_kind: Any = options.pop("jvp", None)
        self.is_pointwise: bool = options.pop("pointwise", bool(self.promote))
        self.lacks: Lacks | None = options.pop("lacks", None)
        # Which outputs are matrices that PyTorch leaves in column-major order: places, or a function of the attributes.
        self.columns: Any = options.pop("columns", ())
        # An operator row returns NotImplemented for a foreign operand, so that Python asks the other class.
        self.is_operator: bool = options.pop("operator", False)
        d = options.pop("d", None)
        joint = options.pop("gradients", None)
        self.name = node_name(options.pop("node", self.schema.name), options.pop("overload", 0))
        if options:
            raise TypeError(f"row {signature!r} has unknown options {sorted(options)}")
        known = {i.name for i in self.schema.inputs}
        if unknown := rules.keys() - known:
            raise ValueError(f"row {signature!r} has rules for {sorted(unknown)}, which are not inputs of it")
        self.derivative = rule(self.schema, d) if d else None
        self.rules = {name: rule(self.schema, f) for name, f in rules.items()}
        if self.derivative:
            self.rules[self.schema.inputs[0].name] = holomorphic(self.derivative)
        self.joint = rule(self.schema, joint) if joint else None
        # Operands of a promoting row are saved as they were given; the formula runs in the dtype they were promoted to.
        self.casts_saved = bool(self.promote) and len(self.schema.inputs) > 1
        self.is_differentiable = bool(self.rules or self.joint)
        # The inputs that have edges, as PyTorch gives them: indices, masks and conditions have none.
        self.edged = tuple(
            k for k, i in enumerate(self.schema.inputs) if i.differentiable and (self.joint or i.name in self.rules)
        )
        self.has_lists = any(i.is_list for i in self.schema.inputs)
        self.plans: dict[tuple[bool, ...], Plan] = {}
        self.kernels: dict[np.dtype, Callable[..., Any]] = {}
        self.node: type[RowNode] = type(self.name, (RowNode,), {"__slots__": (), "row": self})
        self.inplace: Callable[..., Tensor] | None = None

    def plan(self, needs: tuple[bool, ...]) -> Plan:
        """The plan for inputs of which these need a gradient, made once."""
        found = self.plans.get(needs)
        if found is None:
            found = self.plans[needs] = Plan(self, needs)
            if not any(i.is_list for i in self.schema.inputs) and not self.schema.is_variable:
                found.pull = compile_pull(self, found)
        return found

    def kernel_for(self, dtype: np.dtype) -> Callable[..., Any]:
        """The kernel for operands of a dtype: 16-bit floats computed wide, integers made floating where PyTorch does."""
        found = self.kernels.get(dtype)
        if found is None:
            if self.lacks:
                check_dtype(self.lacks, dtype)
            found = self.kernel
            if dtype in NARROW_TYPES and not self.exact:
                found = narrowed(found)
            elif self.promote == "float" and dtype.kind in "iub":
                return _floating(found)
            self.kernels[dtype] = found
        return found

    def pull(self, node: RowNode, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        """The cotangents of the inputs."""
        plan = node.plan
        F = LIVE if live else interpreter(node.dtype)
        values = self.environment(node, plan, cotangents, live)
        values["F"] = F
        if self.joint:
            if all(c is None for c in cotangents):
                return (None,) * len(node.edges)
            found = _interpret(self.joint, values, live)
            return self._flatten(node, dict(zip(self.edged, found)))
        if len(cotangents) == 1 and cotangents[0] is None:
            return (None,) * len(node.edges)
        return self._flatten(node, {i: _interpret(r, values, live) for i, r in plan.calls})

    def environment(self, node: RowNode, plan: Plan, cotangents: list[Any], live: bool) -> dict[str, Any]:
        """Every name that a rule may ask for, with its value."""
        values: dict[str, Any] = dict(zip(self.schema.attributes, node.attributes))
        for k, name in enumerate(plan.saves):
            values[name] = node.value(k, live)
        first = len(plan.saves)
        for k, name in enumerate(plan.metas):
            values[name] = node.saved[first + k]
        values["needs"] = plan.needs
        outputs = self.schema.outputs
        if len(outputs) == 1:
            values["g"] = cotangents if outputs[0].is_list else cotangents[0]
        else:
            for o, c in zip(outputs, cotangents):
                values["g_" + o.name] = c
        return values

    def _flatten(self, node: RowNode, found: dict[int, Any]) -> tuple[Any, ...]:
        """One cotangent for each edge, lists of inputs laid out."""
        if node.counts is None:
            return tuple([found.get(i) for i in self.edged])
        flat: list[Any] = []
        for i, count in zip(self.edged, node.counts):
            got = found.get(i)
            if self.schema.inputs[i].is_list:
                flat.extend([None] * count if got is None else got)
            elif count:
                flat.append(got)
        return tuple(flat)


def _interpret(rule: Rule, values: dict[str, Any], live: bool) -> Any:
    """Runs a rule; on arrays, where floating-point warnings are off."""
    args = [values[n] for n in rule.wants]
    return rule.function(*args) if live else state.run(rule.function, *args)


def as_saved(node: RowNode, position: int) -> Saved:
    """The general form of a saved input that the fast path keeps as (tensor, version)."""
    tensor, version = node.saved[position]
    saved = object.__new__(Saved)
    saved.array, saved.cell, saved.flags, saved.needs = tensor._array, tensor._cell, tensor._flags, tensor._needs
    saved.version, saved.is_output, saved.nr, saved.tensor = version, False, 0, tensor
    saved.edge, saved.unpack_hook, saved.packed = gradient_edge(tensor), None, None
    return saved


def record(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...], outputs: Sequence[Tensor]) -> RowNode | None:
    """Makes the node of a call and hangs the outputs on it, if some input needs a gradient."""
    edges: list[Any] = []
    needs = [False] * len(inputs)
    counts: list[int] = []
    for k in row.edged:
        given = inputs[k]
        members = given if isinstance(given, (list, tuple)) else (given,)
        found = [gradient_edge(t) if isinstance(t, Tensor) else None for t in members]
        edges += found
        counts.append(len(found))
        needs[k] = any(e is not None for e in found) or any(_needs_without_edge(t) for t in members)
    if not any(needs):
        return None
    node: RowNode = new(row.node)
    node.sequence = state.sequence
    state.sequence += 1
    node.hooks = node._metadata = None
    node.edges, node.attributes = tuple(edges), attributes
    node.counts = tuple(counts) if row.has_lists else None
    node.plan = row.plan(tuple(needs))
    attach(node, row, outputs)
    node.saved = save(node, inputs, outputs)
    return node


def _needs_without_edge(t: Any) -> bool:
    """A view that was made in no_grad mode requires grad as its base does, but has no edge."""
    return isinstance(t, Tensor) and t._edge is None and t._view is not None and t._view.base._needs


def attach(node: RowNode, row: Row, outputs: Sequence[Tensor]) -> None:
    """Makes the node the producer of its differentiable outputs."""
    declared = row.schema.outputs
    node.shape, node.dtype, node.metas = outputs[0]._array.shape, outputs[0]._array.dtype, None
    if len(outputs) > 1 or row.schema.is_variable:
        node.metas = tuple((t._array.shape, t._array.dtype) for t in outputs)
    for nr, t in enumerate(outputs):
        if declared[0 if row.schema.is_variable else nr].differentiable and t._array.dtype.kind not in "iub":
            t._edge, t._needs = (node, nr), True


def save(node: RowNode, inputs: Sequence[Any], outputs: Sequence[Tensor]) -> tuple[Any, ...]:
    """What the plan's rules need, as PyTorch packs it; Meta for a value of which only the shape is needed."""
    plan, entries = node.plan, []
    first_meta = len(plan.saves)
    for k, (is_output, position) in enumerate(plan.packs):
        value = outputs[position] if is_output else inputs[position]
        if k >= first_meta:
            entries.append(_meta(value))
        elif isinstance(value, (list, tuple)):
            entries.append(SavedList([Saved(t, False) for t in value]))
        elif not isinstance(value, Tensor):
            entries.append(value)
        elif value._flags or not state.plain or value._cell is None:
            entries.append(Saved(value, is_output, position if is_output else 0))
        elif is_output:
            entries.append(
                Result((value._array, value._cell, value._cell[0])) if position == 0 else Saved(value, True, position)
            )
        else:
            entries.append((value, value._cell[0]))
    return tuple(entries)


class SavedList(list[Saved]):
    """The saved members of a list input."""

    __slots__ = ()


def _meta(value: Any) -> Any:
    if isinstance(value, Tensor):
        a = value._array
        return Meta(a.shape, a.dtype, a.strides, 0 if a.base is None else storage_offset(a))
    if isinstance(value, (list, tuple)):
        return [_meta(v) for v in value]
    return value


def _floating(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel for integer operands of a function that computes in the default floating dtype."""

    def compute(*args: Any) -> Any:
        target = get_default_dtype().array
        wide = np.float32 if target.itemsize == 2 else target
        made = [
            a.astype(wide) if isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind in "iub" else a for a in args
        ]
        found = kernel(*made)
        return found.astype(target) if found.dtype == wide else found

    return compute


def op(signature: str, kernel: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compiles a row and returns its caller: tensors, then attributes, by position.

    Options besides the rules: `d`, `gradients` (all of them at once), `jvp` (LINEAR, MULTILINEAR, TRANSPOSE or a
    function), `promote` ("numbers": common dtype; "float": that, and integers become floating), `exact` (no rounding:
    16-bit floats need no widening), `view`, `node` and `overload` (PyTorch's node name), `public` (False: the caller is
    not itself the public function), `method`, `inplace` (False: no `name_`), `columns` (places of outputs
    that are column-major matrices, or a function of the attributes).
    Raises ValueError at import for a signature or a rule that asks for something unknown.
    """
    from ._calls import caller

    names = {i.name for i in parse(signature).inputs}
    rules = {name: options.pop(name) for name in tuple(options) if name in names}
    public, as_method = options.pop("public", True), options.pop("method", True)
    inplace = options.pop("inplace", None)
    row = Row(signature, kernel, rules, **options)
    # The first row of a node name has it; variants of an operator that share the node go by their own.
    ROWS[row.name if row.is_differentiable and row.name not in ROWS else row.schema.name] = row
    call = caller(row)
    register(row.schema.name, kernel, call, row.exact)
    if public:
        publish(row.schema.name, call, method=as_method)
        if inplace or (inplace is None and row.promote):
            from ._inplace import twin

            publish(
                row.schema.name + "_",
                twin(row),
                method=True,
                in_module=inplace == "function" or len(row.schema.inputs) == 1,
            )
    return call


def publish(name: str, function: Callable[..., Any], method: Any = False, in_module: bool = True) -> None:
    """Makes a function public under PyTorch's name (dotted below the module), and a Tensor method if asked (a string:
    under that name)."""
    if in_module:
        if name in PUBLIC:
            raise ValueError(f"two operators are published as {name!r}")
        PUBLIC[name] = function
    if method:
        setattr(Tensor, method if isinstance(method, str) else name.rpartition(".")[2], function)


def public(name: str | None = None, method: Any = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: publishes a function of tensors that picks rows or composes them."""

    def register_public(function: Callable[..., Any]) -> Callable[..., Any]:
        publish(name or function.__name__, function, method=method)
        return function

    return register_public


RAW.dtype_of = NARROW.dtype_of = lambda a: OF_ARRAY[a.dtype]
LIVE.dtype_of = lambda t: t.dtype
