"""Clauses of reductions and norms at special points."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..drawing.domains import NONZERO
from ..programs.trace import Nothing, Raised, Trace
from ..promises.clause import generate
from .points import RULES, any_of, at, near, plain, point, pull_back

NAN, INF = float("nan"), float("inf")
ROWS = ((3,), (2, 3), (5,), (2, 2), (1,))


def norm(b: Builder, x: Value, order: float) -> Value:
    """A vector norm in one of its forms."""
    kind = b.choose(3)
    if kind == 0:
        return b.call("norm", x, p=order)
    if kind == 1:
        return b.call("norm.dim", x, p=order, dim=(-1,), keepdim=b.chance(2))
    return b.call("linalg.vector_norm", x, ord=order, dim=(-1,), keepdim=b.chance(2))


def zero_norm(b: Builder) -> None:
    x = near(0.0, others=(0.0,))(b, b.pick(ROWS))
    pull_back(b, norm(b, x, b.pick((2, 1, 3, INF, 2.0))))


@point("op.norm-zero", "Norms of order 1, 2, 3 and inf of a zero vector have gradient 0.", RULES + " rule 2")
def test_zero_norm(check: Any, programs: Any = generate(zero_norm)) -> None:
    check(programs)


def tied_norm(b: Builder) -> None:
    largest = b.chance(2)
    x = near(*((3.0, -3.0) if largest else (0.5, -0.5)), others=(1.0, -2.0))(b, b.pick(ROWS))
    pull_back(b, norm(b, x, INF if largest else -INF))


@point(
    "op.norm-inf-ties",
    "The inf-norm splits the gradient evenly, with signs, among entries of largest size; -inf among the smallest.",
    RULES + " rule 2",
)
def test_tied_norm(check: Any, programs: Any = generate(tied_norm)) -> None:
    check(programs)


def zero_entries(b: Builder) -> None:
    x = near(0.0)(b, b.pick(ROWS))
    pull_back(b, norm(b, x, b.pick((0.5, 1.5, 0.75, 1.25))))


@point("op.norm-zero-entries", "Norms of order below 1 or between 1 and 2 give gradient 0 at zero entries.")
def test_zero_entries(check: Any, programs: Any = generate(zero_entries)) -> None:
    check(programs)


def counting_norm(b: Builder) -> None:
    x = plain(NONZERO)(b, b.pick(ROWS))
    root = b.call("sum", norm(b, x, 0))
    b.grad([root], [x], allow_unused=b.pick((True, None)))


def unused(trace: Trace) -> bool:
    last = trace.steps[-1]
    return isinstance(last, Raised) or (isinstance(last, tuple) and isinstance(last[0], Nothing))


@point("op.norm-p0-unused", "A norm of order 0 has no gradient: autograd.grad finds its input unused.", witness=unused)
def test_counting_norm(check: Any, programs: Any = generate(counting_norm)) -> None:
    check(programs)


@point("op.normalize-zero", "normalize of a zero vector has gradient 1 / eps times the cotangent.")
def test_normalize(
    check: Any,
    programs: Any = at(
        "nn.functional.normalize", near(0.0, others=(0.0,)), p=any_of(2.0, 1.0, 3.0), dim=-1, eps=any_of(0.5, 1e-12),
        shapes=ROWS,
    ),
) -> None:  # fmt: skip
    check(programs)


def coincident(b: Builder) -> None:
    shape = b.pick(((1, 2), (2, 3), (3, 1)))
    x = plain(NONZERO)(b, shape)
    y = b.flag(b.call("clone", b.call("detach", x)), "requires_grad_")
    options: dict[str, Any] = {"p": b.pick((2.0, 1.0, 3.0)), "keepdim": b.chance(2)}
    pull_back(b, b.call("nn.functional.pairwise_distance", x, y, **options))


@point("op.pairwise-distance-eps", "pairwise_distance of equal points has a gradient: eps is added to the difference.")
def test_coincident(check: Any, programs: Any = generate(coincident)) -> None:
    check(programs)


def passing_over(b: Builder) -> None:
    x = near(NAN)(b, b.pick(ROWS))
    op = b.pick(("nansum", "nansum.dim", "nanmean.dim"))
    pull_back(b, b.call(op, x, **({} if op == "nansum" else {"dim": (-1,), "keepdim": b.chance(2)})))


@point("op.nansum-nanmean", "nansum and nanmean give gradient 0 at nan.")
def test_passing_over(check: Any, programs: Any = generate(passing_over)) -> None:
    check(programs)


def spread(b: Builder, x: Value, correction: int) -> None:
    op = b.pick(("std.dim", "var.dim"))
    pull_back(b, b.call(op, x, dim=(-1,), correction=correction, keepdim=b.chance(2)))


def constant_spread(b: Builder) -> None:
    n, value = b.integer(2, 5), b.pick((1.0, 0.0, -2.5))
    spread(b, b.given([value] * n, (n,)), b.pick((1, 0)))


@point("op.std-constant", "std of equal elements has gradient 0, not nan.", RULES + " rule 2")
def test_constant_spread(check: Any, programs: Any = generate(constant_spread)) -> None:
    check(programs)


def single_spread(b: Builder, correction: int) -> None:
    spread(b, plain(NONZERO)(b, b.pick(((1,), (2, 1), (3, 1)))), correction)


@point("op.std-single", "std and var of one element are nan, and so are their gradients.")
def test_single(check: Any, programs: Any = generate(lambda b: single_spread(b, 1))) -> None:
    check(programs)


@point("op.std-correction-zero-single", "std of one element without correction has gradient 0.")
def test_single_uncorrected(check: Any, programs: Any = generate(lambda b: single_spread(b, 0))) -> None:
    check(programs)


def products(b: Builder) -> None:
    n = b.integer(1, 4)
    values = [b.pick((2.0, -1.0, 0.5, 3.0)) for _ in range(n)]
    for _ in range(b.integer(1, 2)):
        values[b.integer(0, n - 1)] = 0.0
    x = b.given(values, (n,))
    pull_back(b, b.call("prod", x) if b.chance(2) else b.call("prod.dim", x, dim=-1, keepdim=b.chance(2)))


@point(
    "op.prod-one-zero", "prod with one zero gives the others' product there and 0 elsewhere; with two zeros all get 0."
)
def test_products(check: Any, programs: Any = generate(products)) -> None:
    check(programs)


@point(
    "op.nuclear-norm-zero", "Drift: the nuclear norm's gradient at the zero matrix is the identity.", RULES + " rule 2"
)
def test_nuclear(
    check: Any,
    programs: Any = at(
        "linalg.matrix_norm", near(0.0, others=(0.0,)), ord="nuc", keepdim=any_of(False, True),
        shapes=((2, 2), (3, 3), (1, 1), (2, 3)),
    ),
) -> None:  # fmt: skip
    check(programs)
