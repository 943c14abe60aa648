"""Clauses of extremes and order, products, norms and distances at ties, zeros and infinities, up to the letter l."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import generate
from .points import FEW, RULES, across, any_of, at, near, plain, point, pull_back, tied

NAN, INF = float("nan"), float("inf")
ROWS = ((3,), (5,), (2, 3), (2, 2, 3), (2,))


def extreme(b: Builder) -> None:
    op, values = b.pick((("amax", (3.0, 1.0, 2.0)), ("amin", (0.0, 1.0, 2.0))))
    x = tied(*values, count=b.integer(2, 3))(b, b.pick(ROWS))
    dim = b.pick(((-1,), tuple(range(len(x.shape)))))
    pull_back(b, b.call(op, x, dim=dim, keepdim=b.chance(2)))


@point("op.amax-ties", "amax and amin split the gradient evenly among ties.", "torch.amax")
def test_extreme(check: Any, programs: Any = generate(extreme)) -> None:
    check(programs)


def both_extremes(b: Builder) -> None:
    x = near(1.0, others=(1.0, 2.0))(b, b.pick(((4,), (5,), (2, 4), (3, 3))))
    found = b.call("aminmax", x, dim=-1, keepdim=b.chance(2))
    roots = [b.item(found, i) for i in b.pick(((0, 1), (0,), (1,)))]
    b.backward(*roots, gradient=[b.like(root) for root in roots], form="function")


@point("op.aminmax-ties", "aminmax splits each of its two gradients evenly among ties.")
def test_both_extremes(check: Any, programs: Any = generate(both_extremes)) -> None:
    check(programs)


@point(
    "op.fmax-tie",
    "Drift: fmax and fmin give the whole gradient to the first operand at a tie.",
    RULES + " rule 2",
)
def test_fmax(
    check: Any, programs: Any = at(("fmax", "fmin"), near(1.0, others=(1.0, 2.0)), near(1.0, others=(1.0, 2.0)))
) -> None:
    check(programs)


@point("op.fmax-nan", "fmax and fmin send the gradient to the operand that isn't nan.")
def test_fmax_nan(check: Any, programs: Any = at(("fmax", "fmin"), near(NAN), near(NAN, 1.0))) -> None:
    check(programs)


@point(
    "op.kthvalue-topk-sort",
    "kthvalue, topk, sort and msort send the gradient back to the places that the values came from.",
)
def test_places_of_values(
    check: Any, programs: Any = across("kthvalue", "topk", "sort", "sort.stable", "msort")
) -> None:
    check(programs)


@point("op.cummax-ties", "cummax and cummin send gradients to the place that they record: of equals, the last.")
def test_cummax(check: Any, programs: Any = across("cummax", "cummin", domain=FEW)) -> None:
    check(programs)


@point("op.adaptive-max-pool-ties", "Adaptive max pooling picks the first of equal largest elements.")
def test_adaptive(
    check: Any,
    programs: Any = across("nn.functional.adaptive_max_pool1d", "nn.functional.adaptive_max_pool2d", domain=FEW),
) -> None:
    check(programs)


@point("op.cumprod-zeros", "cumprod differentiates through a zero without dividing by it.")
def test_cumprod(check: Any, programs: Any = at("cumprod", near(0.0), dim=-1, shapes=ROWS)) -> None:
    check(programs)


def two_zeros(b: Builder) -> None:
    n = b.integer(3, 6)
    values = [b.pick((2.0, -1.0, 0.5)) for _ in range(n)]
    first = b.integer(0, n - 2)
    values[first] = values[b.integer(first + 1, n - 1)] = 0.0
    pull_back(b, b.call("cumprod", b.given(values, (n,)), dim=0))


@point("op.cumprod-two-zeros", "With two zeros cumprod's gradient stays finite and exact.")
def test_two_zeros(check: Any, programs: Any = generate(two_zeros)) -> None:
    check(programs)


def no_distance(b: Builder) -> None:
    width, order = b.integer(1, 3), b.pick((2.0, 1.0, 3.0, INF))
    row = [b.pick((1.0, -2.0, 0.5)) for _ in range(width)]
    kind = b.pick(("dist", "cdist", "pdist"))
    if kind == "pdist":
        pull_back(b, b.call("nn.functional.pdist", b.given(row * 3, (3, width)), p=order))
        return
    shape = (width,) if kind == "dist" else (1, width)
    pull_back(b, b.call(kind, b.given(row, shape), b.given(row, shape), p=order))


@point("op.distance-zero", "dist, cdist and pdist of points that coincide have gradient 0.", RULES + " rule 2")
def test_no_distance(check: Any, programs: Any = generate(no_distance)) -> None:
    check(programs)


def nothing_to_reduce(b: Builder) -> None:
    x = b.leaf(b.pick(((0,), (2, 0), (0, 3), (1, 0, 2))))
    op = b.pick(("sum", "mean", "prod", "sum.dim", "mean.dim", "prod.dim"))
    dim = {"prod.dim": 0, "sum.dim": (0,), "mean.dim": (0,)}.get(op)
    pull_back(b, b.call(op, x) if dim is None else b.call(op, x, dim=dim, keepdim=b.chance(2)))


@point("op.empty-reductions", "sum, mean and prod of no elements have an empty gradient.")
def test_nothing_to_reduce(check: Any, programs: Any = generate(nothing_to_reduce)) -> None:
    check(programs)


@point("op.logsumexp-inf", "logsumexp of -inf alone has gradient nan, and at a +inf entry too.")
def test_logsumexp(
    check: Any,
    programs: Any = at(
        "logsumexp", near(-INF, INF, others=(-INF, 1.0)), dim=(-1,), keepdim=any_of(False, True), shapes=ROWS
    ),
) -> None:
    check(programs)


@point("op.log-softmax-masked", "log_softmax with -inf among its entries has finite gradients for the others.")
def test_log_softmax(check: Any, programs: Any = at("log_softmax", near(-INF), dim=-1, shapes=ROWS[:4])) -> None:
    check(programs)


@point("op.frobenius-norm-zero", "The Frobenius norm has gradient 0 at the zero matrix.", RULES + " rule 2")
def test_frobenius(
    check: Any,
    programs: Any = at(
        "linalg.matrix_norm", near(0.0, others=(0.0,)), ord="fro", keepdim=any_of(False, True),
        shapes=((2, 2), (1, 1), (2, 3), (2, 2, 2)),
    ),
) -> None:  # fmt: skip
    check(programs)


def largest_coordinate(b: Builder) -> None:
    few = near(1.0, others=(0.0, 2.0, 1.0, -1.0))
    if b.chance(2):
        pull_back(b, b.call("nn.functional.pdist", few(b, b.pick(((2, 2), (3, 2), (2, 3)))), p=INF))
    else:
        width = b.integer(1, 3)
        pull_back(b, b.call("cdist", few(b, (2, width)), few(b, (b.integer(1, 2), width)), p=INF))


@point(
    "op.cdist-inf-and-pdist",
    "Distances of order inf follow the largest coordinate; every coordinate that ties gets the gradient.",
)
def test_largest_coordinate(check: Any, programs: Any = generate(largest_coordinate)) -> None:
    check(programs)


def no_direction(b: Builder) -> None:
    shape = b.pick(((3,), (2, 3), (1, 2)))
    zero = near(0.0, others=(0.0,))(b, shape)
    other = plain()(b, shape)
    operands = (zero, other) if b.chance(2) else (other, zero)
    pull_back(b, b.call("nn.functional.cosine_similarity", *operands, dim=-1, eps=b.pick((1e-8, 0.5))))


@point("op.cosine-similarity-zero", "cosine_similarity of a zero vector is 0, with a finite gradient of order 1 / eps.")
def test_no_direction(check: Any, programs: Any = generate(no_direction)) -> None:
    check(programs)
