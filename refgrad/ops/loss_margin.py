"""Margin losses: hinge, ranking, cosine embedding, triplets, margins between classes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._interpreters import RAW
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from .checks import check_constant, check_floating
from .loss import reduce_array, reduce_tensor, reduction_code, reduction_name
from .pointwise import unimplemented, without_derivative


def _where(condition: Tensor, t: Tensor) -> Tensor:
    """t where the condition holds, else 0."""
    return PUBLIC["where"](condition, t, 0)


@public("nn.functional.hinge_embedding_loss", method=False)
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target is 1, max(0, margin - input) where it is -1. Source: torch.nn.functional.hinge_embedding_loss.
    Trap: at the hinge the gradient is -1; a target that is neither gets both parts."""
    reduction = reduction_name(size_average, reduce, reduction)
    reduction_code(reduction)
    beyond = (margin - input).clamp_min(0)
    return reduce_tensor(_where(target != 1, beyond) + _where(target != -1, input), reduction)


@public("nn.functional.margin_ranking_loss", method=False)
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target·(input1 - input2) + margin). Source: torch.nn.functional.margin_ranking_loss."""
    reduction = reduction_name(size_average, reduce, reduction)
    reduction_code(reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    # The right factor first, as PyTorch's compiler has it: it shows in the order of a backward.
    difference = input1 - input2
    return reduce_tensor((-target * difference + margin).clamp_min_(0), reduction)


@public("nn.functional.cosine_embedding_loss", method=False)
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where target is 1, max(0, cos - margin) where it is -1, cos between rows. Source:
    torch.nn.functional.cosine_embedding_loss."""
    reduction = reduction_name(size_average, reduce, reduction)
    reduction_code(reduction)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list_text(input1.shape)} and {list_text(input2.shape)}."
        )
    dim = target.ndim
    product = (input1 * input2).sum(dim)
    first, second = (input1 * input1).sum(dim) + 1e-12, (input2 * input2).sum(dim) + 1e-12
    cosine = product / (first * second).sqrt()
    alike, apart = _where(target == 1, 1 - cosine), _where(target == -1, (cosine - margin).clamp_min(0))
    return reduce_tensor(alike + apart, reduction)


def _check_triplet(margin: float, anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    ranks = anchor.ndim, positive.ndim, negative.ndim
    if len(set(ranks)) > 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {ranks[0]}D, positive {ranks[1]}D, and negative {ranks[2]}D inputs"
        )


def _triplet(
    distance: Callable[[Tensor, Tensor], Tensor],
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = PUBLIC["minimum"](far, distance(positive, negative))
    return reduce_tensor((margin + near - far).clamp_min(0), reduction)


@public("nn.functional.triplet_margin_loss", method=False)
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-06,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + |anchor - positive| - |anchor - negative|) in the p-norm of the last dimension. Source:
    torch.nn.functional.triplet_margin_loss."""
    reduction = reduction_name(size_average, reduce, reduction)
    reduction_code(reduction)
    _check_triplet(margin, anchor, positive, negative)
    distance = PUBLIC["pairwise_distance"]
    return _triplet(lambda a, b: distance(a, b, p, eps), anchor, positive, negative, margin, swap, reduction)


@public("nn.functional.triplet_margin_with_distance_loss", method=False)
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """triplet_margin_loss with any distance. Source: torch.nn.functional.triplet_margin_with_distance_loss."""
    reduction_code(reduction)
    _check_triplet(margin, anchor, positive, negative)
    distance = PUBLIC["pairwise_distance"] if distance_function is None else distance_function
    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)


def _margin_excess(x: np.ndarray, mine: np.ndarray, margin: float) -> np.ndarray:
    """By how much each other class comes within the margin of the target's; 0 for the target's own."""
    z = margin - np.add.reduce(np.where(mine, x, 0), 1, keepdims=True) + x
    return np.where(mine | (z <= 0), 0, z)


def _by_rows(x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scores as (rows, classes), and where the row's own class stands."""
    rows = x.reshape(target.size, x.shape[-1] if x.ndim else 1)
    return rows, target.reshape(-1, 1) == np.arange(rows.shape[1])


def _multi_margin(x: np.ndarray, target: np.ndarray, weight: Any, p: int, margin: float, reduction: int) -> np.ndarray:
    rows, mine = _by_rows(x, target)
    z = _margin_excess(rows, mine, margin)
    scale = 1 if weight is None else weight[target.reshape(-1, 1)]
    values = np.add.reduce((z * z if p == 2 else z) * scale, 1) / rows.shape[1]
    return reduce_array(values.reshape(target.shape).astype(x.dtype), reduction)


def _multi_margin_back(
    g: np.ndarray, x: np.ndarray, target: np.ndarray, weight: Any, p: int, margin: float, reduction: int
) -> np.ndarray:
    rows, mine = _by_rows(x, target)
    z = _margin_excess(rows, mine, margin)
    slope = (2 * z if p == 2 else (z > 0).astype(x.dtype)) / rows.shape[1]
    if weight is not None:
        slope = slope * weight[target.reshape(-1, 1)]
    slope = slope - np.where(mine, np.add.reduce(slope, 1, keepdims=True), 0)
    share = RAW.loss_share(g, target, reduction)
    share = share.reshape(-1, 1) if reduction == 0 else share
    return (share * slope).reshape(x.shape).astype(x.dtype, copy=False)


without_derivative(op(
    "multi_margin_backward(grad, self, target!, weight?!, *, p, margin, reduction)", _multi_margin_back, public=False,
    grad=unimplemented("multi_margin_loss_backward"), self=unimplemented("multi_margin_loss_backward"),
))  # fmt: skip


def _multi_margin_pull(
    F: Any, g: Any, self: Any, target: Any, weight: Any, p: int, margin: float, reduction: int
) -> Any:
    return F.multi_margin_backward(g, self, target, weight, p, margin, reduction)


multi_margin_row = op(
    "multi_margin_loss(self, target, weight?, *, p, margin, reduction)", _multi_margin, public=False,
    self=_multi_margin_pull,
)  # fmt: skip


def _check_rows(input: Tensor) -> tuple[int, int]:
    """The numbers of rows and classes of an input (C) or (N, C). Raises RuntimeError."""
    shape = input.shape
    if len(shape) > 2 or (shape and not shape[-1]):
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list_text(shape)}"
        )
    return (1 if len(shape) < 2 else shape[0]), (1 if not shape else shape[-1])


@public("nn.functional.multi_margin_loss", method=False)
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes i ≠ target of max(0, margin - input[target] + input[i])^p. Source:
    torch.nn.functional.multi_margin_loss. Raises ValueError unless p is 1 or 2."""
    code = reduction_code(reduction_name(size_average, reduce, reduction))
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    rows, classes = _check_rows(input)
    if target.numel() != rows or target.ndim > 1:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch "
            "size). "
            f"Expected target size [{rows}], but got {list_text(target.shape)}. Input has shape "
            f"{list_text(input.shape)}."
        )
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list_text(weight.shape)}")
    check_floating("multi_margin_loss_cpu_kernel", input, narrow_too=False)
    _check_long(target)
    if ((target._array < 0) | (target._array >= classes)).any():
        raise RuntimeError("target out of range")
    check_constant("multi_margin_loss", "weight", weight)
    return multi_margin_row(input, target, weight, p, margin, code)


def _check_long(target: Tensor) -> None:
    if target.dtype is not dtypes.int64:
        raise RuntimeError(f"expected scalar type Long but found {SCALAR_NAMES[target.dtype]}")


def _label_counts(target: np.ndarray, classes: int) -> np.ndarray:
    """How often each class stands among a row's labels, which end at the first -1; (rows, classes)."""
    rows = target.reshape(-1, classes)
    valid = np.logical_and.accumulate(rows >= 0, axis=1)
    counts = np.zeros(rows.shape, np.int64)
    place, _ = np.nonzero(valid)
    np.add.at(counts, (place, rows[valid]), 1)
    return counts


def _label_pairs(x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row, 1 - x[label] + x[other] of all pairs, and each pair's share in the loss."""
    rows = x.reshape(-1, x.shape[-1] if x.ndim else 1)
    counts = _label_counts(target, rows.shape[1])
    gaps = 1 - rows[:, :, None] + rows[:, None, :]
    share = (counts[:, :, None] * (counts == 0)[:, None, :]).astype(x.dtype) / rows.shape[1]
    return gaps, np.where(gaps > 0, share, 0).astype(x.dtype)


def _multilabel_margin(x: np.ndarray, target: np.ndarray, reduction: int) -> Any:
    gaps, share = _label_pairs(x, target)
    values = np.add.reduce(np.where(share > 0, gaps, 0) * share, (1, 2)).astype(x.dtype)
    labels = (_label_counts(target, gaps.shape[1]) > 0).astype(x.dtype).reshape(target.shape)
    return reduce_array(values.reshape(x.shape[:-1]), reduction), labels


def _multilabel_slope(x: np.ndarray, target: np.ndarray) -> np.ndarray:
    _, share = _label_pairs(x, target)
    return (np.add.reduce(share, 1) - np.add.reduce(share, 2)).reshape(x.shape)


without_derivative(op(
    "multilabel_backward(grad, self, target!)", lambda g, x, target: g * _multilabel_slope(x, target), public=False,
    grad=unimplemented("multilabel_margin_loss_backward"), self=unimplemented("multilabel_margin_loss_backward"),
))  # fmt: skip


def _multilabel_pull(F: Any, g_out: Any, self: Any, target: Any, is_target: Any, reduction: int) -> Any:
    rows = tuple(self.shape[:-1])
    share = g_out / max(prod(rows), 1) if reduction == 1 else g_out
    share = F.reshape(share, (*rows, 1)) if reduction == 0 and len(self.shape) else share
    return F.multilabel_backward(share, self, target)


multilabel_margin_row = op(
    "multilabel_margin_loss(self, target, *, reduction) -> out, is_target!", _multilabel_margin, public=False,
    self=_multilabel_pull,
)  # fmt: skip


@public("nn.functional.multilabel_margin_loss", method=False)
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """The mean over classes of max(0, 1 - input[label] + input[other]) over all labels and non-labels; a row's labels
    end at the first -1. Source: torch.nn.functional.multilabel_margin_loss."""
    code = reduction_code(reduction_name(size_average, reduce, reduction))
    _, classes = _check_rows(input)
    if target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list_text(target.shape)} for input of size: {list_text(input.shape)}"
        )
    if ((target._array < -1) | (target._array >= classes)).any() and target.dtype is dtypes.int64:
        raise RuntimeError("argument #2 'target' is out of range")
    check_floating("multilabel_margin_loss_forward_out_frame", input, narrow_too=False)
    _check_long(target)
    return multilabel_margin_row(input, target, code)[0]
