"""Clauses of operators at special points: ties, order statistics, running extrema."""

from __future__ import annotations

from typing import Any

from .points import RULES, any_of, at, near, point, tied

NAN, INF = float("nan"), float("inf")
ROWS = ((3,), (2, 3), (5,), (2, 2), (3, 4), (2, 2, 3))


@point("op.max-all-ties", "max() and min() over all elements split the gradient evenly among ties.", "torch.max")
def test_max_all(check: Any, programs: Any = at("max", tied(3.0, 1.0, 2.0), shapes=ROWS)) -> None:
    check(programs)


@point("op.min-all-ties", "min() over all elements splits the gradient evenly among ties.", "torch.min")
def test_min_all(check: Any, programs: Any = at("min", tied(-3.0, 1.0, 2.0), shapes=ROWS)) -> None:
    check(programs)


@point("op.max-dim-ties", "max(dim) and min(dim) send the gradient to the returned index alone.", "torch.max")
def test_max_dim(
    check: Any,
    programs: Any = at(
        ("max.dim", "min.dim"), tied(2.0, 2.0), dim=any_of(-1, 0), keepdim=any_of(False, True), shapes=ROWS
    ),
) -> None:
    check(programs)


@point("op.maximum-tie", "maximum and minimum give half to each operand at a tie.", RULES + " rule 2")
def test_maximum(
    check: Any,
    programs: Any = at(("maximum", "minimum"), near(1.0, others=(1.0, 2.0)), near(1.0, others=(1.0, 2.0))),
) -> None:
    check(programs)


@point("op.maximum-nan", "Where an operand of maximum is nan both get the whole gradient.")
def test_maximum_nan(check: Any, programs: Any = at(("maximum", "minimum"), near(NAN), near(1.0, NAN))) -> None:
    check(programs)
