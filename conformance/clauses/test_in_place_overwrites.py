"""Clauses of ``inplace``: writes that put other values in place of all or part of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..drawing.build import Builder, Value
from ..drawing.shapes import draw_broadcastable
from ..programs.program import Leaf
from ..promises.clause import clause, finished, generate
from .writing import (
    backward,
    basic_index,
    got,
    indexed,
    result,
    shape_with_places,
    versions,
    view_of,
)

AREA = "in-place-and-versions"


def copy_over(b: Builder) -> None:
    x, y = result(b)
    source = b.leaf(draw_broadcastable(b.source, y.shape), b.pick(("float32", "float64")))
    target = b.pick((y, y, view_of(b, y))) if y.shape else y
    b.write(target, "copy_", source if target is y else b.leaf(target.shape))
    b.observe(y, "graph", "version")
    backward(b, y)
    b.grad_of(x)


@clause(
    "inplace.copy_-gradients",
    "copy_ sends the gradient to its source, summed to the source's shape, and zero to what was overwritten.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: len(got(trace)) == 2 and not got(trace)[0].all(),
)
def test_copy_over(check: Any, programs: Any = generate(copy_over)) -> None:
    check(programs)


def fill_over(b: Builder) -> None:
    x, y = result(b)
    value = b.leaf(())
    kind = b.pick(("tensor", "number", "zero_"))
    if kind == "zero_":
        b.write(y, "zero_")
    else:
        b.write(y, "fill_", value if kind == "tensor" else b.pick((0, 2, -1.5)))
    b.observe(y, "graph", "version")
    backward(b, b.call("add", y, value))
    b.grad_of(x)


@clause(
    "inplace.fill-zero-gradients",
    "fill_ and zero_ give what was there zero gradient; a 0-dim tensor that fills gets the sum.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and any(not g.any() for g in got(trace)),
)
def test_fill_over(check: Any, programs: Any = generate(fill_over)) -> None:
    check(programs)


def assign(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    for _ in range(b.integer(1, 2)):
        entries = basic_index(b, y.shape)
        kept = indexed(y.shape, entries)
        value = b.pick((b.leaf(kept), b.leaf(draw_broadcastable(b.source, kept)), b.leaf(()), 2.5))
        b.write(y, "setitem", entries[0] if len(entries) == 1 and b.chance(2) else entries, value)
    b.observe(y, "graph", "version")
    backward(b, b.smooth(y, depth=1))
    b.grad_of(x)


@clause(
    "inplace.setitem-gradients",
    "Index assignment sends gradients to the assigned value where it was written, to the old tensor elsewhere.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and len(got(trace)) > 1 and max(versions(trace)) > 0,
)
def test_assign(check: Any, programs: Any = generate(assign)) -> None:
    check(programs)


def drawn_mask(b: Builder, shape: tuple[int, ...]) -> tuple[Value, int]:
    """A mask of a shape, and how many places it takes."""
    bits = np.array([b.choose(2) for _ in range(int(np.prod(shape)))], bool).reshape(shape)
    step = Leaf(bits.tobytes(), "bool", shape, "contiguous", False, b.modes)
    return b._add(step, shape, "bool", exact=True), int(bits.sum())


def assign_masked(b: Builder) -> None:
    x, y = result(b, b.pick(((3,), (2, 3), (1, 2), (2, 2, 2), (5,))))
    mask, count = drawn_mask(b, y.shape)
    value = b.pick((b.leaf(()), b.leaf((count,)), b.leaf((1,)), -2))
    b.write(y, "setitem", mask, value)
    b.observe(y, "graph", "version")
    backward(b, y)
    b.grad_of(x)


@clause(
    "inplace.setitem-mask",
    "Assignment under a boolean mask: the old contents get no gradient where it holds, the assigned values get it.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and versions(trace) == [1] and any(not g.all() for g in got(trace)),
)
def test_assign_masked(check: Any, programs: Any = generate(assign_masked)) -> None:
    check(programs)
