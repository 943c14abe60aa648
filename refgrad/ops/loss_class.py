"""Losses of scores against classes: negative log-likelihood, cross-entropy and margins over classes."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._op import op, public
from .._tensor import Tensor, plain
from .checks import check_constant, check_floating
from .loss import divided_row, reduction_code, reduction_name


def _class_weights(target: np.ndarray, weight: Any, ignore: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """The target with ignored entries as class 0, and each entry's weight (0 where ignored)."""
    keep = target != ignore
    safe = np.where(keep, target, 0).astype(np.int64)
    found = keep.astype(dtype) if weight is None else np.where(keep, weight[safe], 0).astype(dtype)
    return safe, found


def _nll(x: np.ndarray, target: np.ndarray, weight: Any, reduction: int, ignore: int) -> tuple[np.ndarray, np.ndarray]:
    target = target.reshape(()) if x.ndim == 1 else target
    safe, w = _class_weights(target, weight, ignore, x.dtype)
    picked = x[safe] if x.ndim == 1 else np.take_along_axis(x, safe[:, None], 1)[:, 0]
    values = np.array(np.where(target != ignore, -w * picked, 0), x.dtype, order="C")
    total = np.asarray(np.add.reduce(w, None))
    if reduction == 0:
        return values, np.zeros_like(total)
    summed = np.asarray(np.add.reduce(values, None))
    return (summed / total if reduction == 1 else summed), total


def _nll_pull(
    g: np.ndarray, target: np.ndarray, weight: Any, total: np.ndarray, shape: Any, reduction: int, ignore: int
) -> np.ndarray:
    """The vjp of the loss by the scores: the weighted cotangent at the target classes, zero elsewhere."""
    target = target.reshape(()) if len(shape) == 1 else target
    safe, w = _class_weights(target, weight, ignore, g.dtype)
    share = -w * g / total if reduction == 1 else -w * g
    share = np.where(target != ignore, share, 0).astype(g.dtype)
    made = np.zeros(shape, g.dtype)
    if len(shape) == 1:
        made[safe] = share
    else:
        np.put_along_axis(made, safe[:, None], share[:, None], 1)
    return made


_nll_pull_row = op(
    "nll_pull(grad, target, weight?, total_weight, *, shape, reduction, ignore_index)", _nll_pull, public=False,
    grad=lambda g, F, target, weight, reduction, ignore_index: (
        F.nll_loss(g, target, weight, reduction, ignore_index)[0]
    ),
)  # fmt: skip


def _nll_row(name: str, node: str) -> Any:
    return op(
        f"{name}(self, target, weight?, *, reduction, ignore_index) -> out, total_weight!",
        _nll, node=node, public=False,
        jvp=lambda F, x, t, attributes, outputs: (F.nll_loss(t[0], x[1], x[2], *attributes)[0], None),
        self=lambda F, g_out, self, target, weight, total_weight, reduction, ignore_index: F.attached_to(
            F.nll_pull(g_out, target, weight, total_weight, self.shape, reduction, ignore_index), self
        ),
    )  # fmt: skip


nll_row, nll_2d_row = _nll_row("nll_loss", "nll_loss"), _nll_row("nll_loss_2d", "nll_loss2D")


def _check_nll(input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    """Ranks, sizes, dtypes and class numbers. Raises PyTorch's ValueError, RuntimeError or IndexError."""
    if input.ndim < 1:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if input.ndim != 1 and (not target.ndim or input.shape[0] != target.shape[0]):
        found = target.shape[0] if target.ndim else 0
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({found}).")
    if input.ndim <= 2 and target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.dtype not in (dtypes.int64, dtypes.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {SCALAR_NAMES[target.dtype]}")
    if input.ndim == 4 and input.shape[2:] != target.shape[1:]:
        raise RuntimeError(f"size mismatch (got input: {list_text(input.shape)} , target: {list_text(target.shape)}")
    if input.ndim > 2 and input.shape[2:] != target.shape[1:]:
        expected = (input.shape[0], *input.shape[2:])
        raise RuntimeError(f"Expected target size {list_text(expected)}, got {list_text(target.shape)}")
    classes = input.shape[0 if input.ndim == 1 else 1]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {list_text(weight.shape)}"
        )
    check_floating("nll_loss_out_frame", input)
    if weight is not None and weight.dtype is not input.dtype:
        raise RuntimeError(f"expected scalar type {SCALAR_NAMES[input.dtype]} but found {SCALAR_NAMES[weight.dtype]}")
    check_constant("nll_loss_forward" if input.ndim <= 2 else "nll_loss2d_forward", "weight", weight)


def _check_classes(target: np.ndarray, classes: int, ignore: int) -> None:
    wrong = (target != ignore) & ((target < 0) | (target >= classes))
    if wrong.any():
        raise IndexError(f"Target {target[wrong].reshape(-1)[0]} is out of bounds.")


def nll_of(input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore: int) -> Tensor:
    """The negative log-likelihood for scores of any rank: rank 2 at once, others as (N, C, H, W)."""
    _check_nll(input, target, weight)
    _check_classes(target._array, input.shape[0 if input.ndim == 1 else 1], ignore)
    if input.ndim <= 2:
        return nll_row(input, target, weight, reduction, ignore)[0]
    if input.ndim == 4:
        return nll_2d_row(input, target, weight, reduction, ignore)[0]
    n, c, *rest = input.shape
    inner = prod(rest)
    flat = nll_2d_row(
        input.contiguous().view(n, c, 1, inner), target.contiguous().view(n, 1, inner), weight, reduction, ignore
    )[0]
    return flat.view(n, *rest) if reduction == 0 else flat


@public("nn.functional.nll_loss", method=False)
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability (N, C, …) of each target class (N, …), weighted by class. The mean is over the sum of
    the weights. Source: torch.nn.functional.nll_loss. Raises IndexError for a class outside 0 … C-1, ignore_index
    excepted. Trap: if all targets are ignored the mean is NaN, and its gradient 0."""
    reduction = reduction_name(size_average, reduce, reduction)
    return nll_of(input, target, weight, reduction_code(reduction), ignore_index)


@public("nn.functional.cross_entropy", method=False)
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross-entropy of softmax(input), shape (C), (N, C) or (N, C, …), and target classes or probabilities (the
    shape of the input). Source: torch.nn.functional.cross_entropy. Raises RuntimeError for label_smoothing outside
    [0, 1]. Trap: a floating target is read as probabilities."""
    reduction = reduction_name(size_average, reduce, reduction)
    code = reduction_code(reduction)
    if input.shape == target.shape:
        return _soft_cross_entropy(input, target, weight, code, ignore_index, label_smoothing)
    logs = input.log_softmax(0 if input.ndim == 1 else 1)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if label_smoothing:
        return _smoothed(logs, target, weight, code, ignore_index, label_smoothing)
    return nll_of(logs, target, weight, code, ignore_index)


def _beside_classes(weight: Tensor, ndim: int) -> Tensor:
    """Class weights in a shape that broadcasts along the class dimension."""
    return weight if ndim == 1 else weight.view(1, -1, *[1] * (ndim - 2))


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore: int, smoothing: float
) -> Tensor:
    """Targets are probabilities."""
    if not target.is_floating_point():
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {SCALAR_NAMES[target.dtype]}"
        )
    if ignore >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    dim = 0 if input.ndim == 1 else 1
    classes = input.shape[dim]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or no classes but got "
            f"weight "
            f"tensor of shape: {list_text(weight.shape)}"
        )
    logs = input.log_softmax(dim)
    if smoothing > 0:
        target = target * (1 - smoothing) + smoothing / classes
    # The last factor first, as PyTorch's compiler has it: it shows in the order of a backward.
    beside = None if weight is None else _beside_classes(weight, input.ndim)
    product = logs * target
    if beside is not None:
        product = product * beside
    if reduction == 0:
        return -product.sum(dim)
    total = product.sum()
    batch = input.numel() // classes if classes else 0
    return -total if reduction == 2 else (divided_row(-total, batch) if batch else -(total * float("nan")))


def _smoothed(
    logs: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore: int, smoothing: float
) -> Tensor:
    """Targets are classes, of whose probability `smoothing` is spread evenly."""
    dim = 0 if logs.ndim == 1 else 1
    hard = nll_of(logs, target, weight, reduction, ignore)
    weighted = logs if weight is None else logs * _beside_classes(weight, logs.ndim)
    soft = -weighted.sum(dim)
    ignored = target == ignore
    soft = soft.masked_fill(ignored.reshape(soft.shape), 0.0)
    if reduction:
        soft = soft.sum()
    if reduction == 1:
        _, w = _class_weights(target._array, None if weight is None else weight._array, ignore, logs._array.dtype)
        soft = soft / plain(np.asarray(np.add.reduce(w, None)))
    return hard * (1 - smoothing) + soft * (smoothing / logs.shape[dim])


@public("nn.functional.linear_cross_entropy", method=False)
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target). Source:
    torch.nn.functional.linear_cross_entropy."""
    from .._op import PUBLIC

    scores = PUBLIC["nn.functional.linear"](input, linear_weight, linear_bias)
    ignore = -100 if ignore_index is None else ignore_index
    if scores.ndim > 2 and target.shape != scores.shape:
        scores = scores.flatten(0, -2)
        target = target.flatten()
    return cross_entropy(
        scores, target, weight, ignore_index=ignore, reduction=reduction, label_smoothing=label_smoothing
    )
