"""Clauses of pointwise operators at bounds, kinks and poles, from abs to logsigmoid."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import generate, scenario
from .points import RULES, SHAPES, any_of, at, near, plain, point, pull_back
from .seeing import numbers

NAN, INF = float("nan"), float("inf")


@point("op.abs-zero", "abs has gradient 0 at 0 and the sign elsewhere.", RULES + " rule 2")
def test_abs(check: Any, programs: Any = at("abs", near(0.0, -0.0))) -> None:
    check(programs)


@point("op.hardtanh-boundaries", "hardtanh has gradient 0 at both its bounds.")
def test_hardtanh(
    check: Any,
    programs: Any = at("nn.functional.hardtanh", near(-1.0, 1.0, others=(0.5, -2.0, 2.0)), min_val=-1.0, max_val=1.0),
) -> None:
    check(programs)


@point("op.clamp-boundaries", "clamp has gradient 1 at its bounds, between them too, and 0 outside.")
def test_clamp(
    check: Any, programs: Any = at("clamp", near(-1.0, 1.0), min=any_of(-1.0, -1, None), max=any_of(1.0, 0.5))
) -> None:
    check(programs)


def one_bound(b: Builder) -> None:
    shape = b.pick(SHAPES)
    x = near(0.5)(b, shape)
    form = b.pick(("clamp_min", "clamp_max", "tensors"))
    if form == "tensors":
        low, high = (near(bound, others=(bound,))(b, shape) for bound in (0.5, 1.0))
        pull_back(b, b.call("clamp.tensors", x, low, high))
    else:
        pull_back(b, b.call("clamp_min", x, min=0.5) if form == "clamp_min" else b.call("clamp_max", x, max=0.5))


@point(
    "op.clamp-min-rule",
    "Drift: at a bound clamp_min and clamp_max have gradient 1, and a tie with a tensor bound goes to x.",
    RULES + " rule 2",
)
def test_one_bound(check: Any, programs: Any = generate(one_bound)) -> None:
    check(programs)


@point("op.clamp-nan-input", "clamp of nan has gradient 0.")
def test_clamp_nan(check: Any, programs: Any = at("clamp", near(NAN), min=any_of(-1.0, None), max=1.0)) -> None:
    check(programs)


@point(
    "op.clamp-tensor-bounds",
    "With tensor bounds the gradient goes to x within or on the bounds, to the bound that x is beyond else.",
)
def test_clamp_tensors(
    check: Any,
    programs: Any = at(
        "clamp.tensors", near(-1.0, 1.0, 3.0, -3.0), near(-1.0, others=(-1.0, -2.0)), near(1.0, others=(1.0, 2.0))
    ),
) -> None:
    check(programs)


def crossed(b: Builder) -> None:
    shape = b.pick(SHAPES)
    x = near(0.0, 2.0, -1.0, 3.0)(b, shape)
    if b.chance(2):
        pull_back(b, b.call("clamp", x, min=2.0, max=b.pick((-1.0, 1.0))))
    else:
        low, high = near(2.0, others=(2.0, 3.0))(b, shape), near(-1.0, others=(-1.0, 1.0))(b, shape)
        pull_back(b, b.call("clamp.tensors", x, low, high))


@point("op.clamp-min-above-max", "Where min > max, clamp gives max, and max the whole gradient.")
def test_crossed(check: Any, programs: Any = generate(crossed)) -> None:
    check(programs)


@point("op.leaky-relu-zero", "leaky_relu has its negative slope at 0.", RULES + " rule 2")
def test_leaky_relu(
    check: Any,
    programs: Any = at("nn.functional.leaky_relu", near(0.0, -0.0), negative_slope=any_of(0.25, 0.0, 2.0, -0.5)),
) -> None:
    check(programs)


@point("op.elu-zero", "elu with alpha 1 has gradient 1 at 0.", RULES + " rule 1")
def test_elu(check: Any, programs: Any = at("nn.functional.elu", near(0.0, -0.0), alpha=1.0)) -> None:
    check(programs)


def steep(b: Builder) -> None:
    x = near(0.0, -0.0)(b, b.pick(SHAPES))
    selu = b.chance(2)
    pull_back(b, b.call("nn.functional.selu", x) if selu else b.call("nn.functional.elu", x, alpha=b.pick((2.0, 0.5))))


@point(
    "op.elu-alpha2-zero",
    "Drift: at 0 elu has gradient alpha even where 1 is smaller, and selu scale times alpha.",
    RULES + " rule 3",
)
def test_steep(check: Any, programs: Any = generate(steep)) -> None:
    check(programs)


@point(
    "op.hardsigmoid-hardswish-boundaries",
    "hardsigmoid has gradient 0 at -3 and at 3; hardswish 0 at -3 and 1 at 3.",
)
def test_hard(
    check: Any,
    programs: Any = at(
        ("nn.functional.hardsigmoid", "nn.functional.hardswish"), near(-3.0, 3.0, others=(0.5, -4.0, 4.0))
    ),
) -> None:
    check(programs)


@point("op.logsigmoid-extremes", "logsigmoid has gradient 1 far below 0 and 0 far above, never nan.")
def test_logsigmoid(
    check: Any, programs: Any = at("nn.functional.logsigmoid", near(-100.0, 100.0, -1e4, 1e4, 0.0))
) -> None:
    check(programs)


@point("op.frac", "frac has gradient 1, at whole numbers too.")
def test_frac(check: Any, programs: Any = at("frac", near(0.0, 2.0, -1.0, others=(0.25, -1.75)))) -> None:
    check(programs)


@point("op.div-rounding-modes", "A division that rounds has gradient 0 for both operands.")
def test_div_rounded(
    check: Any,
    programs: Any = at(
        "div.rounded", near(0.0, 3.0, -3.0, 0.5), near(1.0, -2.0, 1.5), rounding_mode=any_of("floor", "trunc")
    ),
) -> None:
    check(programs)


@point("op.fmod", "fmod has gradient 1 for the dividend and -trunc(x / y) for the divisor.")
def test_fmod(
    check: Any, programs: Any = at("fmod", near(0.0, 3.0, -3.0, others=(1.25, -2.75)), near(1.0, -1.0, 1.5))
) -> None:
    check(programs)


@point(
    "op.div-zero",
    "1 / 0 has gradients inf and -inf; 0 / 0 inf for the numerator and nan for the denominator.",
    RULES + " rule 4",
)
def test_div(check: Any, programs: Any = at("div", near(0.0, 1.0, -1.0), near(0.0, -0.0))) -> None:
    check(programs)


@point("op.log-zero", "log has gradient inf at 0, and log1p at -1.", RULES + " rule 4")
def test_log(check: Any, programs: Any = at(("log", "log1p", "log2", "log10"), near(0.0, -1.0))) -> None:
    check(programs)


@point("op.atan2-origin", "atan2 has gradient 0 for both at (0, 0).")
def test_atan2(
    check: Any, programs: Any = at("atan2", near(0.0, others=(0.0, 1.0)), near(0.0, others=(0.0, -1.0)))
) -> None:
    check(programs)


@point("op.hypot-origin", "Drift: hypot has gradient nan for both at (0, 0).", RULES + " rule 2")
def test_hypot(
    check: Any, programs: Any = at("hypot", near(0.0, others=(0.0, 3.0)), near(0.0, others=(0.0, -4.0)))
) -> None:
    check(programs)


@point(
    "op.inverse-trig-edges", "asin has gradient inf at ±1, acos -inf, atanh inf; beyond it is nan.", RULES + " rule 4"
)
def test_inverse_trig(
    check: Any, programs: Any = at(("asin", "acos", "atanh"), near(1.0, -1.0, others=(0.5, -0.25, 2.0)))
) -> None:
    check(programs)


@point(
    "op.logit-edges",
    "logit has gradient inf at 0 and 1; with eps it is 0 beyond [eps, 1 - eps] and 1 / (x (1 - x)) at the bounds.",
)
def test_logit(
    check: Any, programs: Any = at("logit", near(0.0, 1.0, 0.25, 0.75, others=(0.5, 0.125)), eps=any_of(None, 0.25))
) -> None:
    check(programs)


@point(
    "op.copysign",
    "copysign has gradient 1 or -1 for the magnitude as the signs agree, 0 where that is 0, and 0 for the sign.",
)
def test_copysign(check: Any, programs: Any = at("copysign", near(0.0, -0.0), near(0.0, -0.0, -1.0))) -> None:
    check(programs)


def mantissas(torch: Any, drawn: Any) -> Any:
    data, powers = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    mantissa, exponent = torch.frexp(x)
    mantissa.sum().backward()
    seen = mantissa.tolist(), exponent.tolist(), exponent.requires_grad, x.grad.tolist(), mantissa.grad_fn.name()
    y = torch.tensor([powers] * len(data), dtype=torch.float64, requires_grad=True)
    by_x, by_y = torch.autograd.grad(torch.ldexp(x, y).sum(), (x, y))
    return seen, by_x.tolist(), [round(v, 9) for v in by_y.tolist()]


@point("op.ldexp-frexp", "frexp's mantissa has gradient 2 to minus the exponent; ldexp has one for both arguments.")
def test_mantissas(
    check: Any, drawn: Any = scenario(mantissas, lambda b: (numbers(b), b.pick((1.0, 0.0, -2.0, 3.0))))
) -> None:
    check(drawn)


def between(b: Builder) -> None:
    shape = b.pick(SHAPES)
    start, end = near(1.0, 0.0)(b, shape), plain()(b, shape)
    if b.chance(2):
        pull_back(b, b.call("lerp", start, end, weight=b.pick((0.0, 1.0, 0.5, 0.75, 1.5, -1.0))))
    else:
        pull_back(b, b.call("lerp.tensor", start, end, near(0.0, 1.0, 0.5)(b, shape)))


@point("op.lerp", "lerp has gradients 1 - w, w and end - start.", RULES + " rule 1")
def test_between(check: Any, programs: Any = generate(between)) -> None:
    check(programs)


def smooth_units(b: Builder) -> None:
    x = near(0.0, -0.0)(b, b.pick(SHAPES))
    op = b.pick(("silu", "gelu", "mish"))
    options = {"approximate": b.pick(("none", "tanh"))} if op == "gelu" else {}
    pull_back(b, b.call(f"nn.functional.{op}", x, **options))


@point("op.glu-silu-mish", "silu and gelu have gradient 1/2 at 0, and mish 0.6.", RULES + " rule 1")
def test_smooth_units(check: Any, programs: Any = generate(smooth_units)) -> None:
    check(programs)
