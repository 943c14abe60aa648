"""What nodes save, and hooks on it: program by program against PyTorch."""

# ruff: noqa: B023  (the lambdas are called at once; what is unpacked may matter by living)

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


def logging_hooks(torch: Any, log: list[Any], change: Any = None) -> Any:
    def pack(t: Any) -> Any:
        log.append(("pack", t, torch.is_grad_enabled()))
        return t if change is None else change(t)

    def unpack(p: Any) -> Any:
        log.append(("unpack", torch.is_grad_enabled()))
        return p

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


@agree
def test_attributes(torch: Any) -> Any:
    x, y, c = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), torch.ones(2)
    product, scaled, exp, power = x * y, x * c, x.exp(), x**3
    found = [product.grad_fn._saved_self is x, product.grad_fn._saved_other is y, scaled.grad_fn._saved_self]
    found += [scaled.grad_fn._saved_other is c, exp.grad_fn._saved_result is exp, exp.grad_fn._saved_result]
    found += [
        exp.grad_fn._saved_result.grad_fn is exp.grad_fn,
        power.grad_fn._saved_exponent,
        power.grad_fn._saved_self is x,
    ]
    found += [attempt(lambda: product.grad_fn._saved_nothing), attempt(lambda: (x + y).grad_fn._saved_self)]
    quotient = x / y
    found += [quotient.grad_fn._saved_self is x, quotient.grad_fn._saved_other is y, x.sin().grad_fn._saved_self is x]
    found += [
        x.view(2, 1).transpose(0, 1).grad_fn._saved_dim0,
        sorted(a for a in dir(product.grad_fn) if "_saved_" in a),
    ]
    with torch.no_grad():
        exp.add_(1)
    found += [attempt(lambda: exp.grad_fn._saved_result)]
    return found


@agree
def test_raw(torch: Any) -> Any:
    x, y, c = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0), torch.ones(2)
    z = x * y
    log: list[Any] = []
    raw = z.grad_fn._raw_saved_self
    found = [type(raw).__name__, raw.unpack() is x]
    raw.register_hooks(lambda t: log.append(("pack", t)) or t * 10, lambda p: log.append(("unpack", p)) or p)
    found += [attempt(lambda: z.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t))]
    found += [z.grad_fn._saved_self]
    z.sum().backward()
    found += [x.grad, y.grad, attempt(lambda: raw.register_hooks(lambda t: t, lambda t: t))]
    found += [attempt(lambda: z.grad_fn._raw_saved_self), attempt(lambda: z.grad_fn._saved_self)]
    w = x * c
    found += [attempt(lambda: w.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t))]
    e = x.exp()
    e.grad_fn._raw_saved_result.register_hooks(lambda t: t * 2, lambda t: t)
    e.sum().backward()
    found += [x.grad]
    q = x * y
    raw = q.grad_fn._raw_saved_other
    found += [attempt(lambda: raw.register_hooks(lambda t: t.add_(1), lambda t: t)), y]
    found += [
        attempt(lambda: raw.register_hooks(3, 4))[:2],
        attempt(lambda: raw.register_hooks(lambda a, b: a, lambda t: t)),
    ]
    return found, log


@agree
def test_default_hooks(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    log: list[Any] = []
    with logging_hooks(torch, log):
        z = x * y
        e = z.exp()
        p = x**2
        d = x / y
        s = (x + y).sum()
        c = x * torch.ones(2)
        k = x * 2
        n = x.detach() * y.detach()
        v = z.view(2, 1) * y.view(2, 1)
        with torch.no_grad():
            x * y
    first, log[:] = list(log), []
    (e.sum() + p.sum() + d.sum() + s + c.sum() + k.sum() + v.sum()).backward()
    return first, log, x.grad, y.grad, n


@agree
def test_metadata_is_restored(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda p: p):
        y = x * x
        z = (y * y).exp()
        w = y.sin()
    (g,) = torch.autograd.grad(z.sum() + w.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    saved = (x * y).grad_fn._saved_self is x
    node = w.grad_fn
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda p: p):
        q = y.exp()
        r = x * x
    found = [q.grad_fn._saved_result is q, q.grad_fn._saved_result.grad_fn is q.grad_fn, r.grad_fn._saved_self is x]
    found += [r.grad_fn._saved_self.is_leaf, r.grad_fn._saved_self.requires_grad, r.grad_fn._saved_self.grad_fn]
    return g, h, saved, node._saved_self.grad_fn is y.grad_fn, found


@agree
def test_unpack_values_and_types(torch: Any) -> Any:
    hooks = torch.autograd.graph.saved_tensors_hooks
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    found: list[Any] = []
    for pack, unpack in (
        (lambda t: "text", lambda p: torch.ones(2)),
        (lambda t: 3, lambda p: p),
        (lambda t: t, lambda p: None),
        (lambda t: t, lambda p: p * 10),
        (lambda t: t, lambda p: torch.ones(3)),
        (lambda t: t, lambda p: torch.ones(2).double()),
        (lambda t: None, lambda p: torch.ones(2)),
        (lambda t: t.add_(1), lambda p: p),
        (lambda t: 1 / 0, lambda p: p),
        (lambda t: t, lambda p: 1 / 0),
    ):
        x.grad = None
        with hooks(pack, unpack):
            z = attempt(lambda: x.detach() * y)
        found.append((attempt(lambda: z.sum().backward()), y.grad))
        y.grad = None
    return found


@agree
def test_nesting_and_scope(torch: Any) -> Any:
    hooks = torch.autograd.graph.saved_tensors_hooks
    x = leaf(torch, 1.0, 2.0)
    log: list[Any] = []

    def tagged(tag: str) -> Any:
        return hooks(lambda t: log.append(("pack", tag)) or t, lambda p: log.append(("unpack", tag)) or p)

    with tagged("outer"):
        a = x.sin()
        with tagged("inner"):
            b = x.sin()
        c = x.sin()
    d = x.sin()
    (a + b + c + d).sum().backward()

    def failing() -> None:
        with tagged("failing"):
            raise ValueError

    attempt(failing)
    x.sin()
    return log


@agree
def test_disabled(torch: Any) -> Any:
    graph = torch.autograd.graph
    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []

    def enter() -> Any:
        with graph.saved_tensors_hooks(lambda t: t, lambda p: p):
            return "entered"

    with graph.disable_saved_tensors_hooks("not here"):
        found += [attempt(enter), attempt(lambda: x.sin().sum().backward())]
        with graph.disable_saved_tensors_hooks("inner"):
            found.append(attempt(enter))
        found.append(attempt(enter))
    found.append(attempt(enter))

    def inside() -> Any:
        with graph.saved_tensors_hooks(lambda t: t, lambda p: p), graph.disable_saved_tensors_hooks("late"):
            return "entered"

    found.append(attempt(inside))
    found.append(attempt(enter))
    return found


@agree
def test_save_on_cpu(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    with torch.autograd.graph.save_on_cpu():
        y = (x * x).exp()
    y.sum().backward()
    with torch.autograd.graph.save_on_cpu():
        z = x.sin()
    with torch.no_grad():
        x.add_(1)
    return x.grad, attempt(lambda: z.sum().backward()), x.grad


@agree
def test_version_checks_with_hooks(torch: Any) -> Any:
    hooks = torch.autograd.graph.saved_tensors_hooks
    x, c = leaf(torch, 1.0, 2.0), torch.ones(2)
    found = []
    for pack in (lambda t: t.clone(), lambda t: t, lambda t: t.detach()):
        x.grad = None
        with hooks(pack, lambda p: p):
            y = x * c
        c.mul_(2)
        found.append((attempt(lambda: y.sum().backward()), x.grad))
    return found


@agree
def test_functions_pack(torch: Any) -> Any:
    log: list[Any] = []

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * x
            ctx.save_for_backward(x, y, None)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y, none = ctx.saved_tensors
            log.append((x, y, none))
            return g * 2 * x

    x = leaf(torch, 1.0, 2.0)
    with logging_hooks(torch, log):
        y = Square.apply(x)
    raw = y.grad_fn._raw_saved_tensors
    y.sum().backward()
    z = Square.apply(x)
    z.grad_fn._raw_saved_tensors[0].register_hooks(lambda t: t * 100, lambda p: p)
    z.sum().backward()
    return log, x.grad, len(raw), type(raw[0]).__name__


@agree
def test_in_place_with_hooks(torch: Any) -> Any:
    log: list[Any] = []
    x = leaf(torch, 1.0, 2.0)
    with logging_hooks(torch, log):
        y = x * 1
        y.exp_()
        z = x * 1
        z.mul_(x)
    (y.sum() + z.sum()).backward()
    return [entry[1] if entry[0] == "unpack" else (entry[1].detach(), entry[2]) for entry in log], x.grad


@agree
def test_allow_mutation(torch: Any) -> Any:
    allow = torch.autograd.graph.allow_mutation_on_saved_tensors
    x = leaf(torch, 1.0, 2.0)
    with allow() as context:
        y = x * 2
        z = y * y
        y.mul_(10)
        w = y.exp()
        w.add_(1)
        v = y.view(2, 1)
        u = v * v
        y.add_(1)
        (z.sum() + u.sum()).backward()
        first = x.grad.clone()
        w.sum().backward() if False else None
    with allow():
        y = x * 2
        z = y * y
        y.mul_(10)
    late = attempt(lambda: z.sum().backward())
    with allow():
        y = x * 2
        z = y * y
    unmutated = attempt(lambda: z.sum().backward())

    def nested() -> Any:
        with allow(), allow():
            return 1

    return first, late, unmutated, attempt(nested), context is not None


@agree
def test_released_values(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    saved = y.grad_fn._saved_self
    y.sum().backward()
    return saved is x, attempt(lambda: y.grad_fn._saved_other), attempt(lambda: y.grad_fn(torch.ones(2)))
