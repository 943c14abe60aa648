"""torch.autograd.Function, program by program against PyTorch."""

# ruff: noqa: B023, RUF059  (the lambdas are called at once; what is unpacked may matter by living)

from __future__ import annotations

from importlib import import_module
from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


def scaled(torch: Any) -> Any:
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, factor: Any) -> Any:
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.factor, None

    return Scale


def made(torch: Any, forward: Any, backward: Any, name: str = "F", **more: Any) -> Any:
    """A Function of two plain functions."""
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward), **more}
    return type(name, (torch.autograd.Function,), body)


@agree
def test_basic(torch: Any) -> Any:
    Scale = scaled(torch)
    x = leaf(torch, 1.0, 2.0)
    y = Scale.apply(x, 3.0)
    node = y.grad_fn
    found = [y, node, node.name(), type(node).__name__, node.next_functions, node.factor, repr(node), node.metadata]
    found += [isinstance(node, torch.autograd.graph.Node), node.needs_input_grad, node.saved_tensors]
    y.sum().backward()
    y.sum().backward()
    found += [x.grad, Scale.apply(torch.ones(2), 3.0), Scale.apply(x.detach(), 2)]
    with torch.no_grad():
        found += [Scale.apply(x, 3.0)]
    found += [
        attempt(lambda: Scale.apply(x)),
        attempt(lambda: Scale.apply()),
        attempt(lambda: Scale.apply(x, factor=4.0)),
    ]
    return found


@agree
def test_forward_mode_flags(torch: Any) -> Any:
    seen: list[Any] = []

    def forward(ctx: Any, x: Any, items: Any) -> Any:
        seen.append((torch.is_grad_enabled(), x.requires_grad, (x * 2).requires_grad, ctx.needs_input_grad))
        return x * 1

    F = made(torch, forward, lambda ctx, g: (g, None))
    x, y = leaf(torch, 1.0), leaf(torch, 2.0)
    found = [F.apply(x, [y]), F.apply(torch.ones(1), [y]), F.apply(x, {"a": y}), F.apply(x, y).grad_fn.next_functions]
    found += [F.apply(x, torch.ones(2)).grad_fn.next_functions, F.apply(x, (y, 3)).grad_fn.next_functions]
    return found, seen


@agree
def test_multiple_outputs(torch: Any) -> Any:
    got: list[Any] = []

    def backward(ctx: Any, *grads: Any) -> Any:
        got.append(grads)
        return grads[0] + (0 if grads[1] is None else grads[1])

    F = made(torch, lambda ctx, x: (x * 2, x * 3), backward)
    x = leaf(torch, 1.0, 2.0)
    a, b = F.apply(x)
    found = [a, b, a.grad_fn is b.grad_fn, a.output_nr, b.output_nr, (b * 2).grad_fn.next_functions[0][1]]
    a.sum().backward()
    b.sum().backward(retain_graph=True)
    (a * b).sum().backward()
    return found, got, x.grad


@agree
def test_odd_outputs(torch: Any) -> Any:
    got: list[Any] = []

    def backward(ctx: Any, *grads: Any) -> Any:
        got.append(grads)
        return grads[0]

    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []
    for out in (
        lambda ctx, x: (x * 2, "text", None, 5),
        lambda ctx, x: [x * 2, x * 3],
        lambda ctx, x: (x * 2, (x * 3).to(torch.int64)),
        lambda ctx, x: (x * 2,),
        lambda ctx, x: (x * 2, [x]),
        lambda ctx, x: {"a": x},
        lambda ctx, x: None,
        lambda ctx, x: 3,
        lambda ctx, x: (),
    ):
        F = made(torch, out, backward)
        result = attempt(lambda: F.apply(x))
        found.append(result)
        if isinstance(result, tuple) and result and hasattr(result[0], "sum"):
            found.append(attempt(lambda: result[0].sum().backward()))

    def twice(ctx: Any, x: Any) -> Any:
        y = x * 2
        return y, y

    a, b = made(torch, twice, lambda ctx, g, h: got.append((g, h)) or h).apply(x)
    found += [a is b, a.output_nr]
    (a * 3).sum().backward()
    return found, got, x.grad


@agree
def test_wrong_gradients(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    found: list[Any] = []
    for result in (
        lambda g: g,
        lambda g: (g,),
        lambda g: (g, g, None),
        lambda g: (g, g, g),
        lambda g: (g, g, None, None, g),
        lambda g: (g, g, None, None),
        lambda g: (g, g, None, None, None),
        lambda g: (torch.ones(5), g, None),
        lambda g: (torch.ones(3, 2), g, None),
        lambda g: (torch.ones(()), g, None),
        lambda g: (torch.ones(1), g, None),
        lambda g: (g.double(), g, None),
        lambda g: (g.to(torch.int64), g, None),
        lambda g: (g * 1j, g, None),
        lambda g: (3, g, None),
        lambda g: (None, g, None),
        lambda g: ("text", g, None),
        lambda g: [g, g, None],
        lambda g: None,
        lambda g: (None, None, None),
        lambda g: 5,
    ):
        x.grad = y.grad = None
        F = made(torch, lambda ctx, a, b, n: a * b * n, lambda ctx, g, result=result: result(g))
        found.append((attempt(lambda: F.apply(x, y, 2).sum().backward()), x.grad, y.grad))
    return found


@agree
def test_unneeded_gradients_are_ignored(torch: Any) -> Any:
    F = made(torch, lambda ctx, a, b: a * b, lambda ctx, g: (g, torch.ones(7)))
    x = leaf(torch, 1.0, 2.0)
    F.apply(x, torch.ones(2)).sum().backward()
    return x.grad


@agree
def test_missing_methods(torch: Any) -> Any:
    class NoBackward(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    class NoForward(torch.autograd.Function):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    class ByVjp(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def vjp(ctx: Any, g: Any) -> Any:
            return g * 5

    def both() -> Any:
        class Both(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def vjp(ctx: Any, g: Any) -> Any:
                return g

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g

        return Both.apply(leaf(torch, 1.0)).sum().backward()

    x = leaf(torch, 1.0)
    found = [NoBackward.apply(x), attempt(lambda: NoBackward.apply(x).sum().backward())]
    found += [
        attempt(lambda: NoForward.apply(x)),
        attempt(lambda: ByVjp.apply(x).sum().backward()),
        x.grad,
        attempt(both),
    ]
    return found


@agree
def test_instances(torch: Any) -> Any:
    Scale = scaled(torch)

    class NonStatic(torch.autograd.Function):
        def forward(self, x: Any) -> Any:
            self.kept = 3
            return x * 2

        def backward(self, g: Any) -> Any:
            return g * self.kept

    x = leaf(torch, 1.0)
    found = [attempt(lambda: Scale() is not None), attempt(lambda: Scale()(x, 2)), attempt(lambda: NonStatic.apply(x))]
    found += [attempt(lambda: NonStatic.apply(x).backward()), x.grad, attempt(lambda: NonStatic()(x))]
    return found


@agree
def test_saving(torch: Any) -> Any:
    got: list[Any] = []

    def forward(ctx: Any, x: Any, w: Any) -> Any:
        y = x * w
        mid = x + 1
        ctx.save_for_backward(x, None, w, y, mid)
        return y

    def backward(ctx: Any, g: Any) -> Any:
        saved = ctx.saved_tensors
        got.append((saved, [s is not None and s.grad_fn for s in saved], saved[0] is x, saved[2] is w))
        return g * saved[2], g * saved[0]

    F = made(torch, forward, backward)
    x, w = leaf(torch, 1.0, 2.0), torch.ones(2)
    y = F.apply(x, w)
    found = [y.grad_fn.saved_tensors, y.grad_fn.to_save, hasattr(y.grad_fn, "_raw_saved_tensors")]
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    found += [attempt(lambda: y.sum().backward()), attempt(lambda: y.grad_fn.saved_tensors), x.grad]
    y = F.apply(x, w)
    w.add_(1)
    found += [attempt(lambda: y.sum().backward())]
    y = F.apply(x * 2, w)
    (y * y).sum()
    y.mul_(2) if y.grad_fn is None else None
    return found, got


@agree
def test_saving_errors(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []
    for what in ((5,), ("a",), ([x],), (None,), (x, 3)):
        F = made(torch, lambda ctx, a, what=what: (ctx.save_for_backward(*what), a * 2)[1], lambda ctx, g: g)
        found.append(attempt(lambda: F.apply(x)))

    def twice(ctx: Any, a: Any) -> Any:
        ctx.save_for_backward(a)
        ctx.save_for_backward(a * 2, a * 3)
        return a * 2

    y = made(torch, twice, lambda ctx, g: g * ctx.saved_tensors[1]).apply(x)
    found += [y.grad_fn.saved_tensors]
    y.sum().backward()
    found += [x.grad]

    def inside(ctx: Any, a: Any) -> Any:
        ctx.save_for_backward(a)
        found.append(attempt(lambda: ctx.saved_tensors))
        return a * 2

    made(torch, inside, lambda ctx, g: g).apply(x)
    return found


@agree
def test_saved_values_with_history(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y

    F = made(torch, forward, backward, "Exp")
    x = leaf(torch, 0.0, 1.0)
    (g,) = torch.autograd.grad(F.apply(x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    (k,) = torch.autograd.grad(h.sum(), x)
    y = F.apply(x * 2)
    saved = y.grad_fn.saved_tensors
    found = [g, h, k, saved[1].grad_fn is y.grad_fn, saved[1] is y, saved[0].grad_fn]
    with torch.no_grad():
        y.add_(1)
    found += [attempt(lambda: y.sum().backward())]
    return found


@agree
def test_intermediates_are_constants(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        mid = x * x
        ctx.save_for_backward(x, mid)
        return mid * x

    def backward(ctx: Any, g: Any) -> Any:
        x, mid = ctx.saved_tensors
        return 3 * g * mid

    F = made(torch, forward, backward)
    x = leaf(torch, 1.0, 2.0)
    (g,) = torch.autograd.grad(F.apply(x).sum(), x, create_graph=True)
    return g, attempt(lambda: torch.autograd.grad(g.sum(), x))


@agree
def test_mark_dirty(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    F = made(torch, forward, lambda ctx, g: g * 2, "Double")
    x = leaf(torch, 1.0, 2.0)
    y = x * 1
    before = y._version
    z = F.apply(y)
    found = [z is y, y.grad_fn, y._version - before, y]
    z.sum().backward()
    found += [x.grad, attempt(lambda: F.apply(x))]
    y = x * x
    w = y * y
    F.apply(y)
    found += [attempt(lambda: w.sum().backward())]
    plain = torch.ones(2)
    p = F.apply(plain)
    found += [p is plain, p]
    base = x * 1
    view = base.view(2, 1)
    out = F.apply(view)
    found += [out is view, base.grad_fn, view.grad_fn, base]
    base.sum().backward()
    found += [x.grad]
    with torch.no_grad():
        found += [F.apply(x) is x, x.grad_fn]
    return found


@agree
def test_mark_dirty_errors(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)

    def unreturned(ctx: Any, a: Any) -> Any:
        a.mul_(2)
        ctx.mark_dirty(a)
        return a * 1

    def foreign(ctx: Any, a: Any) -> Any:
        b = a * 2
        ctx.mark_dirty(b)
        return b

    def not_tensor(ctx: Any, a: Any) -> Any:
        ctx.mark_dirty(3)
        return a * 1

    def unmarked(ctx: Any, a: Any) -> Any:
        a.mul_(2)
        return a

    def untouched(ctx: Any, a: Any) -> Any:
        ctx.mark_dirty(a)
        return a

    found = []
    for forward in (unreturned, foreign, not_tensor, unmarked, untouched):
        y = x * 1
        F = made(torch, forward, lambda ctx, g: g)
        found.append((attempt(lambda: F.apply(y)), y._version, attempt(lambda: F.apply(y) is y)))
    return found


@agree
def test_non_differentiable(torch: Any) -> Any:
    got: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        a, b = x * 2, x * 3
        ctx.mark_non_differentiable(b)
        return a, b

    F = made(torch, forward, lambda ctx, g, h: got.append((g, h)) or g)
    x = leaf(torch, 1.0, 2.0)
    a, b = F.apply(x)
    a.sum().backward()
    only = made(torch, lambda ctx, x: (ctx.mark_non_differentiable(x), x)[1], lambda ctx, g: g)
    y = only.apply(x)
    bad = made(torch, lambda ctx, x: (ctx.mark_non_differentiable(3), x)[1], lambda ctx, g: g)
    return [a, b, b.grad_fn, got, y, y is x, attempt(lambda: bad.apply(x))]


@agree
def test_materialize(torch: Any) -> Any:
    got: list[Any] = []
    for flag in (True, False):

        def forward(ctx: Any, x: Any, flag: bool = flag) -> Any:
            ctx.set_materialize_grads(flag)
            return x * 2, x * 3, (x * 4).to(torch.int64)

        F = made(torch, forward, lambda ctx, *g: got.append(g) or g[1])
        x = leaf(torch, 1.0, 2.0)
        a, b, c = F.apply(x)
        b.sum().backward()
        got.append((x.grad, c))
        undefined = made(torch, lambda ctx, x: x * 1, lambda ctx, g: None)
        a, b, c = F.apply(x)
        undefined.apply(a).sum().backward()
    return got


@agree
def test_once_differentiable(torch: Any) -> Any:
    once = torch.autograd.function.once_differentiable

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 2 * x

    x = leaf(torch, 1.0, 2.0)
    Square.apply(x).sum().backward()
    found = [x.grad]
    (g,) = torch.autograd.grad(Square.apply(x).sum(), x, create_graph=True)
    found += [g.requires_grad]
    (g,) = torch.autograd.grad((Square.apply(x) * x).sum(), x, create_graph=True)
    found += [attempt(lambda: g.sum().backward()), attempt(lambda: torch.autograd.grad(g.sum(), x, allow_unused=True))]
    y = Square.apply(x)
    seed = leaf(torch, 1.0, 1.0)
    (g,) = torch.autograd.grad(y, x, seed, create_graph=True)
    found += [g.requires_grad, g.grad_fn, attempt(lambda: g.sum().backward())]
    return found


@agree
def test_setup_context(torch: Any) -> Any:
    seen: list[Any] = []

    class Power(torch.autograd.Function):
        @staticmethod
        def forward(x: Any, n: int = 2) -> Any:
            seen.append(torch.is_grad_enabled())
            return x**n

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            seen.append((torch.is_grad_enabled(), type(inputs).__name__, len(inputs), type(output).__name__))
            ctx.save_for_backward(inputs[0], output)
            ctx.n = inputs[1]

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, out = ctx.saved_tensors
            return g * ctx.n * x ** (ctx.n - 1), None

    class One(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return (x * 2,)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            seen.append(output)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(torch, 1.0, 2.0)
    Power.apply(x, 3).sum().backward()
    Power.apply(x).sum().backward()
    found = [
        x.grad,
        attempt(lambda: Power.apply(x, n=4)),
        attempt(lambda: Power.apply(n=4, x=x)),
        attempt(lambda: Power.apply()),
    ]
    found += [attempt(lambda: Power.apply(x, 2, 3)), attempt(lambda: Power.apply(x, m=3)), One.apply(x), seen]
    found += [attempt(lambda: One.forward(torch.ones(1)))]
    return found


@agree
def test_default_arguments(torch: Any) -> Any:
    F = made(torch, lambda ctx, x, n=3, m=4: x * n * m, lambda ctx, g: (g, None, None))
    x = leaf(torch, 1.0)
    found = [F.apply(x), attempt(lambda: F.apply(x).sum().backward()), F.apply(x, 5), attempt(lambda: F.apply(x, m=7))]
    found += [attempt(lambda: F.apply(x, m=leaf(torch, 2.0)).grad_fn.next_functions), attempt(lambda: F.apply(x=x))]
    return found, x.grad


@agree
def test_inputs_returned(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    same = made(torch, lambda ctx, a: a, lambda ctx, g: g * 2, "Same")
    found: list[Any] = []
    for given in (x, x * 1, torch.ones(2)):
        y = same.apply(given)
        found += [y is given, y.grad_fn, y._is_view(), y._base is given, y._version]
    y = same.apply(x * 1)
    y.sum().backward()
    found += [x.grad, attempt(lambda: same.apply(x * 1).add_(1)), attempt(lambda: same.apply(x).add_(1))]
    with torch.no_grad():
        y = same.apply(x)
        found += [y is x, y.requires_grad, y.grad_fn, y._is_view()]
    viewer = made(torch, lambda ctx, a: a.view(2, 1), lambda ctx, g: g.view(2), "Viewer")
    mid = x * 1
    y = viewer.apply(mid)
    found += [
        y._is_view(),
        y._base is mid,
        y.grad_fn,
        attempt(lambda: y.mul_(2)),
        attempt(lambda: mid.mul_(2)),
        attempt(lambda: y.grad_fn),
    ]
    both = made(torch, lambda ctx, a: (a, a * 2), lambda ctx, g, h: g + 2 * h)
    a, b = both.apply(x)
    (a + b).sum().backward()
    found += [a, b, x.grad]
    z = viewer.apply(torch.ones(2))
    found += [z, z._is_view(), attempt(lambda: z.add_(1))]
    part = made(torch, lambda ctx, a: (a.view(2, 1), a.view(1, 2)), lambda ctx, g, h: g.view(2))
    p, q = part.apply(x * 1)
    found += [p._is_view(), attempt(lambda: p.add_(1))]
    return found


@agree
def test_detached_outputs(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    F = made(torch, lambda ctx, a: a.detach(), lambda ctx, g: g * 3)
    y = F.apply(x)
    y.sum().backward()
    found = [y, y._is_view(), x.grad, attempt(lambda: y.add_(1)), x]
    outside = torch.ones(2)
    G = made(torch, lambda ctx, a: outside, lambda ctx, g: g * 3)
    z = G.apply(x)
    found += [z is outside, outside.grad_fn]
    mid = x * 5
    H = made(torch, lambda ctx, a: mid, lambda ctx, g: g * 3)
    w = H.apply(x)
    found += [w is mid, mid.grad_fn]
    return found


@agree
def test_special_flags(torch: Any) -> Any:
    got: list[Any] = []

    class Cleared(torch.autograd.Function):
        clear_saved_tensors_on_access = True

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            got.append(len(ctx.saved_tensors))
            got.append(attempt(lambda: ctx.saved_tensors))
            return g

    class Boxed(torch.autograd.Function):
        boxed_grads_call = True

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, grads: Any) -> Any:
            got.append((type(grads).__name__, list(grads)))
            first = grads[0]
            grads.clear()
            return first

    x = leaf(torch, 1.0, 2.0)
    Cleared.apply(x).sum().backward()
    a, b = Boxed.apply(x)
    a.sum().backward()
    return got, x.grad


@agree
def test_create_graph_and_nesting(torch: Any) -> Any:
    modes: list[Any] = []

    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, g: Any, x: Any) -> Any:
            ctx.save_for_backward(g, x)
            return g * 3 * x * x

        @staticmethod
        def backward(ctx: Any, h: Any) -> Any:
            g, x = ctx.saved_tensors
            return h * 3 * x * x, h * g * 100 * x

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            modes.append(torch.is_grad_enabled())
            return Inner.apply(g, ctx.saved_tensors[0])

    x = leaf(torch, 1.0, 2.0)
    (g,) = torch.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    Cube.apply(x).sum().backward()
    return g, h, modes, x.grad


@agree
def test_enable_grad_in_forward(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        with torch.enable_grad():
            y = x * 10
        ctx.inner = y.requires_grad
        return y.detach() if False else y

    F = made(torch, forward, lambda ctx, g: g * 2)
    x = leaf(torch, 1.0, 2.0)
    y = F.apply(x)
    y.sum().backward()
    return y.grad_fn, y.grad_fn.inner, x.grad


@agree
def test_needs_input_grad_is_static(torch: Any) -> Any:
    seen: list[Any] = []
    F = made(torch, lambda ctx, a, b, c: a * b, lambda ctx, g: seen.append(ctx.needs_input_grad) or (g, g, None))
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    torch.autograd.grad(F.apply(x, y, 3).sum(), x)
    F.apply(x, torch.ones(2), None).sum().backward()
    return seen


@agree
def test_backward_attributes(torch: Any) -> Any:
    class Named(torch.autograd.Function):
        """Doc."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mine = [1]
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            ctx.mine.append(2)
            return g

    x = leaf(torch, 1.0)
    y = Named.apply(x)
    y.backward()
    node = y.grad_fn
    found = [node.mine, hasattr(node, "other"), attempt(lambda: node.other), type(node).__mro__[1].__name__]
    node.fresh = 5
    found += [node.fresh, Named.__name__, issubclass(Named, torch.autograd.Function), callable(node)]
    found += [attempt(lambda: node(torch.ones(1)))]
    return found


@agree
def test_hooks_on_functions(torch: Any) -> Any:
    log: list[Any] = []
    x = leaf(torch, 1.0, 2.0)
    y = scaled(torch).apply(x, 3.0)
    y.grad_fn.register_hook(lambda gi, go: log.append(("post", gi, go)))
    y.grad_fn.register_prehook(lambda go: (go[0] * 10,))
    y.register_hook(lambda g: log.append(("tensor", g)))
    y.sum().backward()
    return log, x.grad


@agree
def test_undefined_input_gradient_stops(torch: Any) -> Any:
    log: list[Any] = []
    cut = made(torch, lambda ctx, a: a * 1, lambda ctx, g: None)
    tell = made(torch, lambda ctx, a: (ctx.set_materialize_grads(False), a * 1)[1], lambda ctx, g: log.append(g))
    x = leaf(torch, 1.0, 2.0)
    mid = tell.apply(x)
    mid.register_hook(lambda g: log.append(("hook", g)))
    cut.apply(mid).sum().backward()
    plain = x * 3
    plain.grad_fn.register_hook(lambda gi, go: log.append(("node", gi, go)))
    cut.apply(plain).sum().backward()
    return log, x.grad


@agree
def test_complex_function(torch: Any) -> Any:
    F = made(torch, lambda ctx, a: a * 2j, lambda ctx, g: g * -2j)
    z = torch.tensor([1 + 1j], requires_grad=True)
    x = leaf(torch, 1.0)
    F.apply(z).backward(torch.ones(1, dtype=torch.complex64))
    out = F.apply(x)
    return z.grad, attempt(lambda: out.backward(torch.ones(1, dtype=torch.complex64))), x.grad


@agree
def test_reentrant_checkpoint_pulls_the_cotangent(torch: Any) -> Any:
    checkpoint = import_module(torch.__name__ + ".utils.checkpoint").checkpoint
    found = []
    for reentrant in (True, False):
        x = torch.arange(6.0).reshape(3, 2).div(5).requires_grad_()
        y = checkpoint(lambda a: a.cos(), x * 2, use_reentrant=reentrant)
        y.backward(torch.arange(6.0).reshape(3, 2))
        found.append(x.grad)
    return found
