"""What draws from the generator. It is seeded before each call, so that the draw is a part of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..drawing.domains import DISTINCT, FRACTION, OFF_GRID, POSITIVE, REAL
from ..drawing.shapes import Shape, draw_broadcastable
from ..programs.leafdata import FLOATING
from ..programs.promotion import result_dtype
from . import operator
from .arguments import Drawn, broadcast_shapes, custom, draw_scalar
from .places import literal, same

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)
CHANCES = (0.5, 0.25, 0.0, 1.0)


def _bernoulli(b: Builder) -> Drawn:
    return (b.operand(domain=FRACTION),), {}


operator(
    "bernoulli", custom(_bernoulli, same, ("function", "method")), exact=True, jumps=True, twice=False, random=True
)


def _normal(b: Builder) -> Drawn:
    """Means and deviations: two tensors, or one and a number."""
    kind = b.choose(3)
    if kind == 0:
        mean = b.operand()
        return (mean, b.operand(draw_broadcastable(b.source, mean.shape), domain=POSITIVE)), {}
    if kind == 1:
        return (b.operand(), float(draw_scalar(b, POSITIVE))), {}
    return (float(draw_scalar(b, REAL)), b.operand(domain=POSITIVE)), {}


def _normal_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((broadcast_shapes(args), next(a.dtype for a in args if hasattr(a, "dtype"))),)


operator("normal", custom(_normal, _normal_shape, FUNCTION), twice=False, random=True)


def _dropping(rank: tuple[int, int], lead: int = 0) -> Any:
    """A tensor and the chance that an element, or a channel, is dropped; now and then in evaluation or in place."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(rank=rank) if not lead else b.operand(_channels(b, *rank))
        attrs = {"p": b.pick(CHANCES), "training": b.choose(4) != 3}
        return (x,), {**attrs, "inplace": b.chance(4)}

    return draw


def _channels(b: Builder, low: int, high: int) -> Shape:
    return b.grown(tuple(b.pick((2, 1, 3)) for _ in range(b.integer(low, high))))


def _cloned(b: Builder, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """What is written must not be a leaf."""
    return (b.call("clone", args[0]),) if attrs["inplace"] else args


for _name, _rank, _lead in (
    ("dropout", (0, 4), 0), ("alpha_dropout", (0, 4), 0), ("feature_alpha_dropout", (2, 4), 1),
    ("dropout2d", (3, 4), 1), ("dropout3d", (4, 5), 1),
):  # fmt: skip
    operator(
        f"nn.functional.{_name}", custom(_dropping(_rank, _lead), same, FUNCTION), dtypes=FLOATING, random=True,
        graph="free", prepare=_cloned,
    )  # fmt: skip


def _sloped(training: bool) -> Any:
    def draw(b: Builder) -> Drawn:
        attrs = {"lower": b.pick((0.125, 0.25)), "upper": b.pick((0.5, 0.25)), "training": training}
        return (b.operand(domain=OFF_GRID),), attrs

    return draw


operator("nn.functional.rrelu", custom(_sloped(True), same, FUNCTION), dtypes=FLOATING, random=True)
# In evaluation PyTorch saves memory that nobody filled, for slopes that it doesn't use.
operator("nn.functional.rrelu.eval", custom(_sloped(False), same, FUNCTION), dtypes=FLOATING, graph="free")


def _windows(dims: int) -> Any:
    """An input, a window, an output size or its ratio; the places from the generator or from given samples."""

    def draw(b: Builder) -> Drawn:
        batch, channels = b.pick((1, 2)), b.pick((1, 2))
        sizes = tuple(b.pick((5, 4, 6)) for _ in range(dims))
        lead = (batch, channels) if b.choose(4) != 3 else (channels,)
        x = b.operand(b.grown((*lead, *sizes), 0, 6), domain=DISTINCT)
        attrs: dict[str, Any] = {"kernel_size": b.pick((2, (2, 1, 2)[:dims])), "return_indices": True}
        if b.choose(2):
            attrs["output_size"] = b.pick((2, (2, 3, 1)[:dims]))
        else:
            attrs["output_ratio"] = b.pick((0.5, (0.5, 0.6, 0.4)[:dims]))
        if b.choose(2):
            shape = (*x.shape[: len(lead)], dims) if len(lead) == 2 else (1, x.shape[0], dims)
            attrs["_random_samples"] = b.leaf(shape, domain=FRACTION, requires_grad=False, layout="contiguous")
        return (x,), attrs

    return draw


def _window_shapes(dims: int) -> Any:
    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        shape = args[0].shape
        if "output_size" in attrs:
            size = attrs["output_size"]
            out = size if isinstance(size, tuple) else (size,) * dims
        else:
            ratio = attrs["output_ratio"]
            ratios = ratio if isinstance(ratio, tuple) else (ratio,) * dims
            out = tuple(int(n * r) for n, r in zip(shape[-dims:], ratios))
        found = (*shape[:-dims], *out)
        return ((found, args[0].dtype), (found, "int64"))

    return infer


for _dims in (2, 3):
    operator(
        f"nn.functional.fractional_max_pool{_dims}d", custom(_windows(_dims), _window_shapes(_dims), FUNCTION),
        dtypes=FLOATING, outputs=("values", "indices"), random=True, exact=True, jumps=True, graph="free",
    )  # fmt: skip


def _attention(b: Builder, weights: bool = True) -> Drawn:
    """Queries, keys and values, the projections, and what is documented beside them."""
    heads, width, batch, rows = b.pick((1, 2)), b.pick((2, 4)), b.pick((1, 2)), b.pick((2, 3))
    itself = b.choose(2) == 0
    columns = rows if itself else b.pick((3, 1))
    batched = b.choose(4) != 3 or b.sizes == "huge"
    _, batch, _ = b.grown((rows, batch, width), 1)
    query = b.operand((rows, batch, width) if batched else (rows, width))
    key = query if itself else b.operand((columns, batch, width) if batched else (columns, width))
    value = key if b.choose(2) else b.operand(key.shape)
    attrs: dict[str, Any] = _projections(b, width, heads)
    attrs |= {"training": b.choose(3) != 2, "need_weights": weights}
    attrs |= _masks(b, batch, rows, columns, batched) if not attrs["add_zero_attn"] and not attrs["bias_k"] else {}
    attrs["average_attn_weights"] = bool(b.choose(2))
    return (query, key, value), attrs


def _projections(b: Builder, width: int, heads: int) -> dict[str, Any]:
    extra = b.choose(4) == 3
    attrs: dict[str, Any] = {"embed_dim_to_check": width, "num_heads": heads}
    attrs["in_proj_weight"] = b.operand((3 * width, width))
    attrs["in_proj_bias"] = b.operand((3 * width,)) if b.choose(2) else None
    attrs["bias_k"] = b.operand((1, 1, width)) if extra else None
    attrs["bias_v"] = b.operand((1, 1, width)) if extra else None
    attrs |= {"add_zero_attn": b.choose(4) == 3, "dropout_p": b.pick((0.0, 0.5))}
    attrs["out_proj_weight"] = b.operand((width, width))
    attrs["out_proj_bias"] = b.operand((width,)) if b.choose(2) else None
    return attrs


def _masks(b: Builder, batch: int, rows: int, columns: int, batched: bool) -> dict[str, Any]:
    kind = b.choose(3)
    if kind == 1:
        return {"attn_mask": b.operand((rows, columns), domain=FRACTION, grad=False)}
    if kind == 2:
        shape = (batch, columns) if batched else (columns,)
        # Every query keeps a key.
        kept = np.zeros(shape, np.int64)
        kept[..., 1:] = b.choose(2)
        return {"key_padding_mask": b.call("gt", literal(b, kept), 0)}
    return {}


def _attended(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    query, key = args[0].shape, args[1].shape
    columns = key[0] + (attrs["bias_k"] is not None) + attrs["add_zero_attn"]
    batch = query[1:-1]
    heads = () if attrs["average_attn_weights"] else (attrs["num_heads"],)
    dtype = result_dtype(args[0], args[1])
    return ((query, dtype), ((*batch, *heads, query[0], columns), dtype))


def _without_weights(b: Builder) -> Drawn:
    """The fused way, which PyTorch differentiates once, in reverse mode."""
    return _attention(b, False)


operator(
    "nn.functional.multi_head_attention_forward.fused",
    custom(_without_weights, lambda args, attrs: _attended(args, attrs)[:1], FUNCTION), dtypes=FLOATING,
    outputs=("output",), random=True, graph="free", twice=False, forward=False,
)  # fmt: skip
operator(
    "nn.functional.multi_head_attention_forward", custom(_attention, _attended, FUNCTION), dtypes=FLOATING,
    outputs=("output", "weights"), random=True, graph="free",
)  # fmt: skip
