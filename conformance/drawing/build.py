"""The builder: draws a program step by step and keeps an abstract state of every value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .. import catalogue
from ..programs.leafdata import DTYPES, LAYOUTS, is_complex, is_differentiable
from ..programs.program import (
    SEEDS,
    Backward,
    Call,
    Drop,
    Flag,
    Grad,
    GradOf,
    Hook,
    Item,
    Leaf,
    MultiHook,
    Observe,
    Program,
    Ref,
    Region,
    RemoveHook,
    RetainGrad,
    SetGrad,
    Step,
    Transform,
    Write,
)
from .domains import REAL, Domain, draw_data
from .shapes import Shape, draw_edge, draw_huge, draw_shape, grow
from .source import Source

if TYPE_CHECKING:
    from ..catalogue import Operator

T = TypeVar("T")


@dataclass(slots=True)
class Value:
    """What the builder knows of a value. ``shape`` None: not known (it can still be summed); ``parts``: a tuple."""

    index: int
    shape: Shape
    dtype: str
    requires_grad: bool = False
    is_leaf: bool = True
    known: bool = True
    parts: tuple[tuple[Shape, str], ...] | None = None
    domain: Domain | None = None
    exact: bool = False

    @property
    def ref(self) -> Ref:
        return Ref(self.index)


def as_argument(value: Any) -> Any:
    """Values become refs, lists tuples; the rest stays."""
    if type(value) is Value:
        return Ref(value.index)
    if type(value) in (list, tuple):
        return tuple(as_argument(part) for part in value)
    return value


class Builder:
    """Draws from a source and appends steps. Clauses and operator strategies are written against it."""

    def __init__(self, source: Source, dtype: str = "float32", params: Sequence[Value] = ()) -> None:
        self.source = source
        self.dtype = dtype
        self.steps: list[Step] = []
        self.values: list[Value] = list(params)
        self.modes: tuple[str, ...] = ()
        self.override: Domain | None = None
        self.params = len(self.values)
        self.sizes = "any"
        self.choose = source.choose

    # Draws

    def pick(self, options: Sequence[T]) -> T:
        """One of the options; the first is the simplest."""
        return options[self.choose(len(options))]

    def integer(self, low: int, high: int) -> int:
        return low + self.choose(high - low + 1)

    def chance(self, one_in: int) -> bool:
        """True once in ``one_in`` draws."""
        return self.choose(one_in) == one_in - 1

    def shape(self, low: int = 0, high: int = 3) -> Shape:
        return draw_huge(self.source, low, high) if self.sizes == "huge" else draw_shape(self.source, low, high)

    def many(self, options: Sequence[T], huge: T) -> T:
        """The size of a batch, or whatever else may be large: one of the options, or ``huge`` in a huge program."""
        drawn = self.pick(options)
        return huge if self.sizes == "huge" else drawn

    def extent(self, options: Sequence[int], huge: int) -> int:
        """One dimension: among the options, or ``huge`` in a huge program; 1, 0 or the first where edges are tested."""
        if self.sizes == "edge":
            return (1, 0, options[0])[self.choose(3)]
        return self.many(options, huge)

    def grown(self, shape: Shape, dim: int = 0, times: int = 1) -> Shape:
        """The shape; in a huge program its dimension ``dim`` makes it ``times`` 65,536 elements or just more."""
        return grow(shape, dim, times) if self.sizes == "huge" else shape

    def size(self, options: Sequence[int]) -> int:
        """A size among the options; 1 or the first of them where edges are what is tested."""
        return (1, options[0])[self.choose(2)] if self.sizes == "edge" else self.pick(options)

    # Values

    def _add(self, step: Step, shape: Shape = (), dtype: str = "", **facts: Any) -> Value:
        value = Value(self.params + len(self.steps), shape, dtype, **facts)
        self.steps.append(step)
        self.values.append(value)
        return value

    def leaf(
        self,
        shape: Shape | None = None,
        dtype: str | None = None,
        domain: Domain = REAL,
        requires_grad: bool = True,
        layout: str | None = None,
    ) -> Value:
        """A leaf with drawn data; whatever isn't given is drawn (the dtype: the builder's)."""
        dtype = dtype or self.dtype
        shape = self.shape() if shape is None else shape
        if self.override is not None and is_differentiable(dtype):
            domain = self.override
        if layout is None:
            layout = self._layout()
        data = draw_data(self.source, domain, dtype, shape)
        grad = requires_grad and is_differentiable(dtype)
        step = Leaf(data, dtype, shape, layout, grad, self.modes)
        return self._add(step, shape, dtype, requires_grad=grad, domain=domain, exact=True)

    def given(
        self, values: Sequence[complex], shape: Shape, dtype: str | None = None, requires_grad: bool = True
    ) -> Value:
        """A leaf of the given numbers, in C order."""
        dtype = dtype or self.dtype
        array = np.array(values, DTYPES[dtype])
        step = Leaf(array.tobytes(), dtype, shape, "contiguous", requires_grad, self.modes)
        return self._add(step, shape, dtype, requires_grad=requires_grad, exact=True)

    def _layout(self) -> str:
        """Contiguous three times in four; nearly never where layouts are what is tested."""
        if self.sizes == "layout":
            return LAYOUTS[(1 + self.choose(len(LAYOUTS))) % len(LAYOUTS)]
        drawn = self.choose(24)
        return LAYOUTS[drawn - 17] if drawn > 17 else "contiguous"

    def operand(
        self,
        shape: Shape | None = None,
        rank: tuple[int, int] = (0, 4),
        domain: Domain = REAL,
        dtype: str | None = None,
        grad: bool = True,
    ) -> Value:
        """An operand of a drawn operator: here a new leaf; the whole-language builder reuses values."""
        if shape is None:
            shape = self.draw_shape(*rank)
        return self.leaf(shape, dtype, domain, grad and self.choose(8) != 7)

    def draw_shape(self, low: int = 0, high: int = 4) -> Shape:
        """A shape for an operand, of the kind that the property asks for."""
        if self.sizes == "edge":
            return draw_edge(self.source, low, high)
        if self.sizes == "huge":
            return draw_huge(self.source, low, high)
        return draw_shape(self.source, max(low, min(high, 2)) if self.sizes == "layout" else low, high)

    def like(self, value: Value, domain: Domain = REAL) -> Value:
        """A constant of a value's shape and dtype: a cotangent, a seed."""
        return self.leaf(value.shape, value.dtype, domain, requires_grad=False)

    # Steps

    def call(self, op: str, *args: Any, form: str = "function", **attrs: Any) -> Value:
        """Calls an operator of the catalogue by name. Values, numbers and lists of values are arguments."""
        operator = catalogue.find(op)
        outputs = operator.strategy.infer(args, attrs)
        plain = tuple(map(as_argument, args))
        modes = (*self.modes, self.pick(SEEDS)) if operator.random else self.modes
        step = Call(op, plain, tuple((k, as_argument(v)) for k, v in attrs.items()), form, modes)
        return self._result(step, operator, args, outputs)

    def refused(self, op: str, *args: Any, form: str = "function", **attrs: Any) -> Value:
        """A call on arguments that the operator does not take: nothing is known of what comes back."""
        step = Call(op, tuple(map(as_argument, args)), tuple((k, as_argument(v)) for k, v in attrs.items()), form)
        return self._add(step, known=False)

    def _result(self, step: Step, operator: Operator, args: tuple[Any, ...], outputs: Any) -> Value:
        tracked = operator.differentiable and self.recording() and any(v.requires_grad for v in values_in(args))
        if outputs is None:
            return self._add(step, (), self.dtype, requires_grad=tracked, is_leaf=not tracked, known=False)
        if operator.outputs is not None:
            return self._add(step, requires_grad=tracked, is_leaf=not tracked, parts=outputs)
        shape, dtype = outputs[0]
        tracked = tracked and is_differentiable(dtype)
        return self._add(step, shape, dtype, requires_grad=tracked, is_leaf=not tracked)

    def recording(self) -> bool:
        """Whether grad mode is on here."""
        for mode in reversed(self.modes):
            if mode in ("no_grad", "inference_mode", "set_grad_enabled:False"):
                return False
            if mode in ("enable_grad", "set_grad_enabled:True"):
                return "inference_mode" not in self.modes
        return True

    def apply(self, operator: Operator, form: str | None = None) -> Value:
        """Calls an operator on drawn arguments, in a drawn form."""
        args, attrs = operator.strategy.draw(self)
        form = form or self.pick(operator.plain_forms)
        # A Python operator takes no keywords: there the options keep their defaults.
        return self.call(operator.name, *args, form=form, **({} if form == "operator" else attrs))

    def write(self, target: Value, kind: str, *args: Any) -> Value:
        """Writes into a value: ``copy_``, ``fill_``, ``zero_`` or ``setitem`` with an index and a value."""
        if self.recording() and any(v.requires_grad for v in values_in(args)):
            target.requires_grad, target.is_leaf = True, False
        step = Write(target.ref, kind, tuple(map(as_argument, args)), self.modes)
        return self._add(step, target.shape, target.dtype, requires_grad=target.requires_grad, is_leaf=target.is_leaf)

    def item(self, value: Value, index: int) -> Value:
        shape, dtype = value.parts[index] if value.parts else ((), self.dtype)
        grad = value.requires_grad and is_differentiable(dtype)
        return self._add(Item(value.ref, index, self.modes), shape, dtype, requires_grad=grad, is_leaf=not grad)

    def flag(self, value: Value, flag: str, setting: bool = True) -> Value:
        value.requires_grad = setting if flag.startswith("requires_grad") else False
        return self._add(
            Flag(value.ref, flag, setting, self.modes), value.shape, value.dtype, requires_grad=value.requires_grad
        )

    def hook(self, value: Value, action: str = "record", kind: str = "tensor", tag: str | None = None) -> Value:
        return self._add(Hook(value.ref, kind, action, tag or f"h{len(self.steps)}", self.modes))

    def multi_hook(self, values: Sequence[Value], mode: str = "all", tag: str = "multi") -> Value:
        return self._add(MultiHook(tuple(v.ref for v in values), mode, tag, self.modes))

    def remove_hook(self, hook: Value) -> Value:
        return self._add(RemoveHook(hook.ref, self.modes))

    def retain_grad(self, value: Value) -> Value:
        return self._add(RetainGrad(value.ref, self.modes))

    def backward(
        self,
        *roots: Value,
        gradient: Value | Sequence[Value | None] | None = None,
        inputs: Sequence[Value] | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        form: str = "method",
    ) -> Value:
        """``backward`` from one root (a method) or several (``autograd.backward``)."""
        gradients = (gradient,) if isinstance(gradient, Value) else gradient
        step = Backward(
            as_argument(tuple(roots)),
            None if gradients is None else as_argument(tuple(gradients)),
            None if inputs is None else as_argument(tuple(inputs)),
            retain_graph,
            create_graph,
            form if len(roots) == 1 else "function",
            self.modes,
        )
        return self._add(step)

    def grad(
        self, outputs: Sequence[Value], inputs: Sequence[Value], grad_outputs: Any = None, **options: Any
    ) -> Value:
        """``autograd.grad``: a tuple with the shapes and dtypes of the inputs."""
        given = None if grad_outputs is None else as_argument(tuple(grad_outputs))
        step = Grad(as_argument(tuple(outputs)), as_argument(tuple(inputs)), given, **options, modes=self.modes)
        parts = tuple((v.shape, v.dtype) for v in inputs)
        return self._add(step, parts=parts, requires_grad=bool(options.get("create_graph")))

    def grad_of(self, value: Value) -> Value:
        return self._add(GradOf(value.ref, self.modes), value.shape, value.dtype)

    def set_grad(self, value: Value, grad: Value | None) -> Value:
        return self._add(SetGrad(value.ref, None if grad is None else grad.ref, self.modes))

    def drop(self, *values: Value) -> Value:
        return self._add(Drop(tuple(v.ref for v in values), self.modes))

    def observe(self, value: Value, *aspects: str) -> Value:
        return self._add(Observe(value.ref, aspects or ("flags", "graph", "version", "layout"), self.modes))

    @contextmanager
    def mode(self, *names: str) -> Iterator[None]:
        """Steps made inside run under these modes."""
        before = self.modes
        self.modes = (*before, *names)
        try:
            yield
        finally:
            self.modes = before

    def region(self, params: Sequence[Value], body: Callable[[Builder, list[Value]], Sequence[Value]]) -> Region:
        """A region whose parameters look like ``params``; ``body`` builds it and returns its results."""
        inner = Builder(self.source, self.dtype, [replace(v, index=i) for i, v in enumerate(params)])
        results = body(inner, list(inner.values))
        return Region(len(params), tuple(inner.steps), tuple(v.ref for v in results))

    def transform(
        self,
        kind: str,
        region: Region | None,
        args: Sequence[Any],
        parts: tuple[tuple[Shape, str], ...] | None = None,
        captures: Sequence[Value] = (),
        **options: Any,
    ) -> Value:
        """Runs a region through a transform; ``parts`` says what comes back when it is known."""
        given = tuple((k, as_argument(v)) for k, v in options.items())
        step = Transform(kind, region, as_argument(tuple(args)), as_argument(tuple(captures)), given, self.modes)
        tracked = self.recording() and any(v.requires_grad for v in values_in((*args, *captures)))
        return self._add(step, parts=parts, requires_grad=tracked, is_leaf=not tracked)

    # Larger pieces

    def smooth(self, *values: Value, depth: int | None = None) -> Value:
        """A drawn differentiable expression of all the values (same shape or broadcastable), 1 to 4 calls deep.

        A region has no tanh: its derivative subtracts what it saved, and noise, by which the judge measures such
        rounding, doesn't reach into a region."""
        names = ("mul", "sin", "add", "neg", "exp", *(() if self.params else ("tanh",)), "cos")
        current = values[0]
        for other in values[1:]:
            current = self.call(self.pick(("mul", "add", "sub")), current, other)
        for _ in range(self.integer(1, 3) if depth is None else depth):
            op = self.pick(names)
            if op in ("mul", "add"):
                other = self.pick((current, values[0], values[-1]))
                current = self.call(op, current, other)
            else:
                current = self.call(op, current)
        return current

    def scalar(self, *values: Value) -> Value:
        """A drawn smooth expression reduced to one element."""
        return self.call("sum", self.smooth(*values))

    def program(self) -> Program:
        return Program(tuple(self.steps))


def values_in(args: Any) -> Iterator[Value]:
    """Every Value among arguments."""
    for arg in args:
        if type(arg) is Value:
            yield arg
        elif type(arg) in (list, tuple):
            yield from values_in(arg)


def real_part(dtype: str) -> str:
    """The dtype of a complex dtype's parts."""
    return {"complex64": "float32", "complex128": "float64"}[dtype] if is_complex(dtype) else dtype


def replaced(args: Any, values: dict[int, Value]) -> Any:
    """The arguments with values put in others' place, by index."""
    if type(args) is Value:
        return values[args.index]
    if type(args) in (list, tuple):
        return tuple(replaced(part, values) for part in args)
    return args
