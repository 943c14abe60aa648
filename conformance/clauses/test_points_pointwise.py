"""Clauses of pointwise operators at special points, from mul to xlogy."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..drawing.domains import CONDITION, NONZERO, POSITIVE
from ..promises.clause import generate
from .applying import got_gradient, pull
from .points import RULES, any_of, at, near, plain, point, pull_back

NAN, INF = float("nan"), float("inf")
SIGNED = (1.0, -1.0, 2.0, -0.5)


@point("op.mul-by-zero-inf", "x·0 at an infinite x is nan, and its gradient 0.")
def test_mul(check: Any, programs: Any = at("mul", near(INF, -INF), any_of(0, 0.0))) -> None:
    check(programs)


@point("op.nan-to-num", "nan_to_num has gradient 0 where it replaced something, and 1 elsewhere.")
def test_nan_to_num(
    check: Any, programs: Any = at("nan_to_num", near(NAN, INF, -INF), nan=any_of(None, 1.0), posinf=any_of(None, 2.0))
) -> None:
    check(programs)


@point("op.nextafter", "nextafter has gradient 1 for its first argument and 0 for the second.")
def test_nextafter(check: Any, programs: Any = at("nextafter", near(1.0, 0.0), near(1.0, 0.0, 2.0))) -> None:
    check(programs)


def mask(b: Builder, shape: Any) -> Any:
    return b.leaf(shape, "bool", domain=CONDITION, requires_grad=False)


@point("op.where", "where sends the gradient to the selected operand, and 0 to the other.", RULES + " rule 1")
def test_where(check: Any, programs: Any = at("where", mask, near(INF, NAN, 0.0), near(-INF, NAN, 0.0))) -> None:
    check(programs)


@point("op.pow-zero-exponent", "x**0 has gradient 0, at x = 0 too.")
def test_pow_zero(check: Any, programs: Any = at("pow", near(0.0, -1.0), any_of(0, 0.0))) -> None:
    check(programs)


@point(
    "op.pow-scalar-exponent-zero-base", "x**n at 0 has gradient 0 for n > 1, 1 for n = 1, inf below.", RULES + " rule 4"
)
def test_pow_base(check: Any, programs: Any = at("pow", near(0.0), any_of(2, 1, 0.5, 3, 1.5, -1, -0.5))) -> None:
    check(programs)


@point(
    "op.pow-tensor-exponent-zero-base",
    "0**0 and 0**2 with a tensor exponent give 0 to base and exponent; 0**-1 gives -inf to both.",
)
def test_pow_both(
    check: Any, programs: Any = at("pow", near(0.0, others=(1.0, 2.0, 0.0)), near(0.0, 2.0, -1.0))
) -> None:
    check(programs)


@point("op.pow-negative-base-exponent-nan", "A negative base gives nan as the exponent's gradient.")
def test_pow_negative(check: Any, programs: Any = at("pow", near(-1.0, -2.0), near(2.0, 3.0, -1.0, 0.5))) -> None:
    check(programs)


@point("op.pow-scalar-base", "c**e has gradient c**e·log c; for c = 0 it is 0 where e >= 0, and -inf below.")
def test_pow_scalar(check: Any, programs: Any = at("pow", any_of(0, 0.0, 2, 0.5, 1), near(0.0, -1.0, 2.0))) -> None:
    check(programs)


@point("op.prelu-zero", "prelu has the weight as its slope at 0; the weight's gradient sums the negative inputs.")
def test_prelu(
    check: Any, programs: Any = at("nn.functional.prelu", near(0.0, -1.0), near(0.25, -0.5, like=lambda shape: (1,)))
) -> None:
    check(programs)


def signs(b: Builder) -> None:
    x = near(0.0)(b, (b.integer(1, 4),))
    # PyTorch's own gradient here is a tensor without memory: it is seen once added to another.
    pull(b, b.call("add", b.call("sgn", x), x))


@point("op.real-sgn-zerotensor", "sgn of real numbers has gradient 0 everywhere.")
def test_signs(check: Any, programs: Any = generate(signs)) -> None:
    check(programs)


@point("op.sign-zero-grad", "sign has gradient 0 everywhere.")
def test_sign(check: Any, programs: Any = at("sign", near(0.0, NAN, INF))) -> None:
    check(programs)


@point("op.reciprocal-zero", "reciprocal has gradient -inf at 0.", RULES + " rule 4")
def test_reciprocal(check: Any, programs: Any = at("reciprocal", near(0.0, -0.0, INF))) -> None:
    check(programs)


@point("op.relu-zero", "relu has gradient 0 at 0.", RULES + " rule 2")
def test_relu(check: Any, programs: Any = at(("relu", "nn.functional.relu"), near(0.0, -0.0))) -> None:
    check(programs)


@point("op.relu6-boundaries", "relu6 has gradient 0 at 0 and at 6.")
def test_relu6(check: Any, programs: Any = at("nn.functional.relu6", near(0.0, 6.0, others=(1.0, 7.0, -1.0)))) -> None:
    check(programs)


@point("op.remainder", "remainder has gradient 1 for the dividend and -floor(x / y) for the divisor.")
def test_remainder(
    check: Any, programs: Any = at("remainder", near(0.0, 3.0, -3.0, others=(1.25, -2.75)), near(1.0, -1.0, 1.5))
) -> None:
    check(programs)


def rounded(b: Builder) -> None:
    x = near(0.0, 0.5, 1.5, -2.5, others=(0.25, 1.75, -0.75))(b, b.pick(((2,), (1,), (2, 3))))
    op = b.pick(("floor", "ceil", "round", "trunc", "round.decimals"))
    if op == "round.decimals":
        pull_back(b, b.call(op, x, decimals=b.integer(-1, 2)))
    else:
        pull_back(b, b.call(op, x))


@point("op.rounding-zero-grad", "floor, ceil, round (with decimals too) and trunc have gradient 0 everywhere.")
def test_rounded(check: Any, programs: Any = generate(rounded)) -> None:
    check(programs)


@point("op.rsqrt-zero", "rsqrt has gradient -inf at 0.", RULES + " rule 4")
def test_rsqrt(check: Any, programs: Any = at("rsqrt", near(0.0, -1.0, INF))) -> None:
    check(programs)


@point("op.shrink-boundaries", "softshrink and hardshrink have gradient 0 at ±lambda.")
def test_shrink(
    check: Any,
    programs: Any = at(
        ("nn.functional.softshrink", "nn.functional.hardshrink"), near(0.5, -0.5, others=SIGNED), lambd=0.5
    ),
) -> None:
    check(programs)


@point("op.sinc-zero", "sinc has gradient 0 at 0.", RULES + " rule 1")
def test_sinc(check: Any, programs: Any = at("sinc", near(0.0, 1.0))) -> None:
    check(programs)


@point("op.softplus-threshold", "softplus has gradient sigmoid(x), and exactly 1 above its threshold.")
def test_softplus(
    check: Any,
    programs: Any = at(
        "nn.functional.softplus", near(1.0, 2.0, 0.5, 25.0), beta=any_of(1.0, 2.0), threshold=any_of(1.0, 20.0)
    ),
) -> None:
    check(programs)


@point("op.sqrt-domain", "sqrt has gradient inf at 0 and nan below.", RULES + " rule 4")
def test_sqrt(check: Any, programs: Any = at("sqrt", near(0.0, -1.0))) -> None:
    check(programs)


@point("op.threshold-boundary", "threshold has gradient 0 at the threshold.")
def test_threshold(
    check: Any,
    programs: Any = at("nn.functional.threshold", near(0.5, others=SIGNED), threshold=0.5, value=any_of(0.0, 2.0)),
) -> None:
    check(programs)


@point("op.xlogy", "xlogy gives log y to x, but 0 where x = 0 and y <= 0; and x / y to y, so nan at (0, 0).")
def test_xlogy(check: Any, programs: Any = at("xlogy", near(0.0), near(0.0, -1.0))) -> None:
    check(programs)


def partly_used(b: Builder) -> None:
    x = plain(NONZERO)(b, b.pick(((3,), (4, 2), (2, 3))))
    kept = b.call("narrow", x, 0, b.integer(0, 1), 1) if b.chance(2) else b.call("select", x, 0, b.integer(0, 1))
    pull(b, b.smooth(kept, depth=1))


def some_zeros(trace: Any) -> bool:
    (gradient,) = trace.gradients.values() if got_gradient(trace) else (None,)
    return gradient is not None and bool((gradient.array == 0).any())


@point(
    "op.unused-rows-zero", "Places that the result doesn't depend on get 0, not None.", RULES + " rule 1",
    witness=some_zeros,
)  # fmt: skip
def test_partly_used(check: Any, programs: Any = generate(partly_used)) -> None:
    check(programs)


def smooth_kinks(b: Builder, width: float) -> None:
    op, keyword = b.pick((("smooth_l1_loss", "beta"), ("huber_loss", "delta")))
    shape = b.pick(((3,), (2,), (2, 2)))
    target = plain(POSITIVE, grad=b.chance(2))(b, shape)
    error = near(0.0, width, -width, others=(0.25, 3.0, -3.0), grad=False)(b, shape)
    x = b.flag(b.call("detach", b.call("add", target, error)), "requires_grad_")
    options: dict[str, Any] = {keyword: width, "reduction": b.pick(("mean", "sum", "none"))}
    pull_back(b, b.call(f"nn.functional.{op}", x, target, **options))


@point(
    "op.smooth-l1-kinks",
    "smooth_l1 and huber have the error's sign as gradient at |error| = beta, and 0 at 0.",
    RULES + " rule 1",
)
def test_smooth_kinks(check: Any, programs: Any = generate(lambda b: smooth_kinks(b, b.pick((1.0, 0.5))))) -> None:
    check(programs)


def no_width(b: Builder) -> None:
    shape = b.pick(((3,), (2,), (2, 2)))
    x, target = (near(1.0, others=(1.0, 2.0))(b, shape) for _ in range(2))
    options: dict[str, Any] = {"beta": 0.0, "reduction": b.pick(("mean", "sum", "none"))}
    pull_back(b, b.call("nn.functional.smooth_l1_loss", x, target, **options))


@point("op.smooth-l1-beta0", "smooth_l1 with beta 0 is L1, with gradient 0 at 0.")
def test_no_width(check: Any, programs: Any = generate(no_width)) -> None:
    check(programs)


@point("op.softmax-all-inf", "softmax of -inf alone is nan, and so is its gradient.")
def test_softmax(
    check: Any,
    programs: Any = at("softmax", near(-INF, others=(-INF,)), dim=-1, shapes=((2,), (3,), (2, 3), (1,))),
) -> None:
    check(programs)
