"""A custom Function in forward mode: program by program against PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

from .agreement import agree, attempt
from .test_function import made


@agree
def test_jvp(torch: Any) -> Any:
    """jvp gets the tangents of all arguments, None where there is none, and what was saved for it."""
    fwd = torch.autograd.forward_ad
    seen: list[Any] = []

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any, factor: Any) -> Any:
            ctx.save_for_forward(x, y)
            ctx.save_for_backward(x, y)
            ctx.factor = factor
            return x * y * factor, x + y

        @staticmethod
        def jvp(ctx: Any, tx: Any, ty: Any, factor: Any) -> Any:
            seen.append((tx, ty, factor))
            x, y = ctx.saved_tensors
            ty = y * 0 if ty is None else ty
            return (tx * y + x * ty) * ctx.factor, tx + ty

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y * ctx.factor + h, g * x * ctx.factor + h, None

    x, t = torch.tensor([2.0, 3.0]), torch.tensor([1.0, 10.0])
    y = torch.tensor([5.0, 7.0], requires_grad=True)
    with warnings.catch_warnings(), fwd.dual_level():
        warnings.simplefilter("ignore")
        outputs = Product.apply(fwd.make_dual(x, t), y, 2.0)
        found = [(fwd.unpack_dual(o).primal.detach(), fwd.unpack_dual(o).tangent) for o in outputs]
        plain = Product.apply(x, y, 2.0)
        found += [fwd.unpack_dual(plain[0]).tangent]
    return found, seen


@agree
def test_missing_or_wrong_jvp(torch: Any) -> Any:
    fwd = torch.autograd.forward_ad
    x, t = torch.tensor([2.0, 3.0]), torch.tensor([1.0, 10.0])
    found: list[Any] = []
    with warnings.catch_warnings(), fwd.dual_level():
        warnings.simplefilter("ignore")
        missing = made(torch, lambda ctx, x: x * 2, lambda ctx, g: g)
        found.append(attempt(lambda: missing.apply(fwd.make_dual(x, t))))
        for result in (
            lambda t: (t, t),
            lambda t: (),
            lambda t: t.double(),
            lambda t: 3,
            lambda t: t[:1],
        ):
            F = made(torch, lambda ctx, x: x * 2, lambda ctx, g: g, jvp=staticmethod(lambda ctx, t, r=result: r(t)))
            found.append(attempt(lambda F=F: tuple(fwd.unpack_dual(F.apply(fwd.make_dual(x, t))))))
    return found
