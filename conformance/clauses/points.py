"""Operators at special points: kinks, ties, zeros, infinities, NaN. One line states a clause's programs:

    @point("op.maximum-tie", "maximum and minimum give half to each operand at a tie.", RULE_3)
    def test_maximum_tie(check, programs=at(("maximum", "minimum"), near(1.0), near(1.0))): check(programs)

Every program holds the point by construction, among ordinary numbers, at a drawn place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeVar

from .. import catalogue
from ..drawing.build import Builder, Value
from ..drawing.domains import NONZERO, REAL, Domain
from ..drawing.generate import apply_tracked, cotangents, differentiable_outputs
from ..drawing.shapes import Shape
from ..promises.clause import Programs, Witness, clause, generate
from .applying import got_gradient

AREA = "non-differentiable-points"
RULES = "notes/autograd#Gradients for non-differentiable functions"
SHAPES: tuple[Shape, ...] = ((2,), (3,), (1,), (2, 3), (5,), (3, 2), (2, 2, 2), (17,))
SQUARES: tuple[Shape, ...] = ((2, 2), (3, 3), (2, 2, 2))
ORDINARY = (1.0, 2.0, -1.0, 0.5)
FEW = Domain("few", (1.0, 2.0, 0.0, -1.0), -1, 2, jitter=False)
"""So few values that there are ties."""
Operand = Callable[[Builder, Shape], Any]
F = TypeVar("F", bound=Callable[..., None])


def point(
    id: str, sentence: str, source: str = "observed", *, witness: Witness = got_gradient, profile: str = "reverse"
) -> Callable[[F], F]:
    """A clause about an operator at special points. Another choice there is a convention, not a fault."""
    return clause(id, sentence, source=source, area=AREA, profile=profile, witness=witness, convention=True)


def near(
    *points: float, others: Sequence[float] = ORDINARY, grad: bool = True, like: Callable[[Shape], Shape] = tuple
) -> Operand:
    """A leaf with one of the points at a drawn place; elsewhere others, and the points again now and then."""

    def draw(b: Builder, shape: Shape) -> Value:
        shape = like(shape)
        values = [b.pick((*others, *points)) for _ in range(prod(shape))]
        if values:
            values[b.integer(0, len(values) - 1)] = b.pick(points)
        return b.given(values, shape, requires_grad=grad)

    return draw


def tied(extreme: float, *others: float, count: int = 2, grad: bool = True) -> Operand:
    """A leaf in which ``extreme`` stands at least ``count`` times in each lane of the last dimension."""

    def draw(b: Builder, shape: Shape) -> Value:
        lane = max(shape[-1], count)
        values: list[float] = []
        for _ in range(prod(shape[:-1])):
            row = [b.pick((*others, extreme)) for _ in range(lane)]
            first = b.integer(0, lane - count)
            row[first], row[b.integer(first + 1, lane - 1) if count > 1 else first] = extreme, extreme
            values.extend(row)
        return b.given(values, (*shape[:-1], lane), requires_grad=grad)

    return draw


def plain(domain: Domain = REAL, grad: bool = True) -> Operand:
    """A leaf of ordinary numbers."""
    return lambda b, shape: b.leaf(shape, domain=domain, requires_grad=grad, layout="contiguous")


def any_of(*choices: Any) -> Operand:
    """An argument that is no tensor."""
    return lambda b, shape: b.pick(choices)


def at(
    ops: str | tuple[str, ...], *operands: Any, shapes: tuple[Shape, ...] = SHAPES, output: int = 0, **attrs: Any
) -> Programs:
    """Programs that call one of the operators on drawn operands and pull a drawn cotangent back through it; of several
    outputs, ``output`` is taken."""

    def build(b: Builder) -> None:
        shape = b.pick(shapes)
        args, named = ([drawn(b, shape, o) for o in operands], {k: drawn(b, shape, v) for k, v in attrs.items()})
        op = b.pick((ops,) if isinstance(ops, str) else ops)
        pull_back(b, b.call(op, *args, form=catalogue.find(op).plain_forms[0], **named), output)

    return generate(build)


def across(*ops: str, domain: Domain | None = None) -> Programs:
    """Programs that call one of the operators on arguments as its catalogue line draws them; ``domain`` in place of
    the line's own."""

    def build(b: Builder) -> None:
        b.override = domain
        line = catalogue.find(b.pick(ops))
        outputs = differentiable_outputs(b, apply_tracked(b, line))
        b.override = None
        b.backward(*outputs, gradient=cotangents(b, outputs), form="function")

    return generate(build)


def drawn(b: Builder, shape: Shape, operand: Any) -> Any:
    """An operand: drawn where it is a function, else itself."""
    return operand(b, shape) if callable(operand) else operand


def pull_back(b: Builder, result: Value, output: int = 0) -> None:
    """A backward pass from a call's output, with a cotangent without zeros."""
    root = b.item(result, output) if result.parts is not None else result
    if not root.known:
        root = b.call("sum", root)
    b.backward(root, gradient=b.like(root, NONZERO))
