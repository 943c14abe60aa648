"""Leaves, requires_grad, detach, data, copies: program by program against PyTorch."""

from __future__ import annotations

import copy
import pickle
from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_flags(torch: Any) -> Any:
    x, c = leaf(torch, 1.0, 2.0), torch.ones(2)
    y = x * c
    found: list[Any] = [
        c.requires_grad,
        c.is_leaf,
        (c * 2).is_leaf,
        (c * 2).grad_fn,
        x.is_leaf,
        x.grad_fn,
        y.is_leaf,
        y.requires_grad,
    ]
    found += [x.double().is_leaf, x.grad, c.grad, y.grad, y.grad is None]
    found += [attempt(lambda: setattr(y, "requires_grad", False)), attempt(lambda: y.requires_grad_(False))]
    found += [attempt(lambda: setattr(y, "requires_grad", True))]
    found += [
        y.grad_fn,
        y.requires_grad_() is y,
        attempt(lambda: setattr(x, "requires_grad", 1)),
        attempt(lambda: x.requires_grad_(1)),
    ]
    found += [attempt(lambda: setattr(x, "requires_grad", None)), c.requires_grad_() is c, c.requires_grad]
    found += [attempt(lambda: setattr(x, "requires_grad", torch.tensor(True)))]
    i = torch.ones(2, dtype=torch.int64)
    found += [
        attempt(lambda: i.requires_grad_()),
        attempt(lambda: setattr(i, "requires_grad", True)),
        i.requires_grad_(False),
    ]
    return found


@agree
def test_factories(torch: Any) -> Any:
    return [
        attempt(lambda: torch.ones(2, dtype=torch.int64, requires_grad=True)),
        attempt(lambda: torch.tensor([1, 2], requires_grad=True)),
        attempt(lambda: torch.tensor([1j], requires_grad=True)),
        attempt(lambda: torch.zeros(2, dtype=torch.bool, requires_grad=True)),
        attempt(lambda: torch.zeros_like(torch.ones(2), requires_grad=True)),
        attempt(lambda: torch.ones_like(leaf(torch, 1.0))),
    ]


@agree
def test_read_only_attributes(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    y = x * 2
    names = ("grad_fn", "_version", "is_leaf", "output_nr", "_base", "shape", "dtype", "retains_grad", "ndim", "device")
    return [attempt(lambda n=name: setattr(y, n, None)) for name in names]


@agree
def test_grad_attribute(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    found = [x.grad, y.grad]
    found += [attempt(lambda: setattr(x, "grad", torch.ones(3))), attempt(lambda: setattr(x, "grad", 3))]
    found += [attempt(lambda: setattr(x, "grad", x)), attempt(lambda: setattr(x, "grad", torch.ones(2).double()))]
    found += [attempt(lambda: setattr(x, "grad", torch.ones(2, dtype=torch.int64)))]
    found += [attempt(lambda: setattr(x, "grad", torch.ones(2, dtype=torch.complex64)))]
    x.grad = torch.ones(2)
    y.sum().backward()
    found += [x.grad]
    del x.grad
    found += [x.grad]
    y = x * 2
    y.grad = torch.ones(2)
    found += [y.grad]
    y.sum().backward()
    found += [y.grad, x.grad]
    x.grad = None
    found += [x.grad]
    return found


@agree
def test_retain_grad(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    found = [y.retains_grad, y.retain_grad(), y.retains_grad, x.retain_grad(), x.retains_grad]
    out = (y * 3).sum()
    out.backward(retain_graph=True)
    out.backward()
    found += [y.grad, x.grad, attempt(lambda: torch.ones(2).retain_grad()), torch.ones(2).retains_grad]
    with torch.no_grad():
        found += [attempt(lambda: (x * 2).retain_grad())]
    found += [x.detach().retains_grad, y.detach().grad, y.clone().retains_grad]
    return found


@agree
def test_retained_gradient_is_the_engines_or_a_copy(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    y.retain_grad()
    seed = torch.ones(2)
    y.backward(seed)
    first = y.grad
    same = y.grad is seed
    y.grad.mul_(5)
    z = x + 0
    z.retain_grad()
    z.sum().backward(create_graph=True)
    return first, same, seed, x.grad, z.grad.requires_grad, z.grad.stride()


@agree
def test_detach(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    d = y.detach()
    found = [d.requires_grad, d.grad_fn, d.is_leaf, d._version, d._is_view(), d._base is None]
    d.add_(1)
    found += [y, y._version, d._version]
    e = y.data
    e.add_(1)
    found += [y, y._version, e._version, e.requires_grad, e.is_leaf]
    z = y * y
    y.detach().mul_(2)
    found += [attempt(lambda: z.sum().backward())]
    w = y * y
    y.data.mul_(2)
    found += [attempt(lambda: w.sum().backward()), x.grad]
    y2 = x * 2
    found += [y2.detach_() is y2, y2.requires_grad, y2.grad_fn, y2.is_leaf]
    v = (x * 2).view(2, 1)
    found += [attempt(lambda: v.detach_())]
    with torch.no_grad():
        u = torch.ones(2).view(2, 1)
    found += [attempt(lambda: u.detach_()), attempt(lambda: torch.ones(2).view(2, 1).detach_())]
    found += [x.detach_() is x, x.requires_grad]
    return found


@agree
def test_copies(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    (x * x).sum().backward()
    found = [torch.tensor(x), torch.as_tensor(x) is x, torch.as_tensor(x * 2), torch.as_tensor(x, dtype=torch.float64)]
    c = copy.deepcopy(x)
    found += [c, c.grad, c.is_leaf, c.grad is x.grad]
    s = copy.copy(x)
    found += [s, s.grad, s is x]
    y = x * 2
    found += [attempt(lambda: copy.deepcopy(y)), copy.copy(y), copy.copy(y).grad_fn is y.grad_fn]
    p = pickle.loads(pickle.dumps(x))
    found += [p, p.grad, p.is_leaf]
    found += [attempt(lambda: pickle.loads(pickle.dumps(y)))]
    found += [torch.tensor([x[0] if False else x.sum(), x.sum()])]
    found += [x.clone(), x.clone().is_leaf, torch.clone(x).grad_fn]
    return found


@agree
def test_deepcopy_shares_within_one_call(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    a, b = copy.deepcopy([x, x])
    view = torch.ones(4).view(2, 2)
    return a is b, copy.deepcopy(view)._base is None, copy.deepcopy({"k": x})["k"]


@agree
def test_python_numbers(torch: Any) -> Any:
    x = leaf(torch, 1.5)
    found = [x.item(), x.tolist(), attempt(x.numpy), attempt(lambda: x.detach().numpy().tolist())]
    found += [attempt(lambda: float(x)), attempt(lambda: int(x)), attempt(lambda: bool(x)), attempt(lambda: complex(x))]
    found += [
        attempt(lambda: float(x * 2)),
        attempt(lambda: float(x.detach())),
        attempt(lambda: leaf(torch, 1.0, 2.0).item()),
    ]
    return found


@agree
def test_data_assignment(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    x.data = torch.ones(3)
    found = [x, x.is_leaf, x.requires_grad, x._version]
    (x * x).sum().backward()
    found += [x.grad]
    found += [attempt(lambda: setattr(x, "data", torch.ones(2))), x.grad, x]
    found += [attempt(lambda: setattr(x, "data", torch.ones(3).double())), attempt(lambda: setattr(x, "data", 3.0))]
    found += [attempt(lambda: setattr(x, "data", torch.ones(3, dtype=torch.int64)))]
    y = leaf(torch, 1.0)
    found += [attempt(lambda: setattr(y, "data", torch.ones(1, dtype=torch.int64))), y.dtype]
    source = torch.ones(2)
    z = torch.zeros(2)
    z.data = source
    source.add_(1)
    found += [z, z._version, source._version]
    w = leaf(torch, 1.0, 2.0)
    out = (w * w).sum()
    w.data = torch.tensor([10.0, 20.0])
    out.backward()
    found += [w.grad]
    return found


@agree
def test_variable(torch: Any) -> Any:
    from_tensor = torch.autograd.Variable(torch.ones(2), requires_grad=True)
    x = leaf(torch, 1.0)
    found = [from_tensor, type(from_tensor) is torch.Tensor, torch.autograd.Variable(x)]
    found += [isinstance(x, torch.autograd.Variable), attempt(lambda: torch.autograd.Variable())]
    return found


@agree
def test_leaf_held_by_its_graph(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    out = (x * x).sum()
    node = out.grad_fn.next_functions[0][0].next_functions[0][0]
    del x
    out.backward()
    return node.variable.grad


@agree
def test_control_flow(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found = []
    for k in range(3):
        x.grad = None
        y = x * x if k % 2 else x * 3
        y.sum().backward()
        found.append(x.grad)
    return found


@agree
def test_freeze(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    x.requires_grad_(False)
    out = x * y
    out.sum().backward()
    return x.grad, y.grad, out.grad_fn.next_functions[0]


@agree
def test_warning_once_per_tensor(torch: Any) -> Any:
    y = leaf(torch, 1.0) * 2
    return [y.grad, y.grad, y.detach().grad]
