"""What clauses of views and in-place writes draw: views of a value, writes into one, operators by what they save."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

from ..catalogue.arguments import draw_dim
from ..drawing.build import Builder, Value
from ..drawing.shapes import Shape, draw_nonempty
from ..programs.program import Slice
from ..programs.trace import Observed, Trace

SAVES_INPUT = ("sin", "cos", "square", "sinh", "atan", "tan")
SAVES_RESULT = ("exp", "tanh", "sigmoid", "expm1")


def shape_with_places(b: Builder, low: int = 1, high: int = 3) -> Shape:
    """A shape without a zero, so that there is something to write to."""
    return draw_nonempty(b.source, low, high)


def result(b: Builder, shape: Shape | None = None) -> tuple[Value, Value]:
    """A leaf and a result of its shape that no node needs, so that it may be written to."""
    x = b.leaf(shape_with_places(b, 0) if shape is None else shape)
    return x, b.call(b.pick(("clone", "neg")), x) if b.chance(2) else b.call("mul", x, b.pick((2, 3, -1)))


def view_of(b: Builder, x: Value, kinds: tuple[str, ...] = ()) -> Value:
    """A drawn view of a value of no zero size, no element of it twice."""
    rank = len(x.shape)
    least = {"unsqueeze": 0, "diagonal": 2}
    fitting = [kind for kind in kinds or tuple(_VIEWS) if rank >= least.get(kind, 1)]
    return _VIEWS[b.pick(fitting)](b, x, draw_dim(b, rank))


def _select(b: Builder, x: Value, dim: int) -> Value:
    return b.call("select", x, dim, b.choose(x.shape[dim]))


def _narrow(b: Builder, x: Value, dim: int) -> Value:
    start = b.choose(x.shape[dim])
    return b.call("narrow", x, dim, start, b.integer(1, x.shape[dim] - start))


def _index(b: Builder, x: Value, dim: int) -> Value:
    return b.call("__getitem__", x, basic_index(b, x.shape), form="operator")


def _permute(b: Builder, x: Value, dim: int) -> Value:
    return b.call("permute", x, tuple((d + dim) % len(x.shape) for d in range(len(x.shape))))


_VIEWS: dict[str, Callable[[Builder, Value, int], Value]] = {
    "select": _select,
    "narrow": _narrow,
    "index": _index,
    "transpose": lambda b, x, dim: b.call("transpose", x, 0, dim),
    "unsqueeze": lambda b, x, dim: b.call("unsqueeze", x, dim),
    "permute": _permute,
    "diagonal": lambda b, x, dim: b.call("diagonal", x, offset=0, dim1=0, dim2=1),
}


def basic_index(b: Builder, shape: Shape) -> tuple[Any, ...]:
    """Integers and slices for the first dimensions of a shape without zeros."""
    entries: list[Any] = []
    for size in shape[: b.integer(1, len(shape))]:
        start = b.choose(size)
        entries.append(b.pick((start, Slice(start, size), Slice(None, None, 2), start - size)))
    return tuple(entries)


def indexed(shape: Shape, entries: tuple[Any, ...]) -> Shape:
    """The shape that a basic index leaves."""
    kept = [len(range(n)[e.start : e.stop : e.step]) for n, e in zip(shape, entries) if isinstance(e, Slice)]
    return (*kept, *shape[len(entries) :])


def plain_write(b: Builder, target: Value) -> Value:
    """An in-place call that saves nothing of its target."""
    op = b.pick(("mul", "add", "neg", "sub", "div"))
    return b.call(op, target, *(() if op == "neg" else (b.pick((2, 3, -1, 4)),)), form="inplace")


def any_write(b: Builder, target: Value) -> Value:
    """A drawn in-place write of any sort."""
    kind = b.pick(("plain", "unary", "fill_", "zero_", "copy_"))
    if kind == "plain":
        return plain_write(b, target)
    if kind == "unary":
        return b.call(b.pick(("sin", "tanh", "square")), target, form="inplace")
    args = {"fill_": (b.pick((0, 1, -2.5)),), "zero_": (), "copy_": (None,)}[kind]
    return b.write(target, kind, *((b.leaf(target.shape, requires_grad=False),) if kind == "copy_" else args))


def backward(b: Builder, root: Value) -> Value:
    """A backward pass with a cotangent of its own."""
    return b.backward(root, gradient=b.like(root))


def seen(trace: Trace) -> list[Observed]:
    """The tensors that Observe steps read facts of, in order."""
    return [
        s
        for s in trace.steps
        if isinstance(s, Observed) and (s.version is not None or s.strides or s.is_leaf is not None)
    ]


def versions(trace: Trace) -> list[int]:
    """The versions that were read, in order."""
    return [s.version for s in trace.steps if isinstance(s, Observed) and s.version is not None]


def got(trace: Trace) -> list[Any]:
    """The gradients of the leaves, as arrays."""
    return [g.array for g in trace.gradients.values() if isinstance(g, Observed)]


def raised_in_last(trace: Trace, steps: int = 1) -> bool:
    """Something raised among the last steps, and nothing before."""
    errors = [step for step, _ in trace.raised()]
    return len(errors) == 1 and errors[0] >= len(trace.steps) - steps


def strides_of(shape: Shape) -> Shape:
    """The strides of a row-major tensor."""
    return tuple(reversed([1, *accumulate(reversed(shape[1:]), lambda a, n: a * max(n, 1))])) if shape else ()
