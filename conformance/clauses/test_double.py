"""Clauses of double backward."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, pairs, rows


def grad_of_grad(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad((x * x * x).sum(), x, create_graph=True)
    return first.tolist(), torch.autograd.grad(first.sum(), x)[0].tolist()


@clause(
    "double.grad-of-grad",
    "Differentiating a gradient made with create_graph gives the second derivative.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_grad_of_grad(check: Any, scene: Any = scenario(grad_of_grad, numbers)) -> None:
    check(scene)


def mixed_partials_symmetric(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    x = torch.tensor(a, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(c, dtype=torch.float64, requires_grad=True)
    p, q = torch.autograd.grad((x * x * y * y).sum(), (x, y), create_graph=True)
    return [torch.autograd.grad(g.sum(), t, retain_graph=True)[0].tolist() for g, t in ((p, y), (q, x))]


@clause(
    "double.mixed-partials-symmetric",
    "Mixed second derivatives do not depend on the order.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_mixed_partials_symmetric(check: Any, scene: Any = scenario(mixed_partials_symmetric, pairs)) -> None:
    check(scene)


def hessian_vector_product(torch: Any, drawn: Any) -> Any:
    a, v = drawn
    x = torch.tensor(a, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(x.sum() * (x * x).sum(), x, create_graph=True)
    return torch.autograd.grad((first * torch.tensor(v, dtype=torch.float64)).sum(), x)[0].tolist()


@clause(
    "double.hessian-vector-product",
    "The gradient of a gradient times a vector is the Hessian times that vector.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_hessian_vector_product(check: Any, scene: Any = scenario(hessian_vector_product, pairs)) -> None:
    check(scene)


def gradient_penalty(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    x = torch.tensor(a, dtype=torch.float64, requires_grad=True)
    w = torch.tensor(c, dtype=torch.float64, requires_grad=True)
    loss = (x * x * w).sum()
    (g,) = torch.autograd.grad(loss, x, create_graph=True)
    (loss + (g * g).sum()).backward()
    return w.grad.tolist(), x.grad.tolist()


@clause(
    "double.gradient-penalty",
    "A penalty on a gradient can be backpropagated into parameters.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_gradient_penalty(check: Any, scene: Any = scenario(gradient_penalty, pairs)) -> None:
    check(scene)


def linear_op_zero_second(torch: Any, drawn: Any) -> Any:
    values, again = drawn
    x = torch.tensor(values, requires_grad=True)
    (g,) = torch.autograd.grad((x * 2).sum(), x, create_graph=True)
    return torch.autograd.grad(g.sum(), x) if again else g.requires_grad


@clause(
    "double.linear-op-zero-second",
    "The gradient of a linear function does not require grad.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_linear_op_zero_second(check: Any, scene: Any = scenario(linear_op_zero_second, one_of(True, False))) -> None:
    check(scene)


def relu_second_zero(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, requires_grad=True)
    (g,) = torch.autograd.grad(torch.relu(x).sum(), x, create_graph=True)
    if not g.requires_grad:
        return False
    return [None if h is None else h.tolist() for h in torch.autograd.grad(g.sum(), x, allow_unused=True)]


@clause(
    "double.relu-second-zero",
    "A piecewise linear function has no second derivative, or a zero one.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_relu_second_zero(check: Any, scene: Any = scenario(relu_second_zero, numbers)) -> None:
    check(scene)


def through_inplace(torch: Any, drawn: Any) -> Any:
    values, by_view = drawn
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    y = x * x
    (y[:1] if by_view else y).mul_(x[:1] if by_view else x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return first.tolist(), torch.autograd.grad(first.sum(), x)[0].tolist()


@clause(
    "double.through-inplace",
    "Second derivatives go through in-place and view writes.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_through_inplace(check: Any, scene: Any = scenario(through_inplace, one_of(True, False))) -> None:
    check(scene)


def through_broadcast(torch: Any, drawn: Any) -> Any:
    m, u = drawn
    x = torch.tensor(m, dtype=torch.float64, requires_grad=True)
    v = torch.tensor(u, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad((x * x * v * v).sum(), v, create_graph=True)
    return [g.tolist() for g in torch.autograd.grad(first.sum(), (x, v))]


@clause(
    "double.through-broadcast",
    "Second derivatives are summed over broadcast dimensions as the first are.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_through_broadcast(check: Any, scene: Any = scenario(through_broadcast, rows)) -> None:
    check(scene)


def create_graph_saved_values_alive(torch: Any, drawn: Any) -> Any:
    import gc

    x = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    root = (x * x * x).sum()
    (first,) = torch.autograd.grad(root, x, create_graph=True)
    del root
    gc.collect()
    first.sum().backward()
    return x.grad.tolist()


@clause(
    "double.create-graph-saved-values-alive",
    "A recorded gradient can be used after the root that it came from is gone.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_create_graph_saved_values_alive(
    check: Any, scene: Any = scenario(create_graph_saved_values_alive, numbers)
) -> None:
    check(scene)


def pow_integer_orders(torch: Any, drawn: Any) -> Any:
    values, order = drawn
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    y = x**order
    for _ in range(order + 1):
        if not y.requires_grad:
            return "constant"
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True, materialize_grads=True)
    return (y + 0).tolist()


@clause(
    "double.pow-integer-orders",
    "x**n differentiated n + 1 times is exactly zero.",
    source="torch.autograd.grad",
    profile="higher-order",
)
def test_pow_integer_orders(check: Any, scene: Any = scenario(pow_integer_orders, one_of(1, 2, 3))) -> None:
    check(scene)
