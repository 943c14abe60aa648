"""Clauses of gradcheck and gradgradcheck."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, with_case


def returns_true(torch: Any, drawn: Any) -> Any:
    values, fast = drawn
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(lambda a: (a * a, a.sin()), x, fast_mode=fast)


@clause(
    "gradcheck.returns-true",
    "gradcheck gives True where both derivatives agree.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_returns_true(check: Any, scene: Any = scenario(returns_true, one_of(True, False))) -> None:
    check(scene)


def mismatch_raises(torch: Any, drawn: Any) -> Any:
    values, fast = drawn
    rules = {"forward": staticmethod(lambda ctx, a: a * 2), "backward": staticmethod(lambda ctx, g: g * 3)}
    wrong = type("Wrong", (torch.autograd.Function,), rules).apply
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    seen = [torch.autograd.gradcheck(wrong, x, fast_mode=fast, raise_exception=False)]
    try:
        torch.autograd.gradcheck(wrong, x, fast_mode=fast)
    except RuntimeError as error:
        seen.append((type(error).__name__, str(error).split(chr(10))[0]))
    return seen


@clause(
    "gradcheck.mismatch-raises",
    "A derivative that differs raises GradcheckError, or gives False if it must not raise.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_mismatch_raises(check: Any, scene: Any = scenario(mismatch_raises, one_of(True, False))) -> None:
    check(scene)


def needs_requires_grad_input(torch: Any, drawn: Any) -> Any:
    return torch.autograd.gradcheck(lambda a: a * a, torch.tensor(drawn, dtype=torch.float64))


@clause(
    "gradcheck.needs-requires-grad-input",
    "An input must require grad.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_needs_requires_grad_input(check: Any, scene: Any = scenario(needs_requires_grad_input, numbers)) -> None:
    check(scene)


def float32_warns(torch: Any, drawn: Any) -> Any:
    import warnings

    x = torch.tensor(drawn, dtype=torch.float32, requires_grad=True)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.autograd.gradcheck(lambda a: a * 2, x, raise_exception=False)
    return [(w.category.__name__, str(w.message)) for w in seen]


@clause(
    "gradcheck.float32-warns",
    "A single-precision input is warned about.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_float32_warns(check: Any, scene: Any = scenario(float32_warns, numbers)) -> None:
    check(scene)


def overlapping_memory(torch: Any, drawn: Any) -> Any:
    _values, count = drawn
    x = torch.ones(1, dtype=torch.float64, requires_grad=True).expand(count)
    return torch.autograd.gradcheck(lambda a: a * a, x)


@clause(
    "gradcheck.overlapping-memory",
    "An expanded input is refused.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_overlapping_memory(check: Any, scene: Any = scenario(overlapping_memory, one_of(2, 3))) -> None:
    check(scene)


def nondeterminism(torch: Any, drawn: Any) -> Any:
    values, tolerance = drawn
    calls = []

    def backward(ctx, g):
        calls.append(0)
        return g * (1 + 1e-7 * len(calls))

    rules = {"forward": staticmethod(lambda ctx, a: a.clone()), "backward": staticmethod(backward)}
    drifting = type("Drifting", (torch.autograd.Function,), rules).apply
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(drifting, x, nondet_tol=tolerance)


@clause(
    "gradcheck.nondeterminism",
    "A backward that gives other values when it runs again is refused beyond nondet_tol.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_nondeterminism(check: Any, scene: Any = scenario(nondeterminism, one_of(0.0, 1e-3))) -> None:
    check(scene)


def undefined_grad_check(torch: Any, drawn: Any) -> Any:
    values, check = drawn
    count = len(values)

    def forward(ctx, a):
        ctx.set_materialize_grads(False)
        return a.clone()

    def backward(ctx, g):
        return torch.ones(count, dtype=torch.float64) if g is None else g

    rules = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    f = type("Undefined", (torch.autograd.Function,), rules).apply
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(f, x, check_undefined_grad=check)


@clause(
    "gradcheck.undefined-grad-check",
    "Undefined gradients of the results must count as zeros.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_undefined_grad_check(check: Any, scene: Any = scenario(undefined_grad_check, one_of(True, False))) -> None:
    check(scene)


def forward_ad(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    rules = {"forward": staticmethod(lambda ctx, a: a * 2), "backward": staticmethod(lambda ctx, g: g * 2)}
    f = (lambda a: a * a, type("Bare", (torch.autograd.Function,), rules).apply)[case]
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(f, x, check_forward_ad=True)


@clause(
    "gradcheck.forward-ad",
    "check_forward_ad checks forward mode too; a Function without jvp fails.",
    source="torch.autograd.gradcheck",
    profile="forward",
)
def test_forward_ad(check: Any, scene: Any = scenario(forward_ad, with_case(2))) -> None:
    check(scene)


def flag_combinations(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    options = (
        {"check_batched_forward_grad": True},
        {"check_backward_ad": False},
        {"check_batched_grad": True, "check_backward_ad": False, "check_forward_ad": True},
    )[case]
    return torch.autograd.gradcheck(
        lambda a: a * a, torch.tensor(values, dtype=torch.float64, requires_grad=True), **options
    )


@clause(
    "gradcheck.flag-combinations",
    "Options that need another are refused without it.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_flag_combinations(check: Any, scene: Any = scenario(flag_combinations, with_case(3))) -> None:
    check(scene)


def batched_grad(torch: Any, drawn: Any) -> Any:
    return torch.autograd.gradcheck(
        lambda a: a * a, torch.tensor(drawn, dtype=torch.float64, requires_grad=True), check_batched_grad=True
    )


@clause(
    "gradcheck.batched-grad",
    "check_batched_grad checks gradients of a batch of cotangents.",
    source="torch.autograd.gradcheck",
    profile="functional",
)
def test_batched_grad(check: Any, scene: Any = scenario(batched_grad, numbers)) -> None:
    check(scene)


def complex(torch: Any, drawn: Any) -> Any:
    values, fast = drawn
    z = torch.tensor([complex(v, 1) for v in values], dtype=torch.complex128, requires_grad=True)
    return [
        torch.autograd.gradcheck(f, z, fast_mode=fast)
        for f in (lambda a: a * a, lambda a: (a * a.conj()).real, lambda a: a.conj() * 2)
    ]


@clause(
    "gradcheck.complex",
    "Complex inputs and results are checked through real and imaginary parts.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_complex(check: Any, scene: Any = scenario(complex, one_of(True, False))) -> None:
    check(scene)


def central_difference(torch: Any, drawn: Any) -> Any:
    _values, count = drawn
    x = torch.zeros(count, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(torch.relu, x, raise_exception=False)


@clause(
    "gradcheck.central-difference",
    "At a kink the central difference is the mean slope, so that the check fails.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_central_difference(check: Any, scene: Any = scenario(central_difference, one_of(1, 2, 3))) -> None:
    check(scene)


def inputs_unperturbed_after(torch: Any, drawn: Any) -> Any:
    values, fast = drawn
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda a: a * a, x, fast_mode=fast)
    return x.tolist()


@clause(
    "gradcheck.inputs-unperturbed-after",
    "Inputs are as before after the check.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_inputs_unperturbed_after(
    check: Any, scene: Any = scenario(inputs_unperturbed_after, one_of(True, False))
) -> None:
    check(scene)


def nondifferentiable_output(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(lambda a: (a * 2).detach(), x)


@clause(
    "gradcheck.nondifferentiable-output",
    "A result that depends on the input must require grad.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_nondifferentiable_output(check: Any, scene: Any = scenario(nondifferentiable_output, numbers)) -> None:
    check(scene)


def int_outputs_and_nontensor_args_ok(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(lambda a, k: (a * k, torch.tensor([1, 2])), (x, 3))


@clause(
    "gradcheck.int-outputs-and-nontensor-args-ok",
    "Integer results and arguments that are no tensors are passed over.",
    source="torch.autograd.gradcheck",
    profile="reverse",
)
def test_int_outputs_and_nontensor_args_ok(
    check: Any, scene: Any = scenario(int_outputs_and_nontensor_args_ok, numbers)
) -> None:
    check(scene)


def gradgradcheck(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradgradcheck(lambda a: (a * a * a, a.sum() * a), x)


@clause(
    "gradcheck.gradgradcheck",
    "gradgradcheck checks the derivative of the vector-Jacobian product.",
    source="torch.autograd.gradcheck",
    profile="higher-order",
)
def test_gradgradcheck(check: Any, scene: Any = scenario(gradgradcheck, numbers)) -> None:
    check(scene)
