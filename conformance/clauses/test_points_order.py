"""Clauses of operators at special points: ties, order statistics, running extrema."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..drawing.domains import DISTINCT
from ..promises.clause import generate
from .points import FEW, RULES, across, any_of, at, near, plain, point, pull_back, tied

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


@point("op.median-all-ties", "median() over all elements splits the gradient evenly among equal ones.", "torch.median")
def test_median_all(check: Any, programs: Any = at("median", tied(1.0, 1.0, 2.0, 0.0), shapes=ROWS)) -> None:
    check(programs)


def even_median(b: Builder) -> None:
    shape = b.pick(((2,), (4,), (2, 2), (3, 4), (6,)))
    x = plain(DISTINCT)(b, shape)
    if b.chance(2):
        pull_back(b, b.call("median", x))
    else:
        pull_back(b, b.call("median.dim", x, dim=-1, keepdim=b.chance(2)))


@point(
    "op.median-even-lower",
    "The median of an even number of elements is the lower middle one; median(dim) sends the gradient to it alone.",
    "torch.median",
)
def test_even_median(check: Any, programs: Any = generate(even_median)) -> None:
    check(programs)


def nan_median(b: Builder) -> None:
    x = near(NAN, others=(1.0, 2.0, 3.0, 0.0))(b, b.pick(ROWS))
    if b.chance(2):
        pull_back(b, b.call("nanmedian", x))
    else:
        pull_back(b, b.call("nanmedian.dim", x, dim=b.integer(-1, 0), keepdim=b.chance(2)))


@point("op.nanmedian", "nanmedian passes over nan, which gets gradient 0.", "torch.nanmedian")
def test_nan_median(check: Any, programs: Any = generate(nan_median)) -> None:
    check(programs)


@point("op.mode-gradient", "mode sends the gradient to the returned index alone.")
def test_mode(
    check: Any,
    programs: Any = at("mode", tied(2.0, 1.0, 3.0, count=2), dim=any_of(-1), keepdim=any_of(False, True), shapes=ROWS),
) -> None:
    check(programs)


@point("op.topk", "topk gives gradient to the selected places alone.")
def test_topk(check: Any, programs: Any = across("topk")) -> None:
    check(programs)


@point("op.sort-stable-ties", "A stable sort keeps equal elements in order, and gradients follow the permutation.")
def test_stable_sort(check: Any, programs: Any = across("sort.stable", domain=FEW)) -> None:
    check(programs)


@point("op.quantile", "quantile spreads the gradient by the weights of its interpolation.")
def test_quantile(check: Any, programs: Any = across("quantile", "nanquantile")) -> None:
    check(programs)


@point("op.max-pool-ties", "Max pooling sends the gradient to the first maximum of a window; windows' shares add up.")
def test_max_pool(
    check: Any, programs: Any = across(*(f"nn.functional.max_pool{n}d" for n in (1, 2, 3)), domain=FEW)
) -> None:
    check(programs)
