"""Hooks on tensors, leaves, several gradients: program by program against PyTorch."""

# ruff: noqa: B023  (the lambdas are called at once; what is unpacked may matter by living)

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_calls_and_replacement(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    log: list[Any] = []
    y = x * 3
    y.register_hook(lambda g: log.append(("first", g)))
    y.register_hook(lambda g: g * 2)
    y.register_hook(lambda g: log.append(("third", g)))
    x.register_hook(lambda g: log.append(("leaf", g)))
    x.register_hook(lambda g: g + 1)
    ((y * 2) + y).sum().backward()
    return log, x.grad


@agree
def test_handles(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    log: list[Any] = []
    h = x.register_hook(lambda g: log.append("a"))
    with x.register_hook(lambda g: log.append("b")) as inner:
        x.backward(torch.ones(1))
    found = [type(h).__name__, inner is not None, hasattr(h, "id")]
    x.backward(torch.ones(1))
    h.remove()
    h.remove()
    x.backward(torch.ones(1))
    return found, log


@agree
def test_errors(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)

    def named(g: Any) -> Any:
        return torch.ones(3)

    class Callable:
        def __call__(self, g: Any) -> Any:
            return torch.ones(3)

    found = [attempt(lambda: torch.ones(2).register_hook(lambda g: g)), attempt(lambda: x.register_hook(3))]
    hooks = (named, Callable(), lambda g: g.double(), lambda g: 3, lambda g: "a", lambda g: (g,), lambda g: g[:1])
    for hook in (*hooks, lambda g: g * 1j, lambda g: [g]):
        for make in (lambda: x, lambda: x * 1):
            t = make()
            h = attempt(lambda: t.register_hook(hook))
            found.append(attempt(lambda: (t * 2).sum().backward()))
            if hasattr(h, "remove"):
                h.remove()
    return found, x.grad


@agree
def test_order_on_a_non_leaf(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 3
    log: list[Any] = []
    y.retain_grad()
    y.register_hook(lambda g: log.append(("tensor", g, y.grad)) or g * 2)
    y.grad_fn.register_prehook(lambda go: log.append(("pre", go, y.grad)) or (go[0] * 5,))
    y.grad_fn.register_hook(lambda gi, go: log.append(("post", gi, go)) or (gi[0] * 7, *gi[1:]))
    y.sum().backward()
    return log, y.grad, x.grad


@agree
def test_order_on_a_leaf(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    log: list[Any] = []
    out = (x * 3).sum()
    node = out.grad_fn.next_functions[0][0].next_functions[0][0]
    node.register_hook(lambda gi, go: log.append(("post", gi, go, x.grad)))
    node.register_prehook(lambda go: log.append(("pre", go, x.grad)) or (go[0] * 2,))
    x.register_hook(lambda g: log.append(("tensor", g)) or g * 10)
    x.register_post_accumulate_grad_hook(lambda t: log.append(("accumulated", t.grad.clone(), t is x)))
    out.backward()
    return log, x.grad


@agree
def test_post_accumulate(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    log: list[Any] = []
    found = [attempt(lambda: (x * 2).register_post_accumulate_grad_hook(print))]
    found += [attempt(lambda: torch.ones(2).register_post_accumulate_grad_hook(print))]
    a = x.register_post_accumulate_grad_hook(lambda t: log.append(("a", torch.is_grad_enabled(), t.grad)))
    x.register_post_accumulate_grad_hook(lambda t: log.append(("b", t.requires_grad)))
    ((x * 2) + x).sum().backward()
    torch.autograd.grad((x * 2).sum(), x)
    y = leaf(torch, 1.0)
    (x.sum() * y).backward(inputs=[y])
    a.remove()
    (x * x).sum().backward(create_graph=True)
    x.grad = None

    def step(t: Any) -> None:
        with torch.no_grad():
            t.add_(t.grad)
        t.grad = None

    z = leaf(torch, 1.0, 2.0)
    z.register_post_accumulate_grad_hook(step)
    (z * 3).sum().backward()
    found += [z, z.grad]
    w = leaf(torch, 1.0)
    h = w.register_post_accumulate_grad_hook(lambda t: 3)
    found += [attempt(lambda: w.backward(torch.ones(1))), w.grad]
    h.remove()
    w.register_post_accumulate_grad_hook(lambda t: t)
    found += [attempt(lambda: w.backward(torch.ones(1))), w.grad]
    return found, log


@agree
def test_in_place_binding(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    log: list[Any] = []
    y = x * 1
    y.register_hook(lambda g: log.append(("before", g)))
    y.retain_grad()
    y.mul_(3)
    y.register_hook(lambda g: log.append(("after", g)))
    y.mul_(5)
    y.sum().backward()
    v = x * 1
    w = v.view(2, 1)
    w.register_hook(lambda g: log.append(("view", g)))
    v.register_hook(lambda g: log.append(("base", g)))
    v.retain_grad()
    w.retain_grad()
    w.mul_(2)
    (v * 7).sum().backward()
    return log, y.grad, x.grad, v.grad, attempt(lambda: w.grad)


@agree
def test_registration_during_backward(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    log: list[Any] = []
    a = x * 2
    b = a * 3

    def late(g: Any) -> None:
        a.register_hook(lambda h: log.append(("late", h)))
        b.register_hook(lambda h: log.append(("same", h)))

    b.register_hook(late)
    out = b.sum()
    out.backward(retain_graph=True)
    first, log[:] = list(log), []
    out.backward()
    return first, log


@agree
def test_removal_during_backward(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    log: list[Any] = []
    handles: list[Any] = []

    def remove(g: Any) -> None:
        log.append("remover")
        for h in handles:
            h.remove()

    handles.append(x.register_hook(remove))
    handles.append(x.register_hook(lambda g: log.append("removed")))
    x.backward(torch.ones(2))
    x.backward(torch.ones(2))
    return log


@agree
def test_hook_values_take_part(torch: Any) -> Any:
    x = leaf(torch, 2.0)
    y = x * x
    y.register_hook(lambda g: g * g * x)
    (g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return g, h


@agree
def test_seed_hook_and_none(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0)
    log: list[Any] = []
    out = x * 2
    out.register_hook(lambda g: log.append(g))
    out.backward(torch.tensor([5.0, 6.0]))
    y.register_hook(lambda g: log.append("never"))
    torch.autograd.grad((x.sum() * y), x)
    return log


@agree
def test_retain_with_hooks(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 3)
    z = y * 4
    torch.autograd.grad(z.sum(), x, retain_graph=True)
    first = y.grad
    torch.autograd.grad(z.sum(), y, retain_graph=True)
    second = y.grad
    z.sum().backward(inputs=[y])
    return first, second, y.grad


@agree
def test_multi_grad(torch: Any) -> Any:
    register = torch.autograd.graph.register_multi_grad_hook
    a, b, c = leaf(torch, 1.0), leaf(torch, 2.0), leaf(torch, 3.0)
    log: list[Any] = []
    h = register((a, b, c), lambda grads: log.append(("all", grads)))
    k = register((a, b, c), lambda g: log.append(("any", g)), mode="any")
    (a * b).sum().backward()
    (a * b * c).sum().backward()
    refused = attempt(lambda: torch.autograd.grad((a * b).sum(), a))
    h.remove()
    k.remove()
    (a * b).sum().backward()
    mid = a * 2
    register([mid, b], lambda grads: log.append(("mid", grads)))
    (mid * b).sum().backward()
    found = [
        refused,
        attempt(lambda: register((a,), print, mode="some")),
        attempt(lambda: register((torch.ones(1),), print)),
    ]
    return found, log


@agree
def test_multi_grad_errors_and_replacement(torch: Any) -> Any:
    register = torch.autograd.graph.register_multi_grad_hook
    a, b = leaf(torch, 1.0), leaf(torch, 2.0)
    register((a, b), lambda grads: [g * 100 for g in grads])
    (a * b).sum().backward()

    def fail(grads: Any) -> None:
        raise ValueError("multi")

    h = register((a, b), fail)
    first = attempt(lambda: (a * b).sum().backward())
    h.remove()
    return a.grad, b.grad, first, attempt(lambda: (a * b).sum().backward())


@agree
def test_callbacks(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    log: list[Any] = []
    engine = torch.autograd.Variable._execution_engine
    x.register_hook(lambda g: engine.queue_callback(lambda: log.append(("end", x.grad))))
    (x * 2).sum().backward()
    return log, attempt(lambda: engine.queue_callback(lambda: None))


@agree
def test_hooks_keep_gradients_that_they_store(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    kept: list[Any] = []
    x.register_hook(lambda g: kept.append(g))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    x.grad.mul_(100)
    return kept, x.grad


@agree
def test_order_of_leaves(torch: Any) -> Any:
    found = []
    for count in range(2, 12):
        log: list[int] = []
        leaves = [leaf(torch, 1.0) for _ in range(count)]
        for k, x in enumerate(leaves):
            x.register_hook(lambda g, k=k: log.append(k))
        torch.cat(leaves).sum().backward()
        mixed = [x if k % 3 else x * 2 for k, x in enumerate(leaves)]
        (torch.cat(mixed[::2]).sum() + torch.cat(mixed[1:]).sum() * 2 + mixed[0]).sum().backward()
        found.append(log)
    return found


def giving_nothing(torch: Any) -> Any:
    """A Function whose backward gives None."""

    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return None

    return Nothing.apply


@agree
def test_where_no_cotangent_arrives(torch: Any) -> Any:
    log: list[Any] = []
    x = torch.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda p: log.append(("post", p.grad)))
    x.register_hook(lambda g: log.append(("leaf", g)))
    y = x.view(2)
    y.retain_grad()
    y.register_hook(lambda g: log.append(("tensor", g)))
    y.grad_fn.register_prehook(lambda gs: log.append(("pre", gs)))
    y.grad_fn.register_hook(lambda *gs: log.append(("node", gs)))
    giving_nothing(torch)(y).sum().backward()
    return log, x.grad, y.grad


@agree
def test_saved_values_are_read_where_no_cotangent_arrives(torch: Any) -> Any:
    log: list[Any] = []

    def unpack(value: Any) -> Any:
        log.append(value)
        return value

    x = torch.ones(2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda value: value, unpack):
        y = x.exp() * x.sin()
    giving_nothing(torch)(y).sum().backward()
    z = x.exp()
    w = giving_nothing(torch)(z)
    with torch.no_grad():
        z.add_(1)
    return len(log), x.grad, attempt(lambda: w.sum().backward())


@agree
def test_a_root_that_leads_to_no_input(torch: Any) -> Any:
    log: list[Any] = []
    x, other, seed = (torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True), torch.ones(2))
    y, z = x.sin(), x.cos()
    for name, t in (("y", y), ("z", z), ("x", x)):
        t.register_hook(lambda g, name=name: log.append((name, g)))
    y.retain_grad()
    y.grad_fn.register_prehook(lambda gs: log.append("pre"))
    found = [torch.autograd.grad(y, other, seed, retain_graph=True, allow_unused=True)]
    y.backward(seed, inputs=[other], retain_graph=True)
    x.backward(seed, inputs=[other])
    torch.autograd.grad([y, z], other, [seed, seed], retain_graph=True, allow_unused=True)
    return log, found, y.grad, x.grad


@agree
def test_post_hooks_see_reduced_gradients(torch: Any) -> Any:
    log: list[Any] = []
    x, y = torch.ones(2, 1, requires_grad=True, dtype=torch.float64), torch.ones(3, requires_grad=True)
    z = x * y
    z.grad_fn.register_hook(lambda grads, given: log.append(grads))
    z.sum().backward()
    return log
