"""In-place operations and versions, program by program against PyTorch."""

# ruff: noqa: B023  (the lambdas are called at once; what is unpacked may matter by living)

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_versions(torch: Any) -> Any:
    a, x = torch.ones(2), leaf(torch, 1.0, 2.0)
    found = [a._version]
    a.add_(1)
    a.mul_(2)
    a * 2
    found += [a._version, a.view(2, 1)._version, a.detach()._version, a.data._version, a.clone()._version]
    v = a.view(2, 1)
    v.add_(1)
    found += [a._version, v._version]
    y = x * 1
    y.add_(1)
    found += [y._version, x._version, y.grad_fn, y.is_leaf]
    a.copy_(torch.zeros(2))
    a.zero_()
    a.fill_(3)
    a[0] = 5
    a += 1
    found += [a._version, a]
    return found


@agree
def test_modified_saved_values(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []
    for make in (
        lambda y: y * y,
        lambda y: y.exp(),
        lambda y: y.sin(),
        lambda y: y + y,
        lambda y: y * torch.ones(2),
        lambda y: y**2,
        lambda y: y.sqrt(),
        lambda y: y / 2,
        lambda y: 2 / y,
        lambda y: y.sum(),
        lambda y: y.view(2, 1) * y.view(2, 1),
        lambda y: y.clone(),
        lambda y: y.tanh(),
        lambda y: y.relu(),
        lambda y: y.max(),
    ):
        x.grad = None
        y = x * 0.5
        z = make(y)
        y.add_(1)
        found.append((attempt(lambda: z.sum().backward()), x.grad))
        x.grad = None
        y = x * 0.5
        z = make(y)
        z.mul_(2)
        found.append((attempt(lambda: z.sum().backward()), x.grad))
    return found


@agree
def test_check_is_at_use(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y * y
    z.sum().backward()
    y.add_(1)
    found = [x.grad, y]
    y = x * 2
    z = y * y
    w = y * 3
    y.add_(1)
    found += [attempt(lambda: w.sum().backward()), attempt(lambda: z.sum().backward())]
    c = torch.ones(2)
    p = x * c
    x2 = x.detach()
    found += [attempt(lambda: x2.add_(1)), attempt(lambda: p.sum().backward())]
    return found


@agree
def test_leaves(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found = [
        attempt(lambda: x.add_(1)),
        attempt(lambda: x.zero_()),
        attempt(lambda: x.copy_(torch.ones(2))),
        x,
        x._version,
    ]
    found += [
        attempt(lambda: x.view(2, 1).add_(1)),
        attempt(lambda: x.__setitem__(0, 1.0)),
        attempt(lambda: x[0].add_(1)),
    ]
    found += [attempt(lambda: x.view(2, 1).view(2).mul_(2)), attempt(lambda: x.fill_(1)), attempt(lambda: x.exp_())]
    a = torch.ones(2)
    b = a.add_(x)
    found += [b is a, a.grad_fn, a.is_leaf, a.requires_grad]
    a.sum().backward()
    found += [x.grad]
    with torch.no_grad():
        x.add_(1)
    found += [x, x.is_leaf, x._version]
    i = torch.ones(2, dtype=torch.int64)
    found += [attempt(lambda: i.add_(x)), attempt(lambda: i.mul_(2)), attempt(lambda: i.div_(2)), i]
    return found


@agree
def test_chains(torch: Any) -> Any:
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = x * 1
    found: list[Any] = []
    for step in (
        lambda y: y.mul_(w),
        lambda y: y.add_(x),
        lambda y: y.sin_(),
        lambda y: y.exp_(),
        lambda y: y.pow_(2),
        lambda y: y.sub_(w),
        lambda y: y.div_(w),
        lambda y: y.neg_(),
        lambda y: y.tanh_(),
    ):
        same = step(y) is y
        found.append((same, y.grad_fn, y.grad_fn.next_functions, y._version))
    found.append(attempt(lambda: y.sum().backward()))
    z = x * 1
    z.mul_(w).add_(x).sin_().sub_(w).neg_().mul_(3)
    z.sum().backward()
    return found, y, x.grad, w.grad


@agree
def test_operand_is_target(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []
    for step in (
        lambda y: y.mul_(y),
        lambda y: y.add_(y),
        lambda y: y.sub_(y),
        lambda y: y.div_(y),
        lambda y: y.copy_(y),
    ):
        x.grad = None
        y = x * 2
        attempt(lambda: step(y))
        found.append((y, attempt(lambda: y.sum().backward()), x.grad))
    return found


@agree
def test_copy_and_fill(torch: Any) -> Any:
    x, s = leaf(torch, 1.0, 2.0), leaf(torch, 5.0)
    y = x * 3
    y.copy_(s)
    node = y.grad_fn, y.grad_fn.next_functions
    y.sum().backward()
    found = [node, x.grad, s.grad]
    y = x * 3
    y.zero_()
    found += [y.grad_fn]
    y.sum().backward()
    found += [x.grad]
    y = x * 3
    value = leaf(torch, 7.0).sum()
    y.fill_(value)
    found += [y.grad_fn, attempt(lambda: y.sum().backward())]
    d = torch.zeros(2, dtype=torch.float64)
    d.copy_(x)
    found += [d, d.grad_fn]
    d.sum().backward()
    found += [x.grad, attempt(lambda: torch.zeros(2).copy_(torch.ones(3))), attempt(lambda: torch.zeros(2).copy_(3))]
    return found


@agree
def test_setitem(torch: Any) -> Any:
    x, v = torch.ones(3, 2, requires_grad=True), leaf(torch, 5.0, 6.0)
    y = x * 2
    y[1] = v
    y[0, 1] = 9
    found = [y, y.grad_fn]
    y.sum().backward()
    found += [x.grad, v.grad]
    y = x * 2
    y[y > 1] = 0
    y.sum().backward()
    found += [x.grad, y.grad_fn]
    p = torch.zeros(3, 2)
    p[:, 0] = v.sum()
    found += [p, p.requires_grad, p.grad_fn]
    return found


@agree
def test_shapes_and_types(torch: Any) -> Any:
    a, i, b = torch.ones(1, 3), torch.ones(2, dtype=torch.int32), torch.ones(2, dtype=torch.bool)
    return [
        attempt(lambda: a.add_(torch.ones(3, 1, 3))),
        attempt(lambda: a.add_(torch.ones(3, 3))),
        attempt(lambda: a.add_(torch.ones(3))),
        attempt(lambda: a.add_(torch.ones(4))),
        attempt(lambda: i.add_(1.5)),
        attempt(lambda: i.add_(torch.ones(2))),
        attempt(lambda: b.add_(1)),
        attempt(lambda: i.mul_(torch.tensor(2.0))),
        attempt(lambda: torch.ones(2).add_(torch.ones(2).double())),
        attempt(lambda: torch.ones(2).mul_(1j)),
        attempt(lambda: torch.ones(2).mul_(torch.ones(2, dtype=torch.complex64))),
    ]


@agree
def test_in_place_through_aliases(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []
    for write in (
        lambda y: y.view(2, 1).add_(1),
        lambda y: y.detach().add_(1),
        lambda y: y.data.add_(1),
        lambda y: y[0].mul_(2),
        lambda y: torch.autograd.graph.increment_version(y),
    ):
        y = x * 2
        z = y * y
        write(y)
        x.grad = None
        found.append((attempt(lambda: z.sum().backward()), x.grad))
    w = leaf(torch, 1.0)
    out = (w * x.sum()).sum()
    with torch.no_grad():
        w.sub_(0.1)
    found.append(attempt(out.backward))
    return found


@agree
def test_grad_fn_after_writes(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    first = y.grad_fn
    y.add_(1)
    second = y.grad_fn
    y.detach_()
    found = [first, second, second.next_functions[0][0] is first, y.grad_fn, y.requires_grad, y.is_leaf]
    y.requires_grad_()
    (y * 2).sum().backward()
    return found, y.grad


@agree
def test_double_backward_through_writes(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    y.mul_(x)
    y.view(2, 1).exp_()
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return g, h


@agree
def test_second_backward_through_copy_slices(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    y.view(2, 1).add_(1)
    node = y.grad_fn
    y.sum().backward()
    return attempt(lambda: y.sum().backward()), x.grad, node.next_functions
