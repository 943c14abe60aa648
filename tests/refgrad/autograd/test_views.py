"""Views and what in-place writes do to their history, program by program against PyTorch."""

# ruff: noqa: B023  (the lambdas are called at once; what is unpacked may matter by living)

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


def flags(t: Any) -> Any:
    return (
        t._is_view(),
        t._version,
        t.requires_grad,
        attempt(lambda: t.is_leaf),
        attempt(lambda: t.grad_fn),
        t.output_nr,
    )


@agree
def test_bases(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 1
    v = y.view(3, 2)
    w = v.transpose(0, 1)[1:]
    found = [v._base is y, w._base is y, y._base is None, flags(v), flags(w), x.view(6)._base is x]
    found += [flags(x.detach()), flags(x.detach().view(6)), flags(y.expand(2, 2, 3)), flags(y[0]), flags(y[0, 0])]
    found += [flags(y.reshape(6)), flags(y.transpose(0, 1).reshape(6)), y.contiguous() is y, flags(y.t().contiguous())]
    v.mul_(2)
    found += [y._version, v._version, w._version]
    y.add_(1)
    found += [y._version, v._version, w._version]
    return found


@agree
def test_write_view(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    found: list[Any] = []
    for make in (
        lambda y: y.view(6),
        lambda y: y[0],
        lambda y: y.t(),
        lambda y: y[:, 1:],
        lambda y: y.view(3, 2)[1].view(2, 1),
        lambda y: y[0][1],
        lambda y: y.diagonal(),
        lambda y: y.unsqueeze(0).squeeze(0).select(1, 0),
    ):
        for write in (lambda v: v.mul_(3), lambda v: v.add_(v * 2), lambda v: v.exp_(), lambda v: v.zero_()):
            x.grad = None
            y = x * 2
            sibling = y.view(-1)
            v = make(y)
            write(v)
            here = [flags(y), flags(v), flags(sibling), y.grad_fn.next_functions, v.grad_fn.next_functions]
            z = (y * y).sum() + v.sum() * 5 + sibling.sum() * 7
            z.backward()
            found.append((here, x.grad, y))
    return found


@agree
def test_write_base(torch: Any) -> Any:
    x, w = torch.ones(2, 3, requires_grad=True), torch.full((2, 3), 2.0, requires_grad=True)
    y = x * 1
    v = y[0]
    u = v.view(3, 1)
    before = v.grad_fn, u.grad_fn
    y.mul_(w)
    after = v.grad_fn, u.grad_fn, v.is_leaf
    (v.sum() + u.sum() * 3).backward()
    first = before, after, x.grad, w.grad
    b = torch.zeros(2, 3)
    v = b[1]
    flat = b.view(6)
    seen = [flags(v)]
    v.copy_(w[0])
    seen += [flags(b), flags(v), flags(flat), v.grad_fn.next_functions]
    b.sum().backward()
    seen += [w.grad]
    c = torch.zeros(2, 3)
    v = c[1]
    c.add_(w)
    seen += [v.requires_grad, v.is_leaf, v.grad_fn]
    v.sum().backward()
    return first, seen, w.grad


@agree
def test_several_writes(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    a, b = y[:2], y[2:]
    a.mul_(2)
    b.mul_(3)
    y.add_(1)
    a.exp_()
    b.add_(a.detach())
    refused = attempt(lambda: (y * y).sum().backward())
    y = x * 1
    a, b = y[:2], y[2:]
    a.mul_(2)
    b.mul_(3)
    y.add_(1)
    a.sub_(4)
    b.add_(a.detach())
    (y * y).sum().backward()
    return refused, x.grad, y, flags(a), flags(b), flags(y)


@agree
def test_multiple_outputs(torch: Any) -> Any:
    x = torch.ones(2, 2, requires_grad=True)
    found: list[Any] = []
    for split in (lambda y: y.unbind(), lambda y: y.split(1), lambda y: y.chunk(2)):
        y = x * 1
        a, b = split(y)
        found += [flags(b), attempt(lambda: a.mul_(2)), attempt(lambda: a.view(-1).mul_(2)), attempt(lambda: y.mul_(2))]
        found += [attempt(lambda: a.grad_fn), attempt(lambda: a * 2), attempt(lambda: a.requires_grad)]
        p = torch.ones(2, 2)
        a, b = split(p)
        found += [attempt(lambda: a.mul_(2)), attempt(lambda: a.mul_(x[0])), attempt(lambda: p.mul_(x)), flags(a)]
        with torch.no_grad():
            y = x * 1
            a, b = split(x)
        found += [attempt(lambda: a.mul_(2)), flags(a)]
    a, b = (x * 1).unsafe_split(1)
    found += [attempt(lambda: a.mul_(2)), flags(a)]
    return found


@agree
def test_no_grad_views(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    with torch.no_grad():
        v, w = y.view(2, 2), x.view(2, 2)
        inside = y.view(2, 2)
        inside.mul_(2)
        u = y.view(4)
    found = [
        flags(v),
        flags(w),
        flags(u),
        attempt(lambda: v.mul_(2)),
        attempt(lambda: w.mul_(2)),
        attempt(lambda: u.mul_(2)),
    ]
    found += [
        attempt(lambda: u.view(2, 2).mul_(2)),
        attempt(lambda: (w * 2).requires_grad),
        attempt(lambda: (w * 2).grad_fn),
    ]
    found += [attempt(lambda: (w * 2).sum().backward()), x.grad, attempt(lambda: w.detach().mul_(1))]
    p = torch.ones(4)
    with torch.no_grad():
        q = p.view(2, 2)
    found += [
        flags(q),
        attempt(lambda: q.mul_(2)),
        attempt(lambda: q.mul_(x.view(2, 2))),
        attempt(lambda: p.mul_(x)),
        flags(q),
    ]
    z = x * 1
    with torch.no_grad():
        r = z.view(2, 2)
    z.mul_(2)
    found += [attempt(lambda: r.grad_fn), attempt(lambda: r * 2), attempt(lambda: r.requires_grad)]
    with torch.no_grad():
        found += [attempt(lambda: (r * 2).requires_grad), attempt(lambda: r.add_(1))]
    with torch.no_grad():
        s = (x * 1).view(2, 2)
    found += [flags(s), attempt(lambda: s.mul_(2)), attempt(lambda: s.mul_(x.view(2, 2)))]
    return found


@agree
def test_inference_views(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    with torch.inference_mode():
        v = y.view(2, 2)
        w = x.view(2, 2)
    found = [v._is_view(), attempt(lambda: v.mul_(2)), attempt(lambda: w.mul_(2)), attempt(lambda: v.view(4).mul_(2))]
    found += [attempt(lambda: (v * 2).requires_grad), attempt(lambda: y.mul_(2)), attempt(lambda: v.grad_fn)]
    return found


@agree
def test_leaf_views(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    v = x.view(2, 2)
    found = [
        attempt(lambda: v.mul_(2)),
        attempt(lambda: v[0].mul_(2)),
        attempt(lambda: v.__setitem__(0, 1.0)),
        flags(v),
    ]
    with torch.no_grad():
        v.mul_(2)
        x.view(4).add_(1)
    found += [x, flags(x), flags(v), attempt(lambda: v.grad_fn)]
    (v * 2).sum().backward()
    p = torch.ones(4)
    q = p.view(2, 2)
    found += [
        x.grad,
        attempt(lambda: q.requires_grad_() is q),
        flags(q),
        attempt(lambda: q.mul_(2)),
        attempt(lambda: p.mul_(2)),
    ]
    found += [flags(p), attempt(lambda: (q * 3).sum().backward()), q.grad, p.grad, flags(q)]
    return found


@agree
def test_detached_and_data_views(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    y = x * 2
    d = y.view(2, 2).detach()
    found = [flags(d), flags(d.view(4)), d._base is None]
    d.mul_(3)
    found += [y, flags(y)]
    dv = y.view(2, 2).data
    dv.mul_(3)
    found += [y, flags(dv), flags(y)]
    v = y.view(2, 2)
    found += [
        attempt(lambda: v.detach_()),
        attempt(lambda: setattr(v, "requires_grad", False)),
        attempt(lambda: v.requires_grad_()),
    ]
    v.data = torch.zeros(3)
    found += [v, flags(v), y]
    d = y.detach()
    d.resize_(2, 1)
    found += [d, y, d.shape]
    return found


@agree
def test_expanded_writes(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    y = (x * 2).expand(3)
    found = [attempt(lambda: y.add_(1)), attempt(lambda: torch.ones(1).expand(2).mul_(2)), y._version]
    found += [
        attempt(lambda: torch.ones(1, 3).expand(2, 3)[0].add_(1)),
        attempt(lambda: torch.ones(1).expand(2).copy_(torch.ones(2))),
    ]
    a = torch.ones(4)
    found += [attempt(lambda: a[1:].add_(a[:-1])), attempt(lambda: a[:2].add_(a[2:])), attempt(lambda: a.add_(a))]
    return found


@agree
def test_hooks_on_views(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    log: list[Any] = []
    y = x * 1
    v = y.view(2, 2)
    v.register_hook(lambda g: log.append(("view", g)))
    y.register_hook(lambda g: log.append(("base", g)))
    (v.sum() + y.sum() * 2).backward()
    first, log[:] = list(log), []
    y = x * 1
    v = y.view(2, 2)
    v.retain_grad()
    y.retain_grad()
    v.mul_(3)
    v.register_hook(lambda g: log.append(("new view", g)))
    (y * 2).sum().backward()
    return first, log, v.grad, y.grad, x.grad


@agree
def test_saved_view_and_base_write(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    v = y[:2]
    z = v * v
    y.mul_(2)
    found = [attempt(lambda: z.sum().backward())]
    y = x * 1
    v = y[:2]
    z = y * y
    v.mul_(2)
    found += [attempt(lambda: z.sum().backward())]
    y = x * 1
    e = y[:2].exp()
    y.mul_(2)
    e.sum().backward()
    return found, x.grad


@agree
def test_complex_views(torch: Any) -> Any:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = z * 1
    c = y.conj()
    found = [flags(c), c.is_conj(), c._base is y]
    c.mul_(2j)
    found += [y, flags(y), flags(c), attempt(lambda: c.grad_fn)]
    y.backward(torch.ones(2, dtype=torch.complex64))
    found += [z.grad]
    r = torch.view_as_real(z * 1)
    found += [flags(r)]
    y = z * 1
    r = torch.view_as_real(y)
    r[:, 0].mul_(5)
    found += [flags(y), flags(r), y]
    z.grad = None
    y.backward(torch.ones(2, dtype=torch.complex64))
    found += [z.grad]
    y = z * 1
    y.real.mul_(3)
    y.imag.add_(1)
    z.grad = None
    y.backward(torch.ones(2, dtype=torch.complex64))
    return found, z.grad, y


@agree
def test_as_strided(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    s = x.as_strided((3, 2), (1, 1))
    (s * torch.arange(6.0).view(3, 2)).sum().backward()
    found = [x.grad, flags(s)]
    y = x * 1
    v = y.as_strided((2,), (2,), 1)
    v.mul_(10)
    x.grad = None
    (y * y).sum().backward()
    found += [x.grad, flags(v), flags(y)]
    u = (x * 1).unfold(0, 2, 1)
    x.grad = None
    u.sum().backward()
    return found, x.grad, flags(u)


@agree
def test_double_backward_through_views(torch: Any) -> Any:
    x = torch.full((2, 2), 2.0, requires_grad=True)
    y = x * x
    y[0].mul_(x[1])
    y.t()[1].exp_()
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad((g * g).sum(), x)
    return g.detach(), h


@agree
def test_writes_inside_no_grad(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    v = y.view(2, 2)
    with torch.no_grad():
        y.mul_(2)
        v.add_(1)
    found = [flags(y), flags(v), y]
    (v * 3).sum().backward()
    return found, x.grad


@agree
def test_view_chains_after_rebase(torch: Any) -> Any:
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 1
    a = y.view(6)
    b = a[1:5]
    c = b.view(2, 2)
    c.mul_(2)
    found = [t.grad_fn for t in (y, a, b, c)]
    b.add_(1)
    found += [t.grad_fn for t in (y, a, b, c)]
    found += [y.grad_fn.next_functions, y.grad_fn.next_functions[0][0].next_functions]
    (a.sum() + c.sum()).backward()
    return found, x.grad
