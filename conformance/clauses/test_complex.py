"""Clauses of complex autograd: the gradient's convention, and how it passes between real and complex."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..drawing.build import Builder, Value
from ..drawing.domains import NONZERO
from ..programs.leafdata import is_complex
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, generate, raises, scenario
from .applying import got_gradient, last_raises, pull

NOTE = "notes/autograd#Autograd for Complex Numbers"
COMPLEX = ("complex128", "complex64")
REAL_OF = {"complex64": "float32", "complex128": "float64"}
HOLOMORPHIC = ("sin", "exp", "mul", "add", "square", "cos", "neg", "tanh")


def holomorphic(b: Builder, z: Value, depth: int) -> Value:
    """A drawn holomorphic expression."""
    for _ in range(depth):
        # tanh's derivative subtracts what it saved; noise, by which the judge measures that, doesn't reach a region.
        op = b.pick(HOLOMORPHIC[:-1] if b.params else HOLOMORPHIC)
        z = b.call(op, z, z) if op in ("mul", "add") else b.call(op, z)
    return z


def real_valued(b: Builder, z: Value) -> Value:
    """A drawn real-valued function. Of moderate numbers: PyTorch's norms overflow where squares do."""
    kind = b.choose(4)
    if kind == 0:
        return b.call("abs", z)
    if kind == 1:
        return b.call("real", b.call("mul", z, b.call("conj", z)))
    if kind == 2:
        return b.call(b.pick(("real", "imag")), b.call("mul", z, z))
    return b.call("linalg.vector_norm", z, ord=2)


def gradient_dtypes(trace: Trace) -> list[str]:
    return [g.dtype for g in trace.gradients.values() if isinstance(g, Observed)]


def complex_gradient(trace: Trace) -> bool:
    return got_gradient(trace) and any(is_complex(d) for d in gradient_dtypes(trace))


def real_loss(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    b.backward(b.call("sum", real_valued(b, holomorphic(b, z, b.integer(0, 1)))))


@clause(
    "complex.gradient-direction",
    "The gradient of a real loss by z = x + iy is dL/dx + i·dL/dy.",
    source=NOTE,
    profile="reverse",
    witness=complex_gradient,
)
def test_real_loss(check: Any, programs: Any = generate(real_loss, COMPLEX)) -> None:
    check(programs)


def squared_size(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    size = b.call("mul", z, b.call("conj", z)) if b.chance(2) else b.call("square", b.call("abs", z))
    b.backward(b.call("sum", b.call("real", size)))


@clause(
    "complex.conjugate-wirtinger-scale",
    "Drift: the gradient of a real loss is twice its conjugate Wirtinger derivative: of |z|² it is 2z.",
    source=NOTE + " short version",
    profile="reverse",
    witness=complex_gradient,
)
def test_squared_size(check: Any, programs: Any = generate(squared_size, COMPLEX)) -> None:
    check(programs)


def holomorphic_pull(b: Builder) -> None:
    pull(b, holomorphic(b, b.leaf(domain=NONZERO), b.integer(1, 3)))


@clause(
    "complex.holomorphic-rule",
    "Of a holomorphic f the gradient is the cotangent times the conjugate of f'(z).",
    source=NOTE + " boxed equation",
    profile="reverse",
    witness=complex_gradient,
)
def test_holomorphic(check: Any, programs: Any = generate(holomorphic_pull, COMPLEX)) -> None:
    check(programs)


def general_pull(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    root = b.call("mul", holomorphic(b, z, b.integer(0, 1)), b.call("conj", z))
    pull(b, b.call(b.pick(("add", "mul")), root, b.pick((z, b.call("conj", holomorphic(b, z, 1))))))


@clause(
    "complex.general-rule",
    "Where both Wirtinger derivatives exist the gradient is conj(g)·df/dz* + g·conj(df/dz).",
    source=NOTE + " boxed equation",
    profile="reverse",
    witness=complex_gradient,
)
def test_general(check: Any, programs: Any = generate(general_pull, COMPLEX)) -> None:
    check(programs)


def real_operand(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    x = b.leaf(z.shape, REAL_OF[b.dtype], NONZERO)
    pull(b, b.call(b.pick(("mul", "add", "sub", "div")), *((x, z) if b.chance(2) else (z, x))))


def both_kinds(trace: Trace) -> bool:
    return got_gradient(trace) and len(set(gradient_dtypes(trace))) == 2


@clause(
    "complex.real-input-gets-real-grad",
    "A real input of a complex operation gets a real gradient: the real part of the complex one.",
    source=NOTE + " cross-domain",
    profile="reverse",
    witness=both_kinds,
)
def test_real_operand(check: Any, programs: Any = generate(real_operand, COMPLEX)) -> None:
    check(programs)


def to_real(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    pull(b, b.call(b.pick(("abs", "angle", "real", "imag")), holomorphic(b, z, b.integer(0, 1))))


@clause(
    "complex.C-to-R-rule",
    "For f from complex to real the gradient is 2·g·df/dz*: of abs it is g·z / |z|.",
    source=NOTE + " cross-domain",
    profile="reverse",
    witness=complex_gradient,
)
def test_to_real(check: Any, programs: Any = generate(to_real, COMPLEX)) -> None:
    check(programs)


def from_real(b: Builder) -> None:
    x = b.leaf(dtype=REAL_OF[b.dtype], domain=NONZERO)
    y = b.leaf(x.shape, x.dtype, NONZERO)
    z = b.pick((lambda: b.call("complex", x, y), lambda: b.call("polar", b.call("abs", x), y)))()
    pull(b, holomorphic(b, z, b.integer(0, 1)))


@clause(
    "complex.R-to-C-rule",
    "For f from real to complex the gradient is Re(conj(g)·df/dx).",
    source=NOTE + " cross-domain",
    profile="reverse",
    witness=lambda trace: got_gradient(trace) and not any(map(is_complex, gradient_dtypes(trace))),
)
def test_from_real(check: Any, programs: Any = generate(from_real, COMPLEX)) -> None:
    check(programs)


def complex_scalar(b: Builder) -> None:
    z = b.leaf(b.pick(((), (1,), (2,))), domain=NONZERO)
    b.backward(b.call("sum", holomorphic(b, z, 1)), form=b.pick(("method", "function")))


@clause(
    "complex.backward-needs-real-scalar",
    "backward() without a cotangent on a complex scalar raises RuntimeError.",
    source="observed",
    witness=last_raises,
)
def test_complex_scalar(check: Any, programs: Any = generate(complex_scalar, COMPLEX)) -> None:
    check(programs)


def mismatched_seed(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    root = holomorphic(b, z, 1)
    dtype = b.pick((REAL_OF[b.dtype], b.dtype, *(d for d in COMPLEX if d != b.dtype)))
    seed = b.leaf(root.shape, dtype, NONZERO, requires_grad=False)
    if b.chance(2):
        b.backward(root, gradient=seed)
    else:
        b.grad([root], [z], [seed])


def seeded(trace: Trace) -> bool:
    """Whether a pass took the cotangent or refused it."""
    passed = bool(trace.gradients) or any(isinstance(outcome, tuple) for outcome in trace.steps)
    return passed or raises(trace)


@clause(
    "complex.seed-dtype",
    "A complex root takes a complex cotangent; a real one raises RuntimeError.",
    source="observed",
    witness=seeded,
)
def test_mismatched_seed(check: Any, programs: Any = generate(mismatched_seed, COMPLEX)) -> None:
    check(programs)


def at_zero(b: Builder) -> None:
    count = b.integer(1, 4)
    values = [complex(b.integer(-2, 2), b.integer(-2, 2)) for _ in range(count)]
    values[b.integer(0, count - 1)] = 0j
    z = b.given(values, (count,))
    pull(b, b.call(b.pick(("abs", "angle")), z))


@clause(
    "complex.abs-at-zero",
    "abs and angle have gradient 0 at 0.",
    source="observed",
    profile="reverse",
    witness=complex_gradient,
    convention=True,
)
def test_at_zero(check: Any, programs: Any = generate(at_zero, COMPLEX)) -> None:
    check(programs)


def descended(torch: Any, drawn: Any) -> Any:
    values, rate, steps = drawn
    z = torch.tensor([complex(*v) for v in values], dtype=torch.complex128, requires_grad=True)
    losses = []
    for _ in range(steps):
        loss = (z * z.conj()).real.sum() + (z - 1j).abs().square().sum()
        (g,) = torch.autograd.grad(loss, z)
        losses.append(loss.item())
        z = (z - rate * g).detach().requires_grad_()
    return [later <= before for before, later in pairwise(losses)], str(z.dtype).rpartition(".")[2]


def draw_descent(b: Builder) -> Any:
    values = [(b.integer(-8, 8) / 4, b.integer(-8, 8) / 4) for _ in range(b.integer(1, 3))]
    return values, b.pick((0.125, 0.0625, 0.25)), b.integer(2, 4)


@clause(
    "complex.gradient-descent-decreases",
    "A step z - rate·gradient decreases a real loss.",
    source=NOTE,
)
def test_descended(check: Any, scene: Any = scenario(descended, draw_descent)) -> None:
    check(scene)


def pushed(b: Builder) -> None:
    z = b.leaf(domain=NONZERO, requires_grad=False)
    region = b.region([z], lambda inner, values: [holomorphic(inner, values[0], 1)])
    b.transform("jvp", region, [z], tangents=[b.like(z)])


@clause(
    "complex.autograd-forward-consistency",
    "The forward tangent of a holomorphic operation is f'(z)·v.",
    source="notes/gradcheck",
    profile="forward",
)
def test_pushed(check: Any, programs: Any = generate(pushed, COMPLEX)) -> None:
    check(programs)


def promoted(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    x = b.leaf(b.pick((z.shape, ())), b.pick(("float32", "float64", "float16")), NONZERO)
    pull(b, b.call(b.pick(("mul", "add", "sub")), *((x, z) if b.chance(2) else (z, x))))


@clause(
    "complex.promotion",
    "Combined with a complex operand a real one gets a real gradient, and each its own dtype.",
    source="observed",
    profile="reverse",
    witness=both_kinds,
)
def test_promoted(check: Any, programs: Any = generate(promoted, COMPLEX)) -> None:
    check(programs)


def directions(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    pull(b, b.call("sgn", holomorphic(b, z, b.integer(0, 1))))


@clause(
    "complex.sgn-gradient-consistent",
    "sgn of a complex number other than 0 is differentiable.",
    source="observed",
    profile="reverse",
    witness=lambda trace: complex_gradient(trace) and any(g.array.any() for g in trace.gradients.values()),  # type: ignore[union-attr]
)
def test_directions(check: Any, programs: Any = generate(directions, COMPLEX)) -> None:
    check(programs)
