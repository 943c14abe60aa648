"""What `.grad` is: memory, strides, identity, dtype. Program by program against PyTorch."""

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_strides_follow_a_dense_leaf(torch: Any) -> Any:
    found = []
    for base in (torch.ones(2, 3).transpose(0, 1), torch.ones(2, 3), torch.ones(4, 6).as_strided((2, 2), (6, 2))):
        x = base.detach().requires_grad_()
        (x * 2).sum().backward()
        x2 = base.detach().requires_grad_()
        x2.sum().backward()
        found += [x.grad.stride(), x.grad, x2.grad.stride()]
    e = torch.ones(1, 3).expand(2, 3).detach().requires_grad_()
    (e * 2).sum().backward()
    found += [e.grad, e.grad.stride()]
    return found


@agree
def test_in_place_or_not(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    (x * 2).sum().backward()
    g, version = x.grad, x.grad._version
    (x * 2).sum().backward()
    found = [x.grad is g, g, version, g._version]
    (x * x).sum().backward(create_graph=True)
    found += [x.grad is g, g, x.grad]
    h = x.grad
    (x * 2).sum().backward()
    found += [x.grad is h, x.grad, h]
    x.grad = None
    (x * 2).sum().backward()
    found += [x.grad is g, x.grad, x.grad._version]
    return found


@agree
def test_preset_gradient(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    x.grad = torch.zeros(3, 2).transpose(0, 1)
    g = x.grad
    (x * 2).sum().backward()
    return x.grad is g, x.grad.stride(), x.grad


@agree
def test_preset_gradient_with_create_graph(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    x.grad = torch.zeros(3, 2).transpose(0, 1)
    (x * x).sum().backward(create_graph=True)
    first = (x.grad.stride(), x.grad)
    x.grad = None
    y = torch.ones(3, 2).transpose(0, 1).detach().requires_grad_()
    (y * y).sum().backward(create_graph=True)
    second = y.grad.stride(), y.grad.grad_fn
    y.grad = None
    return first, second


@agree
def test_preset_gradient_requiring_grad(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    x.grad = leaf(torch, 5.0, 6.0)
    g = x.grad
    found = [attempt(lambda: (x * 2).sum().backward()), x.grad is g, x.grad]
    return found


@agree
def test_expanded_preset_gradient(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    x.grad = torch.ones(1).expand(2)
    return attempt(lambda: (x * 2).sum().backward()), x.grad, x.grad.stride()


@agree
def test_layout_policy(torch: Any) -> Any:
    found = []
    for flag in (True, False):
        x = torch.ones(2, 3, requires_grad=True)
        with torch.autograd.enforce_grad_layout_policy(flag):
            y = x.transpose(0, 1).clone()
            y.backward(torch.ones(3, 2))
        found += [x.grad]
    return found


@agree
def test_gradient_dtype(torch: Any) -> Any:
    x = torch.ones(2, dtype=torch.float16, requires_grad=True)
    (x.float() * 2).sum().backward()
    y = leaf(torch, 1.0, 2.0)
    found = [x.grad, y.grad_dtype]
    y.grad_dtype = torch.float64
    (y * 2).sum().backward()
    found += [y.grad, attempt(lambda: setattr(y, "grad_dtype", torch.float16)), y.grad_dtype]
    y.grad = None
    y.grad_dtype = None
    found += [y.grad_dtype, attempt(lambda: setattr(y, "grad", torch.ones(2).double())), y.grad]
    z = y * 2
    found += [attempt(lambda: z.grad_dtype), attempt(lambda: setattr(z, "grad_dtype", torch.float16))]
    found += [attempt(lambda: setattr(leaf(torch, 1.0), "grad_dtype", 3))]
    return found


@agree
def test_grad_dtype_none_keeps_what_arrives(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    x.grad_dtype = None
    (x.double() * 2).sum().backward()
    y = leaf(torch, 1.0, 2.0)
    y.grad_dtype = torch.float16
    (y * 2).sum().backward()
    (y * 2).sum().backward()
    return x.grad, y.grad, attempt(lambda: setattr(y, "grad", torch.ones(2)))


@agree
def test_snapshot(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    (x * 2).sum().backward()
    snapshot = x.grad
    (x * 2).sum().backward()
    x.grad.zero_() if hasattr(x.grad, "zero_") else x.grad.mul_(0)
    return snapshot, snapshot is x.grad


@agree
def test_complex_and_views_as_gradients(torch: Any) -> Any:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (z * z.conj()).sum().backward(torch.ones((), dtype=torch.complex64))
    return z.grad, z.grad.is_conj(), z.grad.stride()


@agree
def test_seed_strides_reach_the_leaf(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    x.backward(torch.ones(3, 2).transpose(0, 1))
    y = torch.ones(2, 3, requires_grad=True)
    y.backward(torch.ones(1, 3).expand(2, 3))
    return x.grad.stride(), y.grad.stride()


@agree
def test_gradient_between_nodes_keeps_its_strides(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    seen: list[Any] = []
    y = x * 1
    y.register_hook(lambda g: seen.append(g.stride()))
    z = y.transpose(0, 1)
    z.register_hook(lambda g: seen.append(g.stride()))
    z.sum().backward()
    w = y = x * 1
    y.register_hook(lambda g: seen.append(g.stride()))
    (w.transpose(0, 1) * torch.ones(3, 2)).sum().backward()
    return seen


@agree
def test_gradient_in_the_memory_of_the_seed(torch: Any) -> Any:
    found = []
    for make in (
        lambda x: x.view(2),
        lambda x: x.unsqueeze(0).squeeze(0),
        lambda x: x.expand(2),
        lambda x: x + 0,
        lambda x: x.clone(),
        lambda x: x.reshape(1, 2).sum(0),
    ):
        x, seed = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 5.0])
        make(x).backward(seed)
        seed.mul_(2)
        found += [x.grad, x.grad._version, x.grad._is_view(), seed._version]
    return found


@agree
def test_second_backward_adds_into_the_seed_it_kept(torch: Any) -> Any:
    x, seed = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 5.0])
    y = x.view(2)
    y.backward(seed, retain_graph=True)
    y.backward(seed)
    return seed, x.grad, x.grad._version, seed._version


@agree
def test_two_leaves_and_one_cotangent(torch: Any) -> Any:
    found = []
    for make in (
        lambda x, y: x.view(2) * 1 + y.view(2),
        lambda x, y: (x + y).view(2),
        lambda x, y: (x.view(2) + y.view(2)).sin(),
        lambda x, y: torch.cat([x, y])[1:3],
    ):
        x, y, seed = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), torch.tensor([3.0, 5.0])
        make(x, y).backward(seed)
        x.grad.mul_(3)
        found += [x.grad, y.grad, seed, x.grad._version, y.grad._version, seed._version]
    return found


@agree
def test_gradient_that_something_else_holds_is_copied(torch: Any) -> Any:
    found, held = [], []
    for hook in (lambda g: held.append(g), lambda g: None, lambda g: g):
        x, seed = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 5.0])
        x.register_hook(hook)
        x.view(2).backward(seed)
        seed.mul_(2)
        found.append(x.grad)
    x, seed = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 5.0])
    x.view(2).backward(seed, create_graph=True)
    seed.mul_(2)
    found.append(x.grad)
    x.grad = None
    return found


@agree
def test_grad_in_the_memory_of_the_seed(torch: Any) -> Any:
    x, seed = leaf(torch, 1.0, 2.0), torch.tensor([3.0, 5.0])
    (g,) = torch.autograd.grad(x.view(2), x, seed)
    seed.mul_(2)
    return g, g._version, torch.autograd.grad(x, x, seed)[0] is seed, torch.autograd.grad(x + 1, x, seed)[0] is seed
