"""torch.masked: the operators with a mask that broadcasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..drawing.domains import CONDITION, DISTINCT, NONZERO, Domain
from ..drawing.shapes import reduced
from . import Strategy, operator
from .arguments import Drawn, draw_dim, draw_dims, untied
from .reduce import to_real
from .scan import running_factors

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value


def _mask(b: Builder, shape: tuple[int, ...]) -> Any:
    """A mask of the shape, or of its last dimensions."""
    lead = b.choose(len(shape)) if shape and b.chance(4) else 0
    return b.operand(shape[lead:], dtype="bool", domain=CONDITION)


def masked_reduction(
    domain: Domain = NONZERO, one: bool = False, lead: tuple[Any, ...] = (), **options: Any
) -> Strategy:
    """A tensor that is not empty, dimensions, keepdim, and often a mask."""

    def draw(b: Builder) -> Drawn:
        shape = tuple(d or 1 for d in b.draw_shape(0, 3))
        x = untied(b, shape) if domain is DISTINCT else b.operand(shape, domain=domain)
        attrs: dict[str, Any] = {name: values[b.choose(len(values))] for name, values in options.items()}
        dim = draw_dim(b, len(x.shape)) if one else draw_dims(b, len(x.shape))
        attrs |= {"dim": dim, "keepdim": bool(b.choose(2))}
        if not b.chance(4):
            attrs["mask"] = _mask(b, x.shape)
        first = (lead[b.choose(len(lead))],) if lead else ()
        return (x, *first), attrs

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((reduced(args[0].shape, attrs["dim"], attrs["keepdim"]), to_real(args[0].dtype)),)

    return Strategy(draw, infer, ("function",))


def _entries(b: Builder) -> Value:
    return b.operand(rank=(0, 3), domain=NONZERO)


def _factors(b: Builder) -> Value:
    return running_factors(b, NONZERO, (0, 3))


def masked_along(lead: tuple[Any, ...] = (), entries: Callable[[Builder], Value] = _entries) -> Strategy:
    """A tensor, a dimension, often a mask; an output of its shape."""

    def draw(b: Builder) -> Drawn:
        x = entries(b)
        attrs: dict[str, Any] = {"dim": draw_dim(b, len(x.shape))}
        if not b.chance(4):
            attrs["mask"] = _mask(b, x.shape)
        first = (lead[b.choose(len(lead))],) if lead else ()
        return (x, *first), attrs

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((args[0].shape, args[0].dtype),)

    return Strategy(draw, infer, ("function",))


def _sum_of_exponentials(b: Builder) -> Drawn:
    x = b.operand(domain=NONZERO)
    attrs: dict[str, Any] = {}
    for name in ("input_mask", "other_mask"):
        if b.chance(3):
            attrs[name] = _mask(b, x.shape)
    return (x, b.operand(x.shape, domain=NONZERO)), attrs


for _name in ("sum", "prod", "mean", "logsumexp"):
    operator(f"masked.{_name}", masked_reduction(), graph="free", contraction=True)
for _name in ("amax", "amin"):
    operator(f"masked.{_name}", masked_reduction(DISTINCT), graph="free", exact=True, jumps=True)
for _name in ("var", "std"):
    operator(f"masked.{_name}", masked_reduction(DISTINCT, correction=(1, 0)), graph="free", contraction=True)
operator("masked.median", masked_reduction(DISTINCT, one=True), graph="free", exact=True, jumps=True)
operator("masked.norm", masked_reduction(lead=(2.0, 1.0, 3.0)), graph="free", contraction=True)
operator("masked.normalize", masked_along(lead=(2.0, 1.0, 3.0)), graph="free", contraction=True)
for _name in ("softmax", "log_softmax", "softmin"):
    operator(f"masked.{_name}", masked_along(), graph="free")
operator("masked.cumsum", masked_along(), graph="free", contraction=True)
operator("masked.cumprod", masked_along(entries=_factors), graph="free", contraction=True)
operator(
    "masked.logaddexp",
    Strategy(_sum_of_exponentials, lambda args, attrs: ((args[0].shape, args[0].dtype),), ("function",)),
    graph="free",
)
