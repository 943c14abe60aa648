"""Clauses of broadcasting: which shapes combine, and how gradients come back to the operands' own shapes."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..drawing.domains import NONZERO, OFF_GRID, POSITIVE
from ..drawing.shapes import Shape, draw_broadcastable
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, scenario
from .applying import got_gradient, last_raises, pull
from .seeing import warned

AREA = "broadcasting-and-promotion"
NOTE = "notes/broadcasting#General semantics"
PLAIN = ("add", "mul", "sub", "maximum", "div")


def stretched(b: Builder, shape: Shape) -> Shape:
    """A shape that broadcasts to the given one, seldom the same."""
    found = shape
    for _ in range(4):
        found = draw_broadcastable(b.source, shape)
        if found != shape:
            break
    return found


def outer_shapes(b: Builder) -> tuple[Shape, Shape]:
    """Two shapes that broadcast, either or both of them stretched."""
    whole = b.shape(1, 4)
    first, second = (whole, stretched(b, whole)) if b.chance(2) else (stretched(b, whole), stretched(b, whole))
    return (first, second) if b.chance(2) else (second, first)


def two_operands(b: Builder) -> Value:
    first, second = outer_shapes(b)
    return b.call(b.pick(PLAIN), b.leaf(first, domain=OFF_GRID), b.leaf(second, domain=NONZERO))


def shapes_differ(trace: Trace) -> bool:
    """Some gradient has another shape than some result."""
    made = {s.shape for s in trace.steps if isinstance(s, Observed)}
    taken = {g.shape for g in trace.gradients.values() if isinstance(g, Observed)}
    return got_gradient(trace) and bool(taken - made)


def values_only(b: Builder) -> None:
    first, second = outer_shapes(b)
    b.call(b.pick(PLAIN), b.leaf(first, requires_grad=False), b.leaf(second, domain=NONZERO, requires_grad=False))


@clause(
    "broadcast.rule",
    "Shapes align at the trailing dimension; sizes are equal, 1 or missing, and the result takes the larger.",
    source=NOTE,
    area=AREA,
    profile="values",
)
def test_rule(check: Any, programs: Any = generate(values_only)) -> None:
    check(programs)


def incompatible(b: Builder) -> None:
    shape = b.pick(((2,), (3,), (2, 3), (4, 1, 3), (2, 5)))
    at = b.integer(0, len(shape) - 1)
    other = tuple(d + b.integer(2, 3) if i == at else d for i, d in enumerate(shape))
    if shape[at] == 1:
        other = (5, *other)
        shape = (6, *shape)
    args = (b.leaf(shape), b.leaf(other))
    b.refused(b.pick(PLAIN), *(args if b.chance(2) else args[::-1]), form=b.pick(("function", "method")))


@clause(
    "broadcast.incompatible-error",
    "Sizes that differ and aren't 1 raise RuntimeError, with the sizes and the dimension.",
    source=NOTE,
    area=AREA,
    profile="tape",
    witness=last_raises,
)
def test_incompatible(check: Any, programs: Any = generate(incompatible)) -> None:
    check(programs)


def reduced(b: Builder) -> None:
    pull(b, b.smooth(two_operands(b), depth=b.integer(0, 2)))


@clause(
    "broadcast.gradient-reduced",
    "The gradient of a broadcast operand is summed to its own shape, dimensions of size 1 kept.",
    source=NOTE,
    area=AREA,
    profile="reverse",
    witness=shapes_differ,
)
def test_reduced(check: Any, programs: Any = generate(reduced)) -> None:
    check(programs)


def with_scalar(b: Builder) -> None:
    x, s = b.leaf(b.shape(1, 3)), b.leaf((), domain=NONZERO)
    args = (s, x) if b.chance(2) else (x, s)
    pull(b, b.call(b.pick(("mul", "add", "sub")), *args))


@clause(
    "broadcast.scalar-tensor-gradient",
    "A 0-dim operand gets a 0-dim gradient: the sum of all.",
    source=NOTE,
    area=AREA,
    profile="reverse",
    witness=lambda trace: got_gradient(trace) and any(g.shape == () for g in trace.gradients.values()),  # type: ignore[union-attr]
)
def test_with_scalar(check: Any, programs: Any = generate(with_scalar)) -> None:
    check(programs)


def chosen(b: Builder) -> Value:
    whole = b.shape(1, 3)
    condition = b.leaf(stretched(b, whole), "bool", requires_grad=False)
    return b.call("where", condition, b.leaf(stretched(b, whole)), b.leaf(whole))


def three(b: Builder) -> Value:
    whole = b.shape(1, 3)
    op = b.pick(("lerp.tensor", "addcmul", "addcdiv"))
    return b.call(op, b.leaf(stretched(b, whole)), b.leaf(whole), b.leaf(stretched(b, whole), domain=NONZERO))


def powers(b: Builder) -> Value:
    first, second = outer_shapes(b)
    return b.call(b.pick(("pow", "atan2")), b.leaf(first, domain=POSITIVE), b.leaf(second, domain=NONZERO))


def ties(b: Builder) -> Value:
    first, second = outer_shapes(b)
    return b.call(
        b.pick(("maximum", "minimum", "fmax")), b.leaf(first, domain=OFF_GRID), b.leaf(second, domain=NONZERO)
    )


def products(b: Builder) -> Value:
    batch, (n, m, k) = b.shape(1, 2), (b.integer(1, 3) for _ in range(3))
    return b.call("matmul", b.leaf((*stretched(b, batch), n, m)), b.leaf((*batch, m, k)))


def every_kind(b: Builder) -> None:
    pull(b, b.pick((chosen, three, powers, ties, products))(b))


@clause(
    "broadcast.all-op-kinds",
    "where, maximum, pow, lerp, addcmul and matmul's batch dimensions reduce broadcast gradients, too.",
    source="notes/broadcasting",
    area=AREA,
    profile="reverse",
    witness=shapes_differ,
)
def test_every_kind(check: Any, programs: Any = generate(every_kind)) -> None:
    check(programs)


def empties(b: Builder) -> None:
    whole = b.pick(((0,), (2, 0), (0, 3), (3, 0, 2), (1, 0)))
    small = tuple(1 if d == 0 else d for d in whole)[b.integer(0, 1) :]
    args = [b.leaf(whole), b.leaf(small, domain=NONZERO)]
    pull(b, b.call(b.pick(PLAIN), *(args if b.chance(2) else args[::-1])))


def zeros_came_back(trace: Trace) -> bool:
    grads = [g for g in trace.gradients.values() if isinstance(g, Observed) and g.array.size]
    return finished(trace) and bool(grads) and not any(g.array.any() for g in grads)


@clause(
    "broadcast.zero-size",
    "A size of 1 broadcasts to 0: the result is empty and the operand's gradient is zero.",
    source="notes/broadcasting",
    area=AREA,
    profile="reverse",
    witness=zeros_came_back,
)
def test_empties(check: Any, programs: Any = generate(empties)) -> None:
    check(programs)


def same_count(b: Builder) -> None:
    shape, other = b.pick((((4,), (2, 2)), ((6,), (2, 3)), ((3, 2), (6,)), ((2, 2, 3), (4, 3)), ((2, 6), (3, 4))))
    args = (b.leaf(shape), b.leaf(other))
    b.refused(b.pick(("add", "mul", "sub")), *(args if b.chance(2) else args[::-1]))


@clause(
    "broadcast.legacy-pointwise-removed",
    "Drift: tensors of equal size that don't broadcast raise RuntimeError.",
    source="notes/broadcasting#Backwards compatibility",
    area=AREA,
    witness=last_raises,
)
def test_same_count(check: Any, programs: Any = generate(same_count)) -> None:
    check(programs)


def silent(torch: Any, drawn: Any) -> Any:
    n, name, inplace = drawn
    switch = torch.utils.backcompat.broadcast_warning
    switch.enabled = True
    try:
        x, y = torch.ones(n, n if inplace else 1), torch.ones(n)
        result, given = warned(lambda: getattr(x, name + "_" if inplace else name)(y).tolist())
        return result, given, switch.enabled
    finally:
        switch.enabled = False


@clause(
    "broadcast.backcompat-warning",
    "Drift: torch.utils.backcompat.broadcast_warning makes nothing warn.",
    source="notes/broadcasting#Backwards compatibility",
    area=AREA,
)
def test_silent(
    check: Any,
    scene: Any = scenario(silent, lambda b: (b.integer(2, 4), b.pick(("add", "mul", "sub")), b.chance(2))),
) -> None:
    check(scene)
