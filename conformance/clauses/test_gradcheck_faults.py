"""Clauses of gradcheck: which wrong derivatives it finds, and how it says so."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..drawing.domains import NONZERO
from ..promises.clause import clause, generate, scenario
from .applying import pull
from .draws import numbers, one_of
from .seeing import attempt


def silent(torch: Any, drawn: Any) -> Any:
    values, factor, fast, what = drawn

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * factor

    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    options = {"raise_exception": False, "fast_mode": fast}
    if what == "gradgradcheck":
        return attempt(lambda: torch.autograd.gradgradcheck(lambda a: Scaled.apply(a * a), x, **options))
    return attempt(lambda: torch.autograd.gradcheck(Scaled.apply, x, **options))


def draw_silent(b: Builder) -> Any:
    return numbers(b), b.pick((3, 2, 2.5)), b.chance(2), b.pick(("gradcheck", "gradcheck", "gradgradcheck"))


@clause(
    "gradcheck.raise-exception-false",
    "With raise_exception=False a mismatch gives False.",
    source="autograd.gradcheck",
    profile="reverse",
)
def test_silent(check: Any, scene: Any = scenario(silent, draw_silent)) -> None:
    check(scene)


def ignores_cotangent(torch: Any, drawn: Any) -> Any:
    values, check_undefined = drawn

    class Careless(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return torch.ones_like(g) * 2 if g.abs().sum() == 0 else g * 2

    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    return attempt(lambda: torch.autograd.gradcheck(Careless.apply, x, check_undefined_grad=check_undefined))


@clause(
    "gradcheck.checks-multiplied-by-grad-output",
    "A zero cotangent must give a zero gradient: else gradcheck says that backward wasn't multiplied by it.",
    source="observed",
    profile="reverse",
)
def test_ignores_cotangent(check: Any, scene: Any = scenario(ignores_cotangent, one_of(True, False))) -> None:
    check(scene)


def calls_in_mode(torch: Any, drawn: Any) -> Any:
    values, complex_input, fast = drawn
    dtype = torch.complex128 if complex_input else torch.float64

    def calls(x: Any) -> int:
        count = []
        assert torch.autograd.gradcheck(lambda z: (count.append(0), z * z * z)[1], x, fast_mode=fast)
        return len(count)

    once, twice = (torch.tensor(values * n, dtype=dtype, requires_grad=True) for n in (1, 2))
    return calls(once) < calls(twice)


@clause(
    "gradcheck.fast-mode-complex",
    "Drift: complex functions, too, are checked by a few runs in fast mode, instead of some for each element.",
    source="autograd.gradcheck (fast_mode)",
    profile="reverse",
)
def test_calls_in_mode(
    check: Any, scene: Any = scenario(calls_in_mode, lambda b: (numbers(b), not b.chance(3), not b.chance(3)))
) -> None:
    check(scene)


def slightly_wrong(torch: Any, drawn: Any) -> Any:
    count, at, size, fast = drawn

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            factor = torch.full_like(g, 2.0)
            factor[at % count] += size
            return g * factor

    x = torch.ones(count, dtype=torch.float64, requires_grad=True)
    return attempt(lambda: torch.autograd.gradcheck(Wrong.apply, x, fast_mode=fast))


def draw_wrong(b: Builder) -> Any:
    return b.integer(1, 4), b.integer(0, 3), b.pick((1.0, 0.5, -2.0, 0.0)), not b.chance(3)


@clause(
    "gradcheck.fast-mode-detects",
    "fast_mode compares random projections; it finds a wrong gradient, and runs in slow mode for the message.",
    source="notes/gradcheck#Fast backward mode gradcheck",
    profile="reverse",
)
def test_slightly_wrong(check: Any, scene: Any = scenario(slightly_wrong, draw_wrong)) -> None:
    check(scene)


def once_checked(torch: Any, drawn: Any) -> Any:
    values, order = drawn

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x

    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    check = torch.autograd.gradcheck if order == 1 else torch.autograd.gradgradcheck
    return attempt(lambda: check(Square.apply, x))


@clause(
    "gradcheck.gradgradcheck-detects-once-differentiable",
    "gradgradcheck of a once_differentiable Function fails, as a mismatch.",
    source="observed",
    profile="higher-order",
)
def test_once_checked(check: Any, scene: Any = scenario(once_checked, one_of(2, 2, 1))) -> None:
    check(scene)


def norm_at_zero(b: Builder) -> None:
    x = b.leaf(b.pick(((2,), (3,), (2, 2), (1,))), domain=NONZERO)
    zero = b.call("mul", x, 0)
    p = b.pick((2, 2.0))
    root = b.call("norm", zero, p=p) if b.chance(2) else b.call("linalg.vector_norm", zero, ord=p)
    first = b.item(b.grad([b.call("sum", root)], [zero], create_graph=True), 0)
    first.shape = x.shape
    b.grad([b.call("sum", first)], [zero], allow_unused=True, materialize_grads=False)
    pull(b, b.call("mul", x, x))


@clause(
    "double.norm-at-zero",
    "The second derivative of the 2-norm at zero is nan or zero, and never raises.",
    source="observed",
    area="double-backward",
    profile="higher-order",
    convention=True,
)
def test_norm_at_zero(check: Any, programs: Any = generate(norm_at_zero)) -> None:
    check(programs)


def rng_left_alone(torch: Any, drawn: Any) -> Any:
    values, preserve, reentrant = drawn
    from importlib import import_module

    checkpoint = import_module(f"{torch.__name__}.utils.checkpoint").checkpoint
    x = torch.tensor(values, requires_grad=True)
    seen = []

    def f(a: Any) -> Any:
        mask = torch.rand(len(values))
        seen.append(mask.tolist())
        return a * mask

    torch.manual_seed(3)
    y = checkpoint(f, x, use_reentrant=reentrant, preserve_rng_state=preserve)
    torch.manual_seed(7)
    y.sum().backward()
    same = len(seen) == 2 and seen[0] == seen[1]
    return len(seen), same, x.grad.tolist() == seen[-1]


@clause(
    "checkpoint.rng-not-preserved",
    "With preserve_rng_state=False the recomputation may draw other random numbers.",
    source="torch.utils.checkpoint note",
)
def test_rng_left_alone(
    check: Any, scene: Any = scenario(rng_left_alone, lambda b: (numbers(b), b.chance(3), b.chance(2)))
) -> None:
    check(scene)
