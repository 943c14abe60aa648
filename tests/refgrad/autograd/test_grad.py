"""torch.autograd.grad, program by program against PyTorch."""

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_results(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    mid = x * y
    out = (mid * mid).sum()
    grad = torch.autograd.grad
    found = [
        grad(out, x, retain_graph=True),
        grad(out, [y, x], retain_graph=True),
        grad([out], (mid, x), retain_graph=True),
    ]
    found += [grad(out, (x, x), retain_graph=True), grad(out, out, retain_graph=True), grad(mid, mid, torch.ones(2))]
    found += [grad((out, mid), (x,), (torch.ones(()), torch.ones(2)), retain_graph=True)]
    found += [grad(out, {"a": x, "b": y}, retain_graph=True)]
    return found, x.grad, y.grad, mid.grad


@agree
def test_unused(torch: Any) -> Any:
    x, far = leaf(torch, 1.0, 2.0), torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    out = (x * x).sum()
    grad = torch.autograd.grad
    return [
        attempt(lambda: grad(out, (x, far), retain_graph=True)),
        attempt(lambda: grad(out, (x, far), retain_graph=True, allow_unused=False)),
        attempt(lambda: grad(out, (x, far), retain_graph=True, allow_unused=True)),
        attempt(lambda: grad(out, (x, far), retain_graph=True, materialize_grads=True)),
        attempt(lambda: grad(out, (x, far), create_graph=True, materialize_grads=True)),
        attempt(lambda: grad(out, (x, far), retain_graph=True, materialize_grads=True, allow_unused=False)),
        attempt(lambda: grad(out, {"x": x, "far": far}, retain_graph=True)),
        attempt(lambda: grad(out, {"x": x, "far": far}, retain_graph=True, allow_unused=True)),
        attempt(lambda: grad(x, far, torch.ones(2), allow_unused=True)),
    ]


@agree
def test_errors(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    out = (x * x).sum()
    grad = torch.autograd.grad
    return [
        attempt(lambda: grad(out, torch.ones(2))),
        attempt(lambda: grad(out, torch.ones(2), allow_unused=True)),
        attempt(lambda: grad(out, [])),
        attempt(lambda: grad(out, ())),
        attempt(lambda: grad(out, {})),
        attempt(lambda: grad([], [x])),
        attempt(lambda: grad((out, torch.ones(())), x)),
        attempt(lambda: grad((out, torch.ones(())), x, (torch.ones(()), None))),
        attempt(lambda: grad(torch.ones(()), x)),
        attempt(lambda: grad(x * 2, x)),
        attempt(lambda: grad(x * 2, x, [None])),
        attempt(lambda: grad(out, x, None, retain_graph=True)),
        attempt(lambda: grad(x * 2, x, torch.ones(3))),
        attempt(lambda: grad((x * 2, x * 3), x, torch.ones(2))),
        attempt(lambda: grad((x * 2, x * 3), x, [torch.ones(2)])),
        attempt(lambda: grad((x * 2,), x, [torch.ones(2), torch.ones(2)])),
        attempt(lambda: grad(3.0, x)),
        attempt(lambda: grad(out, 3.0)),
        attempt(lambda: grad(out, [3.0])),
        attempt(lambda: grad(out, x, only_inputs=False, retain_graph=True)),
        attempt(lambda: grad(out, x)),
        attempt(lambda: grad(out, x)),
    ]


@agree
def test_create_graph(torch: Any) -> Any:
    x, v = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    grad = torch.autograd.grad
    (g,) = grad((x * x * x).sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    (constant,) = grad((x * 2).sum(), x, create_graph=True)
    with torch.no_grad():
        (inside,) = grad((x + 0).sum() * 1, x, create_graph=True, allow_unused=True) if False else (None,)
    y = x * x
    with torch.no_grad():
        (recorded,) = grad(y, x, torch.ones(2), create_graph=True)
    (plain,) = grad(x * x, x, v)
    (by_seed,) = grad(x * x, x, v, create_graph=True)
    (dv,) = grad(by_seed.sum(), v)
    return g, h, constant.requires_grad, recorded.requires_grad, plain.requires_grad, dv, inside


@agree
def test_retain_graph_follows_create_graph(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = (x * x).sum()
    grad = torch.autograd.grad
    found = [
        grad(y, x, create_graph=True),
        grad(y, x, create_graph=True),
        grad(y, x, create_graph=True, retain_graph=False),
    ]
    return [g.detach() for (g,) in found], attempt(lambda: grad(y, x)), attempt(lambda: grad(found[2][0].sum(), x))


@agree
def test_batched(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    grad = torch.autograd.grad
    seeds = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return [
        grad(y, x, seeds, is_grads_batched=True, retain_graph=True),
        attempt(lambda: grad(y, x, torch.ones(3, 3), is_grads_batched=True, retain_graph=True)),
        attempt(lambda: grad(y, x, (seeds,), is_grads_batched=True, retain_graph=True)),
        attempt(lambda: grad(y, x, seeds, is_grads_batched=True, create_graph=True))[0].requires_grad,
    ]


@agree
def test_unneeded_nodes_do_not_run(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    log: list[str] = []
    a, b = x * 2, y * 3
    a.register_hook(lambda g: log.append("a"))
    b.register_hook(lambda g: log.append("b"))
    a.grad_fn.register_hook(lambda i, o: log.append("node a"))
    b.grad_fn.register_hook(lambda i, o: log.append("node b"))
    out = (a * b).sum()
    torch.autograd.grad(out, x, retain_graph=True)
    first, log[:] = list(log), []
    torch.autograd.grad(out, a, retain_graph=True)
    return first, log, x.grad, y.grad


@agree
def test_result_of_sum_is_expanded(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    (g,) = torch.autograd.grad(x.sum(), x)
    y, z = leaf(torch, 1.0), leaf(torch, 2.0)
    a, b = torch.autograd.grad(y + z, (y, z))
    return g.stride(), a is b


@agree
def test_gradient_edges(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    edge_of = torch.autograd.graph.get_gradient_edge
    mid = x * x
    out = (mid * 3).sum()
    grad = torch.autograd.grad
    return [
        grad(out, edge_of(x), retain_graph=True),
        grad(out, [edge_of(mid), x], retain_graph=True),
        grad(edge_of(mid), x, torch.ones(2), retain_graph=True),
        attempt(lambda: grad(edge_of(mid), x)),
        attempt(lambda: grad(edge_of(out), x, retain_graph=True)),
        attempt(lambda: edge_of(torch.ones(2))),
        attempt(lambda: edge_of(mid.detach())),
        attempt(lambda: grad(mid, edge_of(x * 2), torch.ones(2), allow_unused=True, retain_graph=True)),
        attempt(lambda: grad(mid, edge_of(x * 2), torch.ones(2), materialize_grads=True, retain_graph=True)),
    ]


@agree
def test_hooks_of_captured_inputs(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    mid = x * x
    x.register_hook(lambda g: g * 10)
    mid.register_hook(lambda g: g * 100)
    return torch.autograd.grad((mid * 1).sum(), (x, mid)), x.grad


@agree
def test_grad_of_grad_frees(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = (x * x * x).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    del y
    (h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    (k,) = torch.autograd.grad(h.sum(), x, create_graph=True)
    return g, h, k, attempt(lambda: torch.autograd.grad(k.sum(), x))


@agree
def test_linear_second_derivative(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    (g,) = torch.autograd.grad((x * 3).sum(), x, create_graph=True)
    return g, attempt(lambda: torch.autograd.grad(g.sum(), x))


@agree
def test_pow_orders(torch: Any) -> Any:
    x = leaf(torch, 0.0, 2.0)
    found, y = [], (x**3).sum()
    for _ in range(3):
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        found.append(g.detach())
        y = g.sum()
    return found


@agree
def test_error_in_the_middle_and_retry(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    mid = x * x
    out = (mid * mid).sum()
    handle = mid.register_hook(lambda g: torch.ones(5))
    first = attempt(lambda: torch.autograd.grad(out, x))
    handle.remove()
    return first, attempt(lambda: torch.autograd.grad(out, x))
