"""The activations of nn.functional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import OFF_GRID, REAL, special
from ..programs.leafdata import COMPLEX, FLOATING
from . import operator
from .arguments import Drawn, custom, draw_dim, draw_options, keep_dtype, unary

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)


def _activation(name: str, domain: Any = REAL, *kinks: float, dtypes: Any = FLOATING, **options: Any) -> None:
    """A line of an activation; its kinks are its convention points."""
    strategy = unary(domain, result=keep_dtype, forms=FUNCTION, **options)
    operator(f"nn.functional.{name}", strategy, dtypes=dtypes, kinks=special(*kinks) if kinks else None)


PLACE = (False, True)
_activation("relu", OFF_GRID, 0.0)
_activation("relu6", OFF_GRID, 0.0, 6.0)
_activation("elu", OFF_GRID, 0.0, 800.0, alpha=(1.0, 2.0))
_activation("selu", OFF_GRID, 0.0, 800.0)
_activation("celu", OFF_GRID, 0.0, 800.0, alpha=(1.0, 2.0))
_activation("leaky_relu", OFF_GRID, 0.0, negative_slope=(0.01, 0.25))
_activation("gelu", approximate=("none", "tanh"))
_activation("silu")
_activation("mish")
_activation("hardswish", OFF_GRID, -3.0, 3.0)
_activation("hardtanh", OFF_GRID, -1.0, 1.0, min_val=(-1.0, -0.5), max_val=(1.0, 2.0))
_activation("softplus", OFF_GRID, 0.0, beta=(1.0, 2.0), threshold=(20.0, 1.0))
# PyTorch keeps an intermediate result as well.
operator(
    "nn.functional.logsigmoid",
    unary(REAL, result=keep_dtype, forms=FUNCTION),
    dtypes=FLOATING,
    graph="names",
)
_activation("softsign", OFF_GRID, 0.0, dtypes=FLOATING + COMPLEX)
_activation("tanhshrink", dtypes=FLOATING + COMPLEX)
_activation("softshrink", OFF_GRID, 0.5, -0.5, lambd=(0.5, 0.0, 1.0))
_activation("hardshrink", OFF_GRID, 0.5, -0.5, lambd=(0.5, 1.0))
_activation("threshold", OFF_GRID, 0.5, threshold=(0.5, -1.0), value=(0.0, 2.0))
operator(
    "nn.functional.hardsigmoid", unary(OFF_GRID, result=keep_dtype, forms=FUNCTION),
    kinks=special(-3.0, 3.0), twice=False,
)  # fmt: skip


def _gated() -> Any:
    """One tensor and a dimension of even size, halved."""

    def draw(b: Builder) -> Drawn:
        shape = b.draw_shape(1, 4) if b.sizes == "edge" else b.shape(1, 4)
        dim = draw_dim(b, len(shape))
        axis = dim % len(shape)
        even = (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :])
        return (b.operand(even),), {"dim": dim}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        shape = list(args[0].shape)
        shape[attrs["dim"]] //= 2
        return ((tuple(shape), args[0].dtype),)

    return custom(draw, infer, FUNCTION)


def _channelled() -> Any:
    """One tensor and a weight, one number or one a channel."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(rank=(1, 4), domain=OFF_GRID)
        channels = x.shape[1] if len(x.shape) > 1 else 1
        return (x, b.operand((b.pick((1, channels)),), dtype=x.dtype)), draw_options(b, {})

    return custom(draw, lambda args, attrs: ((args[0].shape, args[0].dtype),), FUNCTION)


operator("nn.functional.glu", _gated())
operator("nn.functional.prelu", _channelled())
