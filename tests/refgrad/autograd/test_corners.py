# ruff: noqa: B023  (the lambdas are called at once)
"""Corners where several parts of autograd meet: program by program against PyTorch."""

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_backward_inside_backward(torch: Any) -> Any:
    class Nested(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            with torch.enable_grad():
                inner = x.detach().requires_grad_()
                out = inner * inner
            ctx.inner, ctx.out = inner, out
            return out.detach()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            with torch.enable_grad():
                ctx.out.backward(g)
            return ctx.inner.grad

    x = leaf(torch, 1.0, 2.0)
    y = Nested.apply(Nested.apply(x))
    y.sum().backward()
    return x.grad, torch.is_grad_enabled()


@agree
def test_hook_that_differentiates(torch: Any) -> Any:
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0)
    seen: list[Any] = []

    def hook(g: Any) -> Any:
        with torch.enable_grad():
            (d,) = torch.autograd.grad((w * w).sum(), w)
        seen.append(d)
        return g * d

    y = x * 2
    y.register_hook(hook)
    y.sum().backward()
    return x.grad, seen, w.grad


@agree
def test_backward_of_the_running_graph(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    found: list[Any] = []
    y.register_hook(lambda g: found.append(attempt(lambda: z.backward())) if len(found) < 1 else None)
    z.backward()
    return found, x.grad


@agree
def test_gradients_that_alias(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    seed = torch.ones(2)
    a, b = torch.autograd.grad(x + y, (x, y), seed)
    found = [a is b, a is seed, a._version]
    (g,) = torch.autograd.grad(x.view(2, 1), x, torch.ones(2, 1))
    found += [g.stride()]
    (g,) = torch.autograd.grad(x * 1, x, seed)
    g.add_(5)
    found += [seed, g]
    return found


@agree
def test_inputs_in_odd_places(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    a, b = (x * 2).split(1)
    out = (a * 3 + b * 5).sum()
    grad = torch.autograd.grad
    found = [
        grad(out, (b, a), retain_graph=True),
        grad(out, (x, b), retain_graph=True),
        grad((a, b), x, (a, b), retain_graph=True),
    ]
    found += [grad(out, [out, x, x, a], retain_graph=True)]
    out.backward(inputs=[a, x], retain_graph=True)
    found += [a.grad, x.grad, attempt(lambda: b.grad)]
    return found


@agree
def test_writes_to_gradients(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    (x * 2).sum().backward()
    x.grad.requires_grad_()
    found = [attempt(lambda: (x * 3).sum().backward()), x.grad, x.grad.requires_grad]
    x.grad = x.grad.detach()
    x.grad.zero_()
    found += [x.grad, x.grad._version]
    x.grad.data.add_(1)
    (x * 2).sum().backward()
    found += [x.grad]
    return found


@agree
def test_leaf_that_becomes_a_non_leaf(torch: Any) -> Any:
    x, w = leaf(torch, 1.0, 2.0), torch.zeros(2)
    log: list[Any] = []
    with torch.no_grad():
        w.requires_grad_()
        w.register_hook(lambda g: log.append(("leaf hook", g)))
        w.requires_grad_(False)
    w.add_(x)
    (w * 3).sum().backward()
    found = [w.is_leaf, attempt(lambda: w.grad), log]
    y = torch.zeros(2)
    y.grad = torch.ones(2)
    y.copy_(x)
    found += [y.is_leaf, y.grad, y.retains_grad]
    return found


@agree
def test_functions_and_modes(torch: Any) -> Any:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(torch, 1.0, 2.0)
    with torch.inference_mode():
        y = Double.apply(x)
        inside = y.is_inference(), y.requires_grad
    i = torch.ones(2)
    with torch.inference_mode():
        j = torch.ones(2)
    found = [inside, attempt(lambda: Double.apply(j).requires_grad), attempt(lambda: Double.apply(i).grad_fn)]
    with torch.no_grad():
        z = Double.apply(x)
    found += [z.requires_grad, z.is_leaf, z._version]
    return found


@agree
def test_views_through_functions(torch: Any) -> Any:
    class Written(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.mark_dirty(x)
            ctx.save_for_backward(w)
            return x.mul_(w)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (w,) = ctx.saved_tensors
            return g * w, None

    x, w = leaf(torch, 1.0, 2.0, 3.0, 4.0), torch.tensor([5.0, 6.0])
    y = x * 1
    v = y[:2]
    out = Written.apply(v, w)
    found = [out is v, y.grad_fn, v.grad_fn, y._version]
    (y * y).sum().backward()
    found += [x.grad]
    z = x * 1
    z.retain_grad()
    Written.apply(z.view(2, 2)[0], w)
    (z * 2).sum().backward()
    found += [z.grad, x.grad]
    return found


@agree
def test_two_outputs_written(torch: Any) -> Any:
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            x.mul_(2)
            return x, x * 3

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            return g * 2 + h * 6

    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    a, b = Two.apply(y)
    (a + b).sum().backward()
    found = [a is y, a.output_nr, b.output_nr, x.grad]
    z = (x * 1).view(2)
    found += [attempt(lambda: Two.apply(z))]
    return found


@agree
def test_deep_views_and_versions(torch: Any) -> Any:
    x = torch.ones(2, 3, 4, requires_grad=True)
    y = x * 1
    v = y.transpose(0, 2).select(0, 1).unsqueeze(0).expand(5, 3, 2)
    found = [v.shape, v.stride(), v.storage_offset(), v._base is y, attempt(lambda: v.add_(1))]
    w = y.permute(2, 0, 1)[1:3].narrow(1, 0, 1)
    w.mul_(3)
    found += [w.grad_fn, w.stride(), w.storage_offset(), v.grad_fn]
    (v.sum() + w.sum() + (y * y).sum()).backward()
    return found, x.grad


@agree
def test_set_data_on_views_and_saved(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    x.data = torch.tensor([5.0, 6.0])
    found = [attempt(lambda: y.sum().backward()), x.grad]
    x.grad = None
    y = x * x
    x.data.mul_(2)
    found += [attempt(lambda: y.sum().backward()), x.grad, x._version]
    z = (x * 2).view(2, 1)
    z.data = torch.zeros(2, 1)
    found += [z, z._is_view(), z._base]
    return found


@agree
def test_hooks_with_create_graph(torch: Any) -> Any:
    x = leaf(torch, 2.0, 3.0)
    log: list[Any] = []
    y = x * x
    y.grad_fn.register_hook(lambda gi, go: log.append((gi[0].requires_grad, go[0].requires_grad)))
    y.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    y.retain_grad()
    z = (y * y).sum()
    z.backward(create_graph=True)
    found = [x.grad, y.grad, log]
    (g,) = torch.autograd.grad(x.grad.sum(), x)
    found += [g]
    x.grad = y.grad = None
    return found


@agree
def test_materialized_and_undefined(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0, 3.0)
    a, b, _ = x.unbind()
    found = [torch.autograd.grad(b * 2, x), torch.autograd.grad(b, (a, b), allow_unused=True)]
    u, v = torch.max(x.view(1, 3), 1)
    found += [torch.autograd.grad(u.sum(), x), v.requires_grad, u.grad_fn.next_functions]
    return found


@agree
def test_accumulation_into_shared_views_of_grads(torch: Any) -> Any:
    flat = torch.zeros(4)
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    x.grad, y.grad = flat[:2], flat[2:]
    (x * y).sum().backward()
    (x * 2).sum().backward()
    return flat, flat._version, x.grad, x.grad._is_view()


@agree
def test_strange_leaves(torch: Any) -> Any:
    scalar = torch.tensor(3.0, requires_grad=True)
    empty = torch.ones(0, requires_grad=True)
    one = torch.ones(1, 1, requires_grad=True)
    (scalar * one + empty.sum()).sum().backward()
    wide = torch.ones(3, 1, requires_grad=True)
    tall = torch.ones(4, requires_grad=True)
    (wide * tall * scalar).sum().backward()
    return scalar.grad, empty.grad, one.grad, wide.grad, tall.grad


@agree
def test_errors_name_the_node(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []
    for make in (
        lambda y: y.exp(),
        lambda y: y.sigmoid(),
        lambda y: y.max(0).values,
        lambda y: y.view(2, 1),
        lambda y: y[0],
    ):
        y = make(x * 2)
        z = y * y
        with torch.no_grad():
            y.add_(1)
        found.append(attempt(lambda: z.sum().backward()))
    return found


@agree
def test_no_grad_write_between(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    v = y.view(2, 1)
    with torch.no_grad():
        v.add_(1)
    z = y * y
    z.sum().backward()
    return x.grad, y.grad_fn, v.grad_fn, attempt(lambda: v.sum().backward())


@agree
def test_retain_grad_on_views(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    v = y.view(2, 1)
    v.retain_grad()
    y.retain_grad()
    y.mul_(3)
    (v * 5).sum().backward()
    return v.grad, y.grad, x.grad, v.retains_grad, y.retains_grad


@agree
def test_grad_mode_of_unpack_and_pack(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    seen: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: seen.append(torch.is_grad_enabled()) or t, lambda p: seen.append(torch.is_grad_enabled()) or p
    ):
        y = x.exp()
    torch.autograd.grad(y.sum(), x, create_graph=True)
    return seen, y.grad_fn._saved_result.requires_grad
