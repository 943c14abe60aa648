"""torch.autograd.backward and Tensor.backward, program by program against PyTorch."""

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt


def leaf(torch: Any, *values: float, **kwargs: Any) -> Any:
    return torch.tensor(list(values), requires_grad=True, **kwargs)


@agree
def test_chain_fan_out_and_diamond(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    a = x * y
    b = a * a + x
    b.sum().backward()
    first = [x.grad.clone(), y.grad.clone()]
    ((x * 3) * y).sum().backward()
    return first, x.grad, y.grad, attempt(b.sum().backward)


@agree
def test_implicit_seed(torch: Any) -> Any:
    x = torch.ones(1, 1, 1, requires_grad=True)
    (x * 5).backward()
    z = torch.ones(2, requires_grad=True)
    c = torch.ones(1, dtype=torch.complex64, requires_grad=True)
    e = torch.ones(0, requires_grad=True)
    return x.grad, attempt((z * 2).backward), attempt((c * 2).backward), attempt((e * 2).backward)


@agree
def test_seeds(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    found = [
        attempt(lambda: y.backward(torch.ones(3))),
        attempt(lambda: y.backward(torch.ones(1))),
        attempt(lambda: y.backward(torch.ones(2, dtype=torch.complex64))),
        attempt(lambda: y.backward(3.0)),
        attempt(lambda: y.backward([1.0, 2.0])),
        attempt(lambda: y.backward(torch.ones(2, dtype=torch.float64), retain_graph=True)),
        attempt(lambda: y.backward(torch.ones(2, dtype=torch.int64), retain_graph=True)),
        attempt(lambda: y.backward(torch.ones(2, dtype=torch.float16), retain_graph=True)),
        attempt(lambda: torch.autograd.backward(y, 2)),
    ]
    c = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    found.append(attempt(lambda: (c * 2).backward(torch.ones(2))))
    found.append(attempt(lambda: (c * 2).backward(torch.ones(2, dtype=torch.complex128))))
    return found, x.grad, c.grad


@agree
def test_roots(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y, z = (x * 2).sum(), (x * x).sum()
    backward = torch.autograd.backward
    found = [attempt(lambda: backward((y, z), retain_graph=True)), x.grad.clone()]
    found += [attempt(lambda: backward((y, y), retain_graph=True)), x.grad.clone()]
    found += [attempt(lambda: backward([y, x * 2], [None, torch.ones(2)])), x.grad.clone()]
    found += [attempt(lambda: backward([x * 2], torch.ones(2))), x.grad.clone()]
    found += [attempt(lambda: backward([x * 2], [None])), attempt(lambda: backward([y, z], [torch.ones(())]))]
    found += [attempt(lambda: backward([x * 2], [torch.ones(2), torch.ones(2)])), x.grad.clone()]
    found += [attempt(lambda: backward(torch.ones(()))), attempt(lambda: backward((y, torch.ones(()))))]
    found += [attempt(lambda: backward(())), attempt(lambda: backward([])), attempt(lambda: backward([1.0]))]
    found += [attempt(lambda: backward(x, torch.ones(2))), x.grad.clone()]
    return found


@agree
def test_generators_and_tuples_of_seeds(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.backward((x * 2, x * 3), (torch.ones(2), torch.ones(2)))
    return x.grad, attempt(lambda: torch.autograd.backward(x * 2, grad_tensors=(torch.ones(2),)))


@agree
def test_inputs(torch: Any) -> Any:
    x, y, far = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), leaf(torch, 1.0)
    mid = x * y
    out = (mid * mid).sum()
    found = [attempt(lambda: out.backward(inputs=[x], retain_graph=True)), x.grad, y.grad]
    found += [attempt(lambda: out.backward(inputs=y, retain_graph=True)), y.grad, mid.retains_grad]
    found += [attempt(lambda: out.backward(inputs={"a": mid}, retain_graph=True)), mid.grad, mid.retains_grad]
    found += [attempt(lambda: out.backward(inputs=[], retain_graph=True)), attempt(lambda: out.backward(inputs=()))]
    found += [attempt(lambda: out.backward(inputs={}))]
    found += [attempt(lambda: out.backward(inputs=[far, x], retain_graph=True)), far.grad, x.grad]
    found += [attempt(lambda: out.backward(inputs=[torch.ones(2)], retain_graph=True))]
    found += [attempt(lambda: out.backward(inputs=[3.0], retain_graph=True))]
    found += [attempt(lambda: out.backward(inputs=[mid], retain_graph=True)), mid.grad]
    found += [attempt(lambda: out.backward(inputs=[out], retain_graph=True)), out.grad]
    edge = torch.autograd.graph.get_gradient_edge(x)
    found += [attempt(lambda: out.backward(inputs=[edge], retain_graph=True)), x.grad]
    edge = torch.autograd.graph.get_gradient_edge(mid)
    found += [attempt(lambda: out.backward(inputs=[edge], retain_graph=True)), x.grad, mid.grad]
    return found


@agree
def test_input_node_runs_with_backward(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    mid = x * 2
    log: list[str] = []
    mid.grad_fn.register_hook(lambda gi, go: log.append("node"))
    x.register_hook(lambda g: log.append("leaf"))
    (mid * 3).sum().backward(inputs=[mid])
    first, log[:] = list(log), []
    torch.autograd.grad((mid * 3).sum(), mid, retain_graph=True)
    return first, log, x.grad


@agree
def test_seed_is_copied_and_leaves_own_their_gradients(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 1.0, 2.0)
    seed = torch.ones(2)
    (x + y).backward(seed)
    x.grad.add_(5)
    z = torch.ones(2, 2, requires_grad=True)
    z.sum().backward()
    w = leaf(torch, 1.0, 2.0)
    w.backward(seed)
    w.grad.mul_(7)
    return seed, x.grad, y.grad, z.grad, z.grad.stride(), w.grad, x.backward(torch.ones(2))


@agree
def test_under_no_grad_and_from_the_middle(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    mid = x * x
    out = (mid * 3).sum()
    with torch.no_grad():
        out.backward(retain_graph=True)
        inside = torch.is_grad_enabled()
    mid.backward(torch.ones(2))
    return x.grad, inside, torch.is_grad_enabled(), attempt(lambda: out.backward())


@agree
def test_grad_variables(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    torch.autograd.backward(x * 2, grad_variables=torch.ones(2))
    both = attempt(lambda: torch.autograd.backward(x * 2, torch.ones(2), grad_variables=torch.ones(2)))
    return x.grad, both


@agree
def test_create_graph(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    second = torch.autograd.grad(x.grad.sum(), x, retain_graph=True)
    y.backward(create_graph=True)
    x.grad, kept = None, x.grad
    z = (x * x).sum()
    with torch.no_grad():
        z.backward(create_graph=True)
    return second, kept, x.grad, x.grad.requires_grad


@agree
def test_empty_tensors(torch: Any) -> Any:
    x = torch.ones(0, 3, requires_grad=True)
    (x * x).sum().backward()
    return x.grad


@agree
def test_exceptions_leave_as_they_are(torch: Any) -> Any:
    class Own(Exception):
        pass

    x = leaf(torch, 1.0, 2.0)

    def hook(g: Any) -> None:
        raise Own("from the hook")

    x.register_hook(hook)
    found = attempt((x * 2).sum().backward)
    return found, torch.is_grad_enabled(), x.grad


@agree
def test_reentrant(torch: Any) -> Any:
    x, z = leaf(torch, 1.0, 2.0), leaf(torch, 5.0)
    order: list[str] = []

    def hook(g: Any) -> None:
        order.append("outer")
        with torch.enable_grad():
            w = (z * z).sum()
        w.register_hook(lambda h: order.append("inner"))
        w.backward()

    mid = x * 2
    mid.register_hook(hook)
    (mid * 3).sum().backward()
    return x.grad, z.grad, order


@agree
def test_gradient_edges_as_roots(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    edge = torch.autograd.graph.get_gradient_edge(x * x)
    found = [attempt(lambda: torch.autograd.backward(edge, torch.ones(2), retain_graph=True)), x.grad.clone()]
    found += [attempt(lambda: torch.autograd.backward([edge], [torch.ones(2)], retain_graph=True)), x.grad.clone()]
    found += [
        attempt(lambda: torch.autograd.backward(edge)),
        attempt(lambda: torch.autograd.backward(edge, torch.ones(3))),
    ]
    scalar = torch.autograd.graph.get_gradient_edge((x * x).sum())
    found += [attempt(lambda: torch.autograd.backward(scalar))]
    found += [attempt(lambda: torch.autograd.backward(scalar, torch.ones(()))), x.grad]
    return found


@agree
def test_constants_contribute_nothing(torch: Any) -> Any:
    x, c = leaf(torch, 1.0, 2.0), torch.ones(2)
    (x * c + c * 4).sum().backward()
    return x.grad, c.grad, (c * 4).grad_fn


@agree
def test_cleared_flags_after_recording(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    out = (x * y).sum()
    x.requires_grad_(False)
    out.backward()
    return x.grad, y.grad, x.is_leaf


@agree
def test_late_flag_is_not_retroactive(torch: Any) -> Any:
    x, y = torch.tensor([1.0, 2.0]), leaf(torch, 3.0, 4.0)
    out = (x * y).sum()
    x.requires_grad_()
    out.backward()
    return x.grad, y.grad
