"""Clauses of the rules for derivatives where there is none: kinks, ends of domains, nan and infinities."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..drawing.domains import CONDITION, NONZERO, OFF_GRID, POSITIVE
from ..programs.trace import Observed, Trace
from ..promises.clause import generate, scenario
from .applying import got_gradient, pull
from .points import RULES, at, near, plain, point, pull_back
from .seeing import attempt, facts, numbers

NAN, INF = float("nan"), float("inf")
SHAPES = ((2,), (1,), (3,), (2, 2))
DIVISION = RULES + " / Division by Zero in Autograd"


def nonfinite(trace: Trace) -> bool:
    """Some gradient isn't finite."""
    found = [g for g in trace.gradients.values() if isinstance(g, Observed)]
    return got_gradient(trace) and any((g.array - g.array != 0).any() for g in found)


@point("nondiff.rule1-differentiable", "Where an ordinary derivative exists it is the gradient.", RULES + " rule 1")
def test_rule1(
    check: Any,
    programs: Any = at(("abs", "floor", "nn.functional.relu", "sqrt", "log"), plain(POSITIVE)),
) -> None:
    check(programs)


def least_slope(b: Builder) -> None:
    x = near(0.0)(b, b.pick(SHAPES))
    op = b.pick(("abs", "relu", "norm", "nn.functional.relu"))
    if op == "norm":
        x = near(0.0, others=(0.0,))(b, (b.integer(1, 3),))
    pull_back(b, b.call(op, x, p=2) if op == "norm" else b.call(op, x))


@point("nondiff.rule2-convex-min-norm", "At a convex kink the smallest subgradient is taken.", RULES + " rule 2")
def test_rule2(check: Any, programs: Any = generate(least_slope)) -> None:
    check(programs)


def least_of_two(b: Builder) -> None:
    shape = b.pick(SHAPES)
    values = [b.pick((1.0, 2.0, -1.0)) for _ in range(shape[0] * (shape[1] if len(shape) > 1 else 1))]
    x, y = b.given(values, shape), b.given(values, shape)
    pull_back(b, b.call("minimum", x, y))


@point(
    "nondiff.rule3-concave-min-norm",
    "At a concave kink the smallest supergradient is taken: minimum gives half to each at a tie.",
    RULES + " rule 3",
)
def test_rule3(check: Any, programs: Any = generate(least_of_two)) -> None:
    check(programs)


@point(
    "nondiff.rule4-continuity-inf",
    "Else the gradient is extended by continuity, and may be infinite, as sqrt's at 0.",
    RULES + " rule 4",
    witness=nonfinite,
)
def test_rule4(check: Any, programs: Any = at(("sqrt", "log", "rsqrt", "reciprocal"), near(0.0))) -> None:
    check(programs)


@point(
    "nondiff.rule5-undefined-arbitrary",
    "Outside the domain the gradient is any: sqrt(-1) gives nan, log(-1) gives -1.",
    RULES + " rule 5",
)
def test_rule5(
    check: Any, programs: Any = at(("sqrt", "log", "asin", "acos", "atanh", "log2"), near(-1.0, -2.0))
) -> None:
    check(programs)


@point("nondiff.log-negative-finite", "log of a negative number is nan, and its gradient 1 / x.", RULES + " rule 5")
def test_log_negative(check: Any, programs: Any = at(("log", "log2", "log10"), near(-1.0, -2.0, -0.5))) -> None:
    check(programs)


def random_fill(torch: Any, drawn: Any) -> Any:
    data, name = drawn
    x = torch.tensor([abs(v) / 4 for v in data], requires_grad=True)
    torch.manual_seed(3)
    made = {
        "bernoulli": lambda: torch.bernoulli(x),
        "poisson": lambda: torch.poisson(x),
        "normal": lambda: torch.normal(x, 1.0),
        "rand_like": lambda: torch.rand_like(x),
        "multinomial": lambda: torch.multinomial(x + 1, 1),
    }[name]()
    found = attempt(lambda: made.sum().backward())
    return made.requires_grad, found, facts(x.grad)


@point(
    "nondiff.rule6-random-errors",
    "Drift: bernoulli, poisson and normal have gradient 0; what is only shaped like its input doesn't require grad.",
    RULES + " rule 6",
)
def test_rule6(
    check: Any,
    scene: Any = scenario(
        random_fill,
        lambda b: (numbers(b), b.pick(("bernoulli", "poisson", "normal", "rand_like", "multinomial"))),
    ),
) -> None:
    check(scene)


def one_sided(b: Builder) -> None:
    shape = b.pick(SHAPES)
    x = near(1.0, others=(1.0, 2.0))(b, shape)
    other = near(1.0, others=(1.0,), grad=b.chance(3))(b, b.pick((shape, (1,), ())))
    pull_back(b, b.call(b.pick(("maximum", "minimum")), *((x, other) if b.chance(2) else (other, x))))


@point(
    "nondiff.joint-tensor-input-space",
    "maximum of two tensors halves the gradient at a tie, though only one of them may require grad.",
    RULES + " rule 2",
)
def test_one_sided(check: Any, programs: Any = generate(one_sided)) -> None:
    check(programs)


def step_function(torch: Any, drawn: Any) -> Any:
    data, value, which = drawn
    x = torch.tensor(data, requires_grad=which != 1)
    values = torch.tensor(value, requires_grad=which != 0)
    made = torch.heaviside(x, values)
    return facts(made), attempt(lambda: made.sum().backward())


@point("nondiff.heaviside-error", "heaviside runs forward, and raises in backward.")
def test_step_function(
    check: Any,
    scene: Any = scenario(step_function, lambda b: (numbers(b), b.pick((0.0, 0.5, 1.0)), b.choose(3))),
) -> None:
    check(scene)


def nan_seed(b: Builder) -> None:
    x = plain(NONZERO)(b, b.pick(SHAPES))
    root = b.smooth(x, depth=b.integer(1, 2))
    seed = near(NAN, others=(1.0, 0.0, -2.0), grad=False)(b, root.shape)
    b.backward(root, gradient=seed)


@point(
    "nondiff.nan-seed-propagates", "A nan cotangent reaches the inputs that it is used for.", RULES, witness=nonfinite
)
def test_nan_seed(check: Any, programs: Any = generate(nan_seed)) -> None:
    check(programs)


@point(
    "nondiff.nan-input-abs-relu",
    "A nan input needn't give a nan gradient: abs gives 0 and relu 1.",
    RULES + " (nan paragraph)",
)
def test_nan_input(check: Any, programs: Any = at(("abs", "relu", "nn.functional.relu"), near(NAN))) -> None:
    check(programs)


def quotient(b: Builder) -> tuple[Value, Value, Value]:
    """A numerator, a divisor with zeros, and the mask of what isn't zero."""
    shape = b.pick(((2,), (3,), (2, 2)))
    x, divisor = plain(NONZERO)(b, shape), near(0.0, grad=b.chance(2))(b, shape)
    return x, divisor, b.call("ne", divisor, 0)


def masked_late(b: Builder) -> None:
    x, divisor, mask = quotient(b)
    ratio = b.call("div", x, divisor)
    zero = b.leaf((), requires_grad=False)
    pull(b, b.call("where", mask, ratio, zero) if b.chance(2) else b.call("mul", ratio, mask))


@point("nondiff.div-by-zero-mask-nan", "Masking after x / 0 leaves nan in the masked entry's gradient.", DIVISION)
def test_masked_late(check: Any, programs: Any = generate(masked_late)) -> None:
    check(programs)


def masked_early(b: Builder) -> None:
    x, divisor, mask = quotient(b)
    one = b.given([1.0], (), requires_grad=False)
    safe = b.call("where", mask, divisor, one)
    pull(b, b.call("mul", b.call("div", x, safe), mask))


@point("nondiff.div-by-zero-safe-mask", "Masking before the division gives the masked entry gradient 0.", DIVISION)
def test_masked_early(check: Any, programs: Any = generate(masked_early)) -> None:
    check(programs)


def leaking(b: Builder) -> None:
    shape = b.pick(((2,), (3,), (2, 2)))
    x = near(0.0, -1.0)(b, shape)
    mask = b.leaf(shape, "bool", domain=CONDITION, requires_grad=False)
    other = plain(OFF_GRID)(b, shape)
    args = (b.call(b.pick(("sqrt", "log", "reciprocal")), x), other)
    pull(b, b.call("where", mask, *(args if b.chance(2) else args[::-1])))


@point("nondiff.where-nan-leak", "where doesn't shield: 0 · inf in the branch not taken is nan.", RULES)
def test_leaking(check: Any, programs: Any = generate(leaking)) -> None:
    check(programs)


def nothing_times_all(b: Builder) -> None:
    x = near(0.0)(b, b.pick(SHAPES))
    root = b.call(b.pick(("sqrt", "log", "reciprocal", "rsqrt")), x)
    pull(b, b.call("mul", root, b.pick((0, 0.0))))


@point(
    "nondiff.zero-times-inf",
    "A zero cotangent times an infinite derivative is nan.",
    RULES + " rule 4",
    witness=nonfinite,
)
def test_nothing_times_all(check: Any, programs: Any = generate(nothing_times_all)) -> None:
    check(programs)
