"""Clauses of function transforms: grad, vjp, jvp and Jacobians."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, pairs, with_case


def grad_scalar_required(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    x = torch.tensor(values)
    return torch.func.grad((lambda a: a[:1], lambda a: 3.0, lambda a: (a.sum(),))[case])(x)


@clause(
    "func.grad-scalar-required",
    "grad needs a function that returns a tensor without dimensions.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_scalar_required(check: Any, scene: Any = scenario(grad_scalar_required, with_case(3))) -> None:
    check(scene)


def grad_argnums_errors(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    x = torch.tensor(values)
    argnums = (2, (), (0, 0), (0, -2), "a", -1)[case]
    return torch.func.grad(lambda a, b: (a * a * b).sum(), argnums=argnums)(x, x).tolist()


@clause(
    "func.grad-argnums-errors",
    "argnums out of range, empty, repeated or of another type are refused; negative ones count from the end.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_argnums_errors(check: Any, scene: Any = scenario(grad_argnums_errors, with_case(6))) -> None:
    check(scene)


def grad_pytree(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    tree = {"a": torch.tensor(a), "b": [torch.tensor(c), (torch.tensor(a),)]}
    found = torch.func.grad(lambda t: (t["a"] * t["b"][0] * t["b"][1][0]).sum())(tree)
    return found["a"].tolist(), found["b"][0].tolist(), type(found["b"][1]).__name__, found["b"][1][0].tolist()


@clause(
    "func.grad-pytree",
    "A nest of tensors has a gradient with the same structure.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_pytree(check: Any, scene: Any = scenario(grad_pytree, pairs)) -> None:
    check(scene)


def grad_has_aux(torch: Any, drawn: Any) -> Any:
    values, pair = drawn
    x = torch.tensor(values)
    gradient, aux = torch.func.grad(
        (lambda a: (a * a).sum(), lambda a: ((a * a).sum(), {"twice": a * 2}))[pair], has_aux=True
    )(x)
    return gradient.tolist(), aux["twice"].tolist(), aux["twice"].requires_grad


@clause(
    "func.grad-has-aux",
    "With has_aux the gradient comes with the second result; a function that returns no pair is refused.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_has_aux(check: Any, scene: Any = scenario(grad_has_aux, with_case(2))) -> None:
    check(scene)


def aux_any_object(torch: Any, drawn: Any) -> Any:
    return torch.func.grad(lambda a: (a.sum(), "text"), has_aux=True)(torch.tensor(drawn))


@clause(
    "func.aux-any-object",
    "Drift: an auxiliary result must be tensors, though any object is documented.",
    source="torch.func.grad",
    profile="functional",
)
def test_aux_any_object(check: Any, scene: Any = scenario(aux_any_object, numbers)) -> None:
    check(scene)


def grad_and_value(torch: Any, drawn: Any) -> Any:
    gradient, value = torch.func.grad_and_value(lambda a: (a * a).sum())(torch.tensor(drawn))
    return gradient.tolist(), value.item()


@clause(
    "func.grad-and-value",
    "grad_and_value gives the gradient first and the value second.",
    source="torch.func.grad_and_value",
    profile="functional",
)
def test_grad_and_value(check: Any, scene: Any = scenario(grad_and_value, numbers)) -> None:
    check(scene)


def no_grad_inside_respected(torch: Any, drawn: Any) -> Any:
    def f(a):
        with torch.no_grad():
            c = a * a
        return (c * a).sum()

    return torch.func.grad(f)(torch.tensor(drawn)).tolist()


@clause(
    "func.no-grad-inside-respected",
    "What the function computes under no_grad is a constant.",
    source="torch.func.grad",
    profile="functional",
)
def test_no_grad_inside_respected(check: Any, scene: Any = scenario(no_grad_inside_respected, numbers)) -> None:
    check(scene)


def no_grad_outside_ignored(torch: Any, drawn: Any) -> Any:
    with torch.no_grad():
        return torch.func.grad(lambda a: (a * a).sum())(torch.tensor(drawn)).tolist()


@clause(
    "func.no-grad-outside-ignored",
    "no_grad around a transform does not switch it off.",
    source="torch.func.grad",
    profile="functional",
)
def test_no_grad_outside_ignored(check: Any, scene: Any = scenario(no_grad_outside_ignored, numbers)) -> None:
    check(scene)


def grad_composes_with_backward(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    g = torch.func.grad(lambda a: (a * a * a).sum())(x)
    g.sum().backward()
    return g.requires_grad, g.tolist(), x.grad.tolist()


@clause(
    "func.grad-composes-with-backward",
    "The gradient that grad returns can itself be backpropagated.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_composes_with_backward(check: Any, scene: Any = scenario(grad_composes_with_backward, numbers)) -> None:
    check(scene)


def integer_input_error(torch: Any, drawn: Any) -> Any:
    return torch.func.grad(lambda a: a.sum())(torch.tensor([int(v) for v in drawn]))


@clause(
    "func.integer-input-error",
    "grad by an integer tensor is refused.",
    source="torch.func.grad",
    profile="functional",
)
def test_integer_input_error(check: Any, scene: Any = scenario(integer_input_error, numbers)) -> None:
    check(scene)


def vjp(torch: Any, drawn: Any) -> Any:
    a, v = drawn
    x, g = torch.tensor(a, dtype=torch.float64), torch.tensor(v, dtype=torch.float64)
    out, pull = torch.func.vjp(lambda p, q: p * p * q, x, x)
    return out.tolist(), [t.tolist() for t in pull(g)], [t.tolist() for t in pull(g * 2)]


@clause(
    "func.vjp",
    "vjp gives the result and a function of a cotangent that may be called again.",
    source="torch.func.vjp",
    profile="functional",
)
def test_vjp(check: Any, scene: Any = scenario(vjp, pairs)) -> None:
    check(scene)


def vjp_structure_error(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    x = torch.tensor(values)
    f = (lambda a: a, lambda a: {"p": a, "q": a}, lambda a: [a, (a, a)])[case]
    return torch.func.vjp(f, x)[1]((x, x))


@clause(
    "func.vjp-structure-error",
    "A cotangent of another structure than the result is refused.",
    source="torch.func.vjp",
    profile="functional",
)
def test_vjp_structure_error(check: Any, scene: Any = scenario(vjp_structure_error, with_case(3))) -> None:
    check(scene)


def jvp_argument_errors(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    x = torch.tensor(values)
    args = ((x, (x,)), ((x,), x), ((), ()), ((1.0,), (1.0,)))[case]
    return torch.func.jvp(lambda a: a * 2, *args)


@clause(
    "func.jvp-argument-errors",
    "Primals must be a tuple of tensors, and tangents of the same structure.",
    source="torch.func.jvp",
    profile="functional",
)
def test_jvp_argument_errors(check: Any, scene: Any = scenario(jvp_argument_errors, with_case(4))) -> None:
    check(scene)


def jvp_constant_zero(torch: Any, drawn: Any) -> Any:
    values, strict = drawn
    x = torch.tensor(values)
    return [t.tolist() for t in torch.func.jvp(lambda a: torch.ones(2), (x,), (x,), strict=strict)]


@clause(
    "func.jvp-constant-zero",
    "A result that does not depend on the inputs has a zero tangent; strict refuses it.",
    source="torch.func.jvp",
    profile="functional",
)
def test_jvp_constant_zero(check: Any, scene: Any = scenario(jvp_constant_zero, one_of(False, True))) -> None:
    check(scene)


def jacrev_chunk(torch: Any, drawn: Any) -> Any:
    values, chunk = drawn
    return torch.func.jacrev(lambda a: a * a, chunk_size=chunk)(torch.tensor(values)).tolist()


@clause(
    "func.jacrev-chunk",
    "Any positive chunk_size gives the same Jacobian, and 0 is refused.",
    source="torch.func.jacrev",
    profile="functional",
)
def test_jacrev_chunk(check: Any, scene: Any = scenario(jacrev_chunk, one_of(1, 2, 5, 0))) -> None:
    check(scene)


def jacobian_argnums_structure(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    x, y = torch.tensor(a), torch.tensor(c)
    f = lambda p, q: {"product": p * q, "total": (p * p).sum()}
    seen = []
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        found = transform(f, argnums=(0, 1))(x, y)
        seen.append({name: [j.tolist() for j in js] for name, js in found.items()})
    return seen


@clause(
    "func.jacobian-argnums-structure",
    "With a tuple of argnums each result has a tuple of Jacobians.",
    source="torch.func.jacrev",
    profile="functional",
)
def test_jacobian_argnums_structure(check: Any, scene: Any = scenario(jacobian_argnums_structure, pairs)) -> None:
    check(scene)
