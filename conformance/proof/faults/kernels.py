"""Real faults of single operators: windows, borders, ties, indices, matrices, nested forward mode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .boundaries import boundary, by, saved
from .orders import with_attributes
from .planting import Planted, part, pulled, replaced, row, rule
from .sites import planner


def tangents(node: str, change: Callable[..., Any]) -> Callable[[], Planted]:
    """Passes a row's own forward rule through ``change(rule, F, inputs, tangents, attributes, outputs)``."""

    def plant() -> Planted:
        broken = row(node)
        sound = broken.jvp_kind
        return Planted([(broken, "jvp_kind", lambda *given: change(sound, *given))])

    return plant


def _still(values: Any) -> Any:
    """The values without history or tangents."""
    if isinstance(values, (list, tuple)):
        return [_still(v) for v in values]
    return values.detach() if hasattr(values, "detach") else values


def _constant_factors(sound: Any, F: Any, inputs: Any, given: Any, attributes: Any, outputs: Any) -> Any:
    return sound(F, _still(inputs), given, attributes, _still(outputs))


def _constant_at_zeros(sound: Any, F: Any, inputs: Any, given: Any, attributes: Any, outputs: Any) -> Any:
    if (inputs[0]._array == 0).any():
        return _constant_factors(sound, F, inputs, given, attributes, outputs)
    return sound(F, inputs, given, attributes, outputs)


def _flat_at_zero(sound: Any) -> Any:
    """normalize's gradient is 0 at the zero vector."""

    def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
        made = sound(input, p, dim, eps, out)
        if input.numel() and input.requires_grad:
            kept = (input.detach().norm(p, dim, keepdim=True) != 0)._array
            input.register_hook(lambda g: by(g, np.broadcast_to(kept, g.shape)))
        return made

    return normalize


def _padded_at_border(dims: int) -> Callable[[], Planted]:
    """On the border the grid has the gradient that it would have if zeros were around the input."""
    name = f"GridSampler{dims}DBackward0"

    def around(pull: Any, node: Any, cotangents: Any, live: bool) -> Any:
        found = pull(node, cotangents, live)
        if found[1] is None or node.attributes[1] == 0:
            return found
        before, node.attributes = node.attributes, (node.attributes[0], 0, node.attributes[2])
        try:
            padded = pull(node, cotangents, live)
        finally:
            node.attributes = before
        there = np.abs(saved(node, "grid")) == 1
        return (found[0], found[1] + by(padded[1] - found[1], there))

    return lambda: Planted([(row(name), "plan", planner(row(name), around))])


def both(*plants: Callable[[], Planted]) -> Callable[[], Planted]:
    """Several rows at once."""
    return lambda: Planted([change for plant in plants for change in plant().changes])


def _emptied(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """renorm to 0: a row of zeros has its cotangent for gradient."""
    _, dim, most = node.attributes
    if most or found[0] is None:
        return found
    x = saved(node, "self")
    kept = np.all(x == 0, axis=tuple(k for k in range(x.ndim) if k != dim % x.ndim), keepdims=True)
    return (found[0] + by(cotangents[0] - found[0], np.broadcast_to(kept, x.shape)),)


def _equal_values(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """1/(sᵢ² - sⱼ²) without a guard."""
    values = np.sort(np.real(saved(node, "S")), axis=-1)
    tied = np.any(np.diff(values, axis=-1) <= 1e-12, axis=-1, keepdims=True)
    return (by(found[0], np.where(tied[..., None], np.nan, 1.0)),)


def _clustered(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """With create_graph det's rule divides by the gaps between singular values."""
    if not live or found[0] is None:
        return found
    a = saved(node, "A")
    values = np.linalg.svd(a.astype(complex), compute_uv=False) if a.size else np.ones((*a.shape[:-2], 1))
    tied = np.any(np.abs(np.diff(values, axis=-1)) <= 1e-9 * values[..., :1], axis=-1, keepdims=True)
    return (by(found[0], np.where(tied[..., None], np.nan, 1.0)),)


def _whole_windows(padded: bool) -> Any:
    """Every window is divided by the whole kernel's size."""

    def attributes(given: Any) -> Any:
        factors, with_padding, divisor = given
        if with_padding is not padded or divisor:
            return given
        return factors, with_padding, math.prod(factor.options[0] for factor in factors)

    return attributes


def _even_windows(given: Any) -> Any:
    factors, with_padding, _ = given
    return factors, with_padding, math.prod(-(-f.inputs // max(f.outputs, 1)) for f in factors)


def _half_counts(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """Ties are counted in half precision, which overflows to infinity."""
    x = saved(node, "self")
    ties = int(np.sum(x == np.max(x))) if x.size else 1
    with np.errstate(over="ignore"):
        counted = float(np.float16(ties))
    return (by(found[0], np.full(x.shape, ties / counted)),)


def _every_tie(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """Each of the tied elements has the whole gradient of its place."""
    dim, reduce, _ = node.attributes
    if reduce not in ("amax", "amin") or not saved(node, "index").size:
        return found
    index, src, out = (saved(node, name) for name in ("index", "src", "result"))
    at = index.astype(np.intp)
    cut = tuple(slice(0, n) for n in index.shape)
    hit = src[cut] == np.take_along_axis(out, at, dim)
    counts = np.zeros(out.shape)
    places = list(np.indices(index.shape))
    places[dim] = at
    np.add.at(counts, tuple(places), hit)
    factor = np.ones(src.shape)
    factor[cut] = np.maximum(np.take_along_axis(counts, at, dim), 1)
    return (*found[:-1], by(found[-1], factor))


def _underflowing(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    z = saved(node, "self")
    if z.dtype.kind != "c":
        return found
    with np.errstate(all="ignore"):
        lost = (np.real(z) ** 2 + np.imag(z) ** 2 == 0) & (z != 0)
    return (by(found[0], np.where(lost, np.nan, 1.0)),)


def _last_of_each_place(g: Any, F: Any, self_meta: Any, shape: Any, strides: Any, offset: int) -> Any:
    """Puts each cotangent in its place: the last of those that share one stays."""
    if hasattr(g, "_array"):
        return F.strided_sum(g, shape, strides, offset, self_meta)
    mine, theirs, _ = part("ops.shape").storage_places(shape, strides, offset, self_meta)
    storage = np.zeros(1 + max(int(mine.max(initial=0)), int(theirs.max(initial=0))), g.dtype)
    storage[theirs.reshape(-1)] = g.reshape(-1)
    return storage[mine]


def _slices_of_one(sound: Any) -> Any:
    """Where a dimension of 1 meets a larger one, the adjoint takes a slice instead of the sum."""

    def pair(a: Any, b: Any, dims: Any) -> Any:
        return sound(_repeated(a, b), _repeated(b, a), dims)

    return pair


def _repeated(a: Any, b: Any) -> Any:
    """The tensor repeated to the size of another, of which only the first copy has a history."""
    cat = part("").cat
    for k, n in enumerate(b.shape):
        if a.shape[k] == 1 and n > 1:
            shape = [n - 1 if d == k else m for d, m in enumerate(a.shape)]
            a = cat([a, a.detach().expand(shape)], k)
    return a


DET = ("op.det-singular-create-graph", "op/linalg.det/second", "op/det/second", "op/linalg.det/", "op/det/")
FAULTS = (
    boundary(
        "normalize_1e12",
        "normalize has no gradient at the zero vector, where its slope is 1/eps",
        replaced("nn.functional", "normalize", _flat_at_zero),
        "op.normalize-zero",
        "op/nn.functional.normalize/",
        report="pytorch/pytorch#184575",
        is_convention=True,
    ),
    boundary(
        "grid_sample_border",
        "grid_sample's grid has, exactly on the border, the gradient of an input padded with zeros",
        both(_padded_at_border(2), _padded_at_border(3)),
        "op/nn.functional.grid_sample/",
        report="pytorch/pytorch#23925",
        is_convention=True,
    ),
    boundary(
        "renorm_maxnorm0",
        "renorm to 0 passes the cotangent on where a row is zero",
        pulled("RenormBackward0", _emptied),
        "op/renorm.zero/jvp",
        "op/renorm",
        report="pytorch/pytorch#80804",
        blind=True,
        is_convention=True,
    ),
    boundary(
        "svd_degenerate_jax",
        "svd divides by the gaps between equal singular values",
        pulled("LinalgSvdBackward0", _equal_values),
        "op.svdvals-degenerate",
        "op.svd-eigh-vectors-degenerate",
        "op/linalg.svdvals/",
        "op/linalg.svd",
        "op/svd",
        report="jax-ml/jax#2311",
        is_convention=True,
    ),
    boundary(
        "det_clustered",
        "det's second derivative divides by the gaps between singular values",
        pulled("LinalgDetBackward0", _clustered),
        *DET,
        kind="higher order",
        report="pytorch/pytorch#192521",
        is_convention=True,
    ),
    boundary(
        "cumprod_nested_jvp",
        "cumprod's tangent is a constant where a factor is 0",
        tangents("CumprodBackward0", _constant_at_zeros),
        "op/cumprod/second",
        "op/cumprod/",
        kind="forward mode",
        report="pytorch/pytorch#196701",
        blind=True,
    ),
    boundary(
        "det_nested_jvp",
        "det's tangent is built from constants: it can't be differentiated again",
        tangents("LinalgDetBackward0", _constant_factors),
        *DET,
        kind="forward mode",
        report="pytorch/pytorch#192540",
        blind=True,
    ),
    boundary(
        "avgpool_ceil",
        "avg_pool's gradient divides every window by the kernel's size",
        with_attributes("AvgPool2DBackward0", _whole_windows(False)),
        "op/nn.functional.avg_pool2d/",
        kind="value rule",
        report="pytorch/pytorch#198119",
    ),
    boundary(
        "avgpool_ceil_burn",
        "the same with count_include_pad: a window beyond the padding counts as whole",
        with_attributes("AvgPool2DBackward0", _whole_windows(True)),
        "op/nn.functional.avg_pool2d/",
        kind="value rule",
        report="tracel-ai/burn#5604",
    ),
    boundary(
        "adaptive_pool_paddle",
        "adaptive_avg_pool's gradient takes all windows for equal",
        with_attributes("AdaptiveAvgPool2DBackward0", _even_windows),
        "op/nn.functional.adaptive_avg_pool2d/",
        kind="value rule",
        report="PaddlePaddle/Paddle#74077",
    ),
    boundary(
        "max_f16_count",
        "max counts its ties in half precision",
        pulled("MaxBackward1", _half_counts),
        "op/max/huge-ties",
        "op/max/huge",
        "op/max/",
        kind="dtype",
        report="tinygrad/tinygrad#12296",
        is_convention=True,
    ),
    boundary(
        "scatter_reduce_ties",
        "scatter_reduce by amax gives the whole gradient to every tie",
        pulled("ScatterReduceBackward0", _every_tie),
        "op/scatter_reduce/",
        kind="tie-breaking",
        report="pytorch/pytorch#76523",
        is_convention=True,
    ),
    boundary(
        "einsum_mxnet",
        "einsum does not sum over a dimension of 1 that meets a larger one",
        replaced("ops.einsum", "_pair", _slices_of_one),
        "op/einsum",
        kind="value rule",
        report="apache/mxnet#18102",
    ),
    boundary(
        "as_strided_expand",
        "as_strided's adjoint keeps one of the cotangents that share a place",
        rule("AsStridedBackward0", self=_last_of_each_place),
        "op/as_strided/",
        kind="view+inplace",
        report="pytorch/pytorch#8626",
    ),
    boundary(
        "complex_abs_tiny",
        "abs of a complex number is NaN in backward where its square underflows",
        pulled("AbsBackward0", _underflowing),
        "op/abs.complex/",
        "op/abs/",
        kind="complex",
        report="pytorch/pytorch#96543",
        is_convention=True,
    ),
    boundary(
        "rrelu_checkpoint",
        "rrelu's node keeps its noise before it is drawn: zeros",
        rule("RreluWithNoiseBackward0", self=lambda g, noise: g * noise * 0),
        "op/nn.functional.rrelu/",
        "checkpoint.",
        kind="graph retention",
        report="pytorch/pytorch#193671",
    ),
)
