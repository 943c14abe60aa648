"""One operator = one row: a signature, a kernel on arrays, and one formula per differentiable input.

    sin = op("sin(self)", np.sin, d=lambda F, self: F.cos(self))
    mul = op("mul(self, other)", np.multiply, promote="numbers", jvp=MULTILINEAR,
             self=lambda g, F, other: g * F.conj(other), other=lambda g, F, self: g * F.conj(self))

`d` is the derivative of a holomorphic pointwise function: vjp g·conj(d), jvp t·d. A rule runs, and what it names is
saved, only if its input needs a gradient. The engine, not the rule, sums to the input's shape and casts to its dtype.
What PyTorch publishes as one function may be several rows (pow has three); the public function picks the row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import _errors as errors
from ._compile import compile_pull, holomorphic
from ._dtypes import OF_ARRAY, get_default_dtype
from ._interpreters import LIVE, NARROW, NARROW_TYPES, RAW, interpreter, narrowed, register
from ._layout import pointwise
from ._modes import state
from ._record import RowNode
from ._schema import Rule, node_name, parse, rule
from ._support import Lacks, check_dtype
from ._tensor import Tensor

LINEAR, MULTILINEAR, TRANSPOSE, POINTWISE = "linear", "multilinear", "transpose", "pointwise"
ROWS: dict[str, Row] = {}
PUBLIC: dict[str, Callable[..., Any]] = {}


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
        if len(row.rules) > 1:
            wanted.update(dict.fromkeys(_always_saved(row, results)))
        if row.joint:
            wanted.update(dict.fromkeys(row.joint.wants))
        inputs = {i.name for i in row.schema.inputs}
        self.saves = tuple(sorted(wanted.keys() & inputs)) + tuple(sorted(wanted.keys() & results))
        self.metas = tuple(sorted(n for n in wanted if n.endswith("_meta") and n[:-5] in inputs))
        # (is_output, position) of each saved name, then of each meta.
        place = {o.name: (True, k) for k, o in enumerate(row.schema.outputs)}
        place |= {i.name: (False, k) for k, i in enumerate(row.schema.inputs)}
        self.packs = tuple(place[n] for n in self.saves) + tuple(place[n[:-5]] for n in self.metas)


def _always_saved(row: Row, results: set[str]) -> Iterator[str]:
    """What PyTorch saves whichever input needs a gradient: the results that a rule asks for, and the inputs that
    several rules ask for. (What one rule alone asks for is saved if that rule will run.)"""
    asked = Counter(n for r in row.rules.values() for n in r.wants)
    inputs = {i.name for i in row.schema.inputs}
    return (n for n, count in asked.items() if n in results or (n in inputs and count > 1))


class Row:
    """An operator: what to compute, how to differentiate it, and how PyTorch names the node."""

    def __init__(
        self, signature: str, kernel: Callable[..., Any], rules: dict[str, Callable[..., Any]], **options: Any
    ) -> None:
        self.schema = parse(signature)
        self.is_single = len(self.schema.outputs) == 1 and not self.schema.is_variable
        self.is_followed = bool(self.schema.followed)
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
        self.keeps_strides: bool = options.pop("keeps_strides", False)
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
        self.needs_offset = "offset" in self.schema.attributes
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
        if all(c is None for c in cotangents):
            return (None,) * len(node.edges)
        if self.joint:
            found = _interpret(self.joint, values, live)
            return self._flatten(node, {i: g for i, g in zip(self.edged, found) if plan.needs[i]})
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
            for o, c in zip(self.schema.followed, cotangents):
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
    that are column-major matrices, or a function of the attributes), `keeps_strides` (the kernel's result owns its
    memory and is laid out as it should be).
    Raises ValueError at import for a signature or a rule that asks for something unknown.
    """
    from ._fast import caller

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
