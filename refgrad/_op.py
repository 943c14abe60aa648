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
from ._graph import CallableNode, gradient_edge
from ._interpreters import LIVE, NARROW, NARROW_TYPES, RAW, interpreter, narrowed, register
from ._layout import pointwise
from ._modes import local, state
from ._saved import Result, Saved, SavedList, SavedTensor, raise_modified
from ._schema import Meta, Rule, node_name, parse, rule
from ._storage import storage_offset
from ._support import Lacks, check_dtype
from ._tensor import Tensor, new, plain

LINEAR, MULTILINEAR, TRANSPOSE, POINTWISE = "linear", "multilinear", "transpose", "pointwise"
ROWS: dict[str, Row] = {}
PUBLIC: dict[str, Callable[..., Any]] = {}


class RowNode(CallableNode):
    """The node of a row: `row` its class, `attributes` the call's, `plan` which inputs need a cotangent."""

    __slots__ = ("attributes", "counts", "plan")

    row: Row
    prefix = ""
    attributes: tuple[Any, ...]
    plan: Plan
    counts: tuple[int, ...] | None

    def name(self) -> str:
        return self.prefix + type(self).__name__

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        try:
            return self.plan.pull(self, cotangents, live)
        except ValueError as error:
            if live or "broadcast" not in str(error):
                raise
            # A hook gave a value of another shape: on Tensors the formula fails in PyTorch's words.
            return self.plan.pull(self, [g if g is None else plain(g) for g in cotangents], True)

    def release(self) -> None:
        if self.plan.saves:
            self.saved = None

    def value(self, entry: Any, live: bool) -> Any:
        """A saved value, its version checked."""
        kind = type(entry)
        if kind is tuple:
            tensor, version = entry
            if tensor._cell[0] != version:
                raise_modified(tensor._array, tensor._cell, version, gradient_edge(tensor))
            return self._cast(tensor if live else tensor._array, tensor._array.dtype, live)
        if kind is Result:
            array, cell, version = entry
            if cell[0] != version:
                raise_modified(array, cell, version, (self, 0))
            return entry.tensor_for(self) if live else array
        if kind is Saved:
            found = entry.tensor_for(self) if live else entry.raw(self)
            return self._cast(found, (found._array if live else found).dtype, live)
        if kind is SavedList:
            return [s.tensor_for(self) if live else s.raw(self) for s in entry]
        return entry

    def _cast(self, value: Any, dtype: np.dtype, live: bool) -> Any:
        """A saved operand in the dtype to which the call promoted it."""
        if dtype == self.dtype or not self.row.casts_saved:
            return value
        return LIVE.cast(value, self.dtype) if live else value.astype(self.dtype)

    def __getattr__(self, name: str) -> Any:
        """`_saved_<name>`, what the node keeps, and `_raw_saved_<name>`, the handle on it."""
        raw, saved = name.startswith("_raw_saved_"), name.startswith("_saved_")
        if raw or saved:
            asked = name.removeprefix("_raw_saved_" if raw else "_saved_")
            if raw and asked in self.row.saved_names:
                return self._handle(asked)
            if saved and asked in self.row.saved_names:
                return self._kept(asked)
            if saved and asked in self.row.schema.attributes:
                return self.attributes[self.row.schema.attributes.index(asked)]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        kept = [f"{prefix}{n}" for n in self.row.saved_names for prefix in ("_saved_", "_raw_saved_")]
        return [*super().__dir__(), *kept, *(f"_saved_{n}" for n in self.row.schema.attributes)]

    def _kept(self, asked: str) -> Any:
        name = self.row.saved_names[asked]
        if self.saved is None:
            raise RuntimeError(errors.SECOND_BACKWARD)
        if name not in self.plan.saves:
            return None
        return self.value(self.saved[self.plan.saves.index(name)], True)

    def _handle(self, asked: str) -> Any:
        """The handle on a saved value, which is brought to its general form first."""
        name = self.row.saved_names[asked]
        if self.saved is None or name not in self.plan.saves:
            return SavedTensor(self, None)
        position = self.plan.saves.index(name)
        entry = self.saved[position]
        if type(entry) in (tuple, Result):
            entry = general(self, entry)
            self.saved = (*self.saved[:position], entry, *self.saved[position + 1 :])
        if type(entry) is SavedList:
            return tuple(SavedTensor(self, member) for member in entry)
        return SavedTensor(self, entry if type(entry) is Saved else None)


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
        # How the strides of a result follow from the operands; None: they are the kernel's own.
        self.layout: Callable[..., Any] | None = options.pop("layout", pointwise if self.promote else None)
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
        asked = {n for r in (*self.rules.values(), *filter(None, [self.joint])) for n in r.wants}
        outputs = {o.name: "result" if o.name == "out" else o.name for o in self.schema.outputs}
        self.saved_names = {n: n for n in asked & {i.name for i in self.schema.inputs}}
        self.saved_names |= {shown: n for n, shown in outputs.items() if n in asked}
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
        saved = node.saved
        if saved is None:
            raise RuntimeError(errors.SECOND_BACKWARD)
        for k, name in enumerate(plan.saves):
            values[name] = node.value(saved[k], live)
        first = len(plan.saves)
        for k, name in enumerate(plan.metas):
            values[name] = saved[first + k]
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


def general(node: RowNode, entry: Any) -> Saved:
    """The general form of a value that the fast path keeps as (tensor, version) or as a Result."""
    tensor = entry[0] if type(entry) is tuple else entry.tensor_for(node)
    saved: Saved = new(Saved)
    saved.nr, saved.needs, saved.is_leaf = 0, tensor._needs, tensor._edge is None
    saved.is_own = type(entry) is Result
    saved.edge = None if saved.is_own else gradient_edge(tensor)
    saved.keep(tensor)
    saved.version, saved.unpack_hook, saved.packed, saved.view, saved.tangents = entry[-1], None, None, None, None
    return saved


def record(
    row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...], outputs: Sequence[Tensor], is_write: bool = False
) -> RowNode | None:
    """Makes the node of a call and hangs the outputs on it, if some input needs a gradient. Of an in-place write only
    the inputs are saved yet: the result is still to be stored."""
    me = local.me
    if me.inference:
        return None
    edges: list[Any] = []
    needs = [False] * len(inputs)
    counts: list[int] = []
    for k in row.edged:
        given = inputs[k]
        members = given if isinstance(given, (list, tuple)) else (given,)
        found = [gradient_edge(t) if isinstance(t, Tensor) else None for t in members]
        edges += found
        counts.append(len(found))
        needs[k] = any(e is not None for e in found) or any(map(is_severed, members))
    if not any(needs):
        return None
    node: RowNode = new(row.node)
    node.sequence = me.sequence
    me.sequence += 1
    node.hooks = node._metadata = None
    node.edges, node.attributes = tuple(edges), attributes
    node.counts = tuple(counts) if row.has_lists else None
    node.plan = row.plan(tuple(needs))
    attach(node, row, outputs)
    node.saved = save(node, inputs, () if is_write else outputs)
    if me.anomaly is not None:
        me.anomaly.note(node)
    return node


def is_severed(t: Any) -> bool:
    """Whether it is a view that requires grad through its base alone (made in no_grad mode): it counts as an input that
    needs a gradient, but the gradient goes nowhere."""
    return isinstance(t, Tensor) and t._view is not None and t._edge is None and t._view.base._needs


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
    first_meta, is_plain = len(plan.saves), local.me.plain
    for k, (is_output, position) in enumerate(plan.packs):
        if is_output:
            entries.append(_saved_result(outputs[position], position, is_plain) if outputs else None)
            continue
        value = inputs[position]
        if k >= first_meta:
            entries.append(_meta(value))
        elif isinstance(value, (list, tuple)):
            entries.append(SavedList([Saved(t, False) for t in value]))
        elif not isinstance(value, Tensor):
            entries.append(value)
        elif value._flags or not is_plain or value._cell is None:
            entries.append(Saved(value, False))
        else:
            entries.append((value, value._cell[0]))
    return tuple(entries)


def _saved_result(value: Tensor, position: int, is_plain: bool) -> Any:
    if position or value._flags or value._view is not None or not is_plain or value._cell is None:
        return Saved(value, True, position)
    return Result((value._array, value._cell, value._cell[0]))


def save_results(node: RowNode, outputs: Sequence[Tensor]) -> None:
    """Adds the stored result of an in-place write to what its node keeps."""
    saved = list(node.saved)
    for k, (is_output, position) in enumerate(node.plan.packs):
        if is_output:
            saved[k] = _saved_result(outputs[position], position, local.me.plain)
    node.saved = tuple(saved)


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
