"""Clauses of torch.autograd.functional."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, pairs, rows, with_case


def jacobian_shape(torch: Any, drawn: Any) -> Any:
    m, u = drawn
    x, v = torch.tensor(m, dtype=torch.float64), torch.tensor(u, dtype=torch.float64)
    found = torch.autograd.functional.jacobian(lambda a: (a * a) @ v, x)
    return tuple(found.shape), found.tolist()


@clause(
    "functional.jacobian-shape",
    "The Jacobian has the shape of the result followed by that of the input.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_jacobian_shape(check: Any, scene: Any = scenario(jacobian_shape, rows)) -> None:
    check(scene)


def jacobian_nesting(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    x = torch.tensor(values)
    one, two = (lambda a, b=None: a * a), (lambda a, b=None: (a * a, a.sum()))
    args = x if case % 2 else (x, x)
    found = torch.autograd.functional.jacobian(two if case > 1 else one, args)
    shown = lambda t: tuple(map(shown, t)) if isinstance(t, tuple) else t.tolist()
    return shown(found)


@clause(
    "functional.jacobian-nesting",
    "Tuples of inputs or results give tuples of Jacobians, result before input.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_jacobian_nesting(check: Any, scene: Any = scenario(jacobian_nesting, with_case(4))) -> None:
    check(scene)


def jacobian_independent_zero(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn)
    return [j.tolist() for j in torch.autograd.functional.jacobian(lambda a, b: a * a, (x, x))]


@clause(
    "functional.jacobian-independent-zero",
    "Without strict a result that does not depend on an input has zeros.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_jacobian_independent_zero(check: Any, scene: Any = scenario(jacobian_independent_zero, numbers)) -> None:
    check(scene)


def strict_independent_error(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    x = torch.tensor(values)
    f = (lambda a, b: a * a, lambda a, b: torch.ones(2))[case]
    return torch.autograd.functional.jacobian(f, (x, x), strict=True)


@clause(
    "functional.strict-independent-error",
    "With strict a result that does not depend on an input is refused.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_strict_independent_error(check: Any, scene: Any = scenario(strict_independent_error, with_case(2))) -> None:
    check(scene)


def create_graph(torch: Any, drawn: Any) -> Any:
    values, create = drawn
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    found = torch.autograd.functional.jacobian(lambda a: a * a * a, x, create_graph=create)
    if create:
        found.sum().backward()
    return found.requires_grad, None if x.grad is None else x.grad.tolist()


@clause(
    "functional.create-graph",
    "With create_graph the result can be differentiated by the inputs, else it is detached.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_create_graph(check: Any, scene: Any = scenario(create_graph, one_of(True, False))) -> None:
    check(scene)


def inputs_not_modified(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    fn = torch.autograd.functional
    x = torch.tensor(values)
    f = lambda a: (a * a * a).sum()
    (fn.jacobian(f, x), fn.hessian(f, x), fn.hvp(f, x, x))[case]
    return x.requires_grad, x.grad is None, x._version


@clause(
    "functional.inputs-not-modified",
    "The caller's tensors keep their flags and gradients.",
    source="torch.autograd.functional",
    profile="functional",
)
def test_inputs_not_modified(check: Any, scene: Any = scenario(inputs_not_modified, with_case(3))) -> None:
    check(scene)


def vectorize_same_result(torch: Any, drawn: Any) -> Any:
    values, strict = drawn
    x = torch.tensor(values)
    return torch.autograd.functional.jacobian(lambda a: a * a, x, vectorize=True, strict=strict).tolist()


@clause(
    "functional.vectorize-same-result",
    "vectorize gives the same Jacobian and does not go with strict.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_vectorize_same_result(check: Any, scene: Any = scenario(vectorize_same_result, one_of(False, True))) -> None:
    check(scene)


def forward_strategy(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    options = ({"vectorize": True}, {"vectorize": False}, {"vectorize": True, "create_graph": True})[case]
    x = torch.tensor(values)
    return (torch.autograd.functional.jacobian(lambda a: a * a, x, strategy="forward-mode", **options) + 0).tolist()


@clause(
    "functional.forward-strategy",
    "The forward-mode strategy needs vectorize and does not go with create_graph.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_forward_strategy(check: Any, scene: Any = scenario(forward_strategy, with_case(3))) -> None:
    check(scene)


def bad_strategy(torch: Any, drawn: Any) -> Any:
    return torch.autograd.functional.jacobian(lambda a: a, torch.tensor(drawn), strategy="sideways")


@clause(
    "functional.bad-strategy",
    "An unknown strategy is refused.",
    source="torch.autograd.functional.jacobian",
    profile="functional",
)
def test_bad_strategy(check: Any, scene: Any = scenario(bad_strategy, numbers)) -> None:
    check(scene)


def type_errors(torch: Any, drawn: Any) -> Any:
    values, name = drawn
    seen = []
    for args in ((lambda a: a, 3.0), (lambda a: 3.0, torch.tensor(values[:1])), (lambda a: a, [torch.tensor(values)])):
        try:
            getattr(torch.autograd.functional, name)(*args)
        except TypeError as error:
            seen.append(str(error))
    return seen


@clause(
    "functional.type-errors",
    "Inputs and results must be tensors or tuples of them.",
    source="torch.autograd.functional",
    profile="functional",
)
def test_type_errors(
    check: Any, scene: Any = scenario(type_errors, one_of("jacobian", "hessian", "vjp", "jvp", "vhp", "hvp"))
) -> None:
    check(scene)


def hessian(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    x, y = torch.tensor(a, dtype=torch.float64), torch.tensor(c, dtype=torch.float64)
    one = torch.autograd.functional.hessian(lambda p: (p * p * p).sum(), x)
    two = torch.autograd.functional.hessian(lambda p, q: (p * p * q).sum(), (x, y))
    return one.tolist(), [[h.tolist() for h in row] for row in two]


@clause(
    "functional.hessian",
    "The Hessian has the input's shape twice, and is a tuple of tuples for several inputs.",
    source="torch.autograd.functional.hessian",
    profile="functional",
)
def test_hessian(check: Any, scene: Any = scenario(hessian, pairs)) -> None:
    check(scene)


def hessian_scalar_required(torch: Any, drawn: Any) -> Any:
    values, shape = drawn
    x = torch.tensor(values + [1.0])
    f = (lambda a: a * a) if shape is None else (lambda a: (a * a).sum().reshape(shape))
    return torch.autograd.functional.hessian(f, x).tolist()


@clause(
    "functional.hessian-scalar-required",
    "The function given to hessian must return one element, of any shape.",
    source="torch.autograd.functional.hessian",
    profile="functional",
)
def test_hessian_scalar_required(
    check: Any, scene: Any = scenario(hessian_scalar_required, one_of((), (1,), (1, 1), None))
) -> None:
    check(scene)


def hessian_linear(torch: Any, drawn: Any) -> Any:
    values, strict = drawn
    return torch.autograd.functional.hessian(lambda a: a.sum(), torch.tensor(values), strict=strict).tolist()


@clause(
    "functional.hessian-linear",
    "A linear function has a Hessian of zeros, refused with strict.",
    source="torch.autograd.functional.hessian",
    profile="functional",
)
def test_hessian_linear(check: Any, scene: Any = scenario(hessian_linear, one_of(False, True))) -> None:
    check(scene)


def vjp(torch: Any, drawn: Any) -> Any:
    values, given = drawn
    x = torch.tensor(values)
    out, pulled = torch.autograd.functional.vjp(lambda a: a * a, x, x if given else None)
    return out.tolist(), pulled.tolist()


@clause(
    "functional.vjp",
    "vjp gives the result and vᵀJ; v may be left out for one result element.",
    source="torch.autograd.functional.vjp",
    profile="functional",
)
def test_vjp(check: Any, scene: Any = scenario(vjp, one_of(True, False))) -> None:
    check(scene)


def v_shape_checked(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    fn, x = torch.autograd.functional, torch.tensor(values)
    wrong = torch.ones(len(values) + 1) if case % 2 else (x, x)
    return (fn.vjp if case < 2 else fn.jvp)(lambda a: a * a, x, wrong)


@clause(
    "functional.v-shape-checked",
    "A v of another size or number is refused.",
    source="torch.autograd.functional.vjp",
    profile="functional",
)
def test_v_shape_checked(check: Any, scene: Any = scenario(v_shape_checked, with_case(4))) -> None:
    check(scene)


def jvp_double_backward_trick(torch: Any, drawn: Any) -> Any:
    values, given = drawn
    x = torch.tensor(values)
    out, pushed = torch.autograd.functional.jvp(lambda a: a * a * a, x, x if given else None)
    return out.tolist(), pushed.tolist()


@clause(
    "functional.jvp-double-backward-trick",
    "jvp gives J v by reverse mode; v may be left out for one input element.",
    source="torch.autograd.functional.jvp",
    profile="functional",
)
def test_jvp_double_backward_trick(
    check: Any, scene: Any = scenario(jvp_double_backward_trick, one_of(True, False))
) -> None:
    check(scene)


def vhp_hvp(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    x, v = torch.tensor(a, dtype=torch.float64), torch.tensor(c, dtype=torch.float64)
    f = lambda p: (p * p * p).sum() + p.sum() * p.sum()
    return [
        [t.tolist() for t in product(f, x, v)]
        for product in (torch.autograd.functional.vhp, torch.autograd.functional.hvp)
    ]


@clause(
    "functional.vhp-hvp",
    "vhp and hvp give the value with vᵀH and H v.",
    source="torch.autograd.functional.hvp",
    profile="functional",
)
def test_vhp_hvp(check: Any, scene: Any = scenario(vhp_hvp, pairs)) -> None:
    check(scene)
