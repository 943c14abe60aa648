"""Losses of independent yes-or-no answers: binary cross-entropy of probabilities or logits, soft margins."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._calls import raise_broadcast
from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._layout import copied, is_dense, pointwise, with_strides
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from .checks import check_constant, check_floating
from .loss import push_pointwise, reduce_array, reduce_tensor, reduction_code, reduction_name


def _softplus(a: np.ndarray) -> np.ndarray:
    """log(1 + e^a) without overflow."""
    return np.log(1 + np.exp(a)) if a.dtype.kind == "c" else np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


_softplus_row = op("loss_softplus(self)", _softplus, public=False, promote="float", d=lambda F, self: F.sigmoid(self))


def _entropy(x: np.ndarray, target: np.ndarray, weight: Any, reduction: int) -> np.ndarray:
    """Logarithms below -100 count as -100, so that a certain but wrong answer costs a finite amount."""
    low = np.asarray(-100, x.dtype)
    values = -(target * np.maximum(np.log(x), low) + (1 - target) * np.maximum(np.log1p(-x), low))
    values = values if weight is None else (values * weight).astype(x.dtype)
    return reduce_array(pointwise(values, (x,)), reduction)


def _times(value: Any, weight: Any) -> Any:
    return value if weight is None else value * weight


# 1e-12 in float32, which PyTorch takes in every dtype.
_LEAST_SPREAD = float(np.float32(1e-12))


def _entropy_slope(F: Any, x: Any, target: Any) -> Any:
    spread = (1 - x) * x
    return (x - target) / F.where(spread < _LEAST_SPREAD, _LEAST_SPREAD, spread)


def _like_input(result: np.ndarray, operands: Any) -> np.ndarray:
    """A loss of each element in the input's own strides, if it is dense."""
    x = operands[0]
    if result.shape != x.shape or not is_dense(x):
        return result
    return with_strides(result, tuple(s // x.itemsize for s in x.strides))


entropy_row = op(
    "binary_cross_entropy(self, target, weight?, *, reduction)", _entropy, public=False, layout=_like_input,
    self=lambda F, g, self, target, weight, reduction: _times(
        F.loss_share(g, self, reduction) * _entropy_slope(F, self, target), weight
    ),
    target=lambda F, g, self, target, weight, reduction: _times(
        F.loss_share(g, self, reduction) * (F.log1p(-self) - F.log(self)), weight
    ),
)  # fmt: skip


@public("nn.functional.binary_cross_entropy", method=False)
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target·log input + (1 - target)·log(1 - input)), logarithms held at -100 or above. Source:
    torch.nn.functional.binary_cross_entropy. Raises RuntimeError for values outside [0, 1], ValueError for shapes that
    differ."""
    code = reduction_code(reduction_name(size_average, reduce, reduction))
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    if weight is not None:
        weight = _expanded_weight(weight, target.shape)
    check_floating("binary_cross_entropy", input)
    if target.dtype is not input.dtype:
        raise RuntimeError(f"Found dtype {SCALAR_NAMES[target.dtype]} but expected {SCALAR_NAMES[input.dtype]}")
    for name, t in (("input", input), ("target", target)):
        if not np.all((t._array >= 0) & (t._array <= 1)):
            raise RuntimeError(f"all elements of {name} should be between 0 and 1")
    check_constant("binary_cross_entropy", "weight", weight)
    return entropy_row(input, target, weight, code)


def _expanded_weight(weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    if weight.ndim > len(shape):
        both = list_text(np.broadcast_shapes(tuple(weight.shape), tuple(shape)))
        raise RuntimeError(f"output with shape {list_text(shape)} doesn't match the broadcast shape {both}")
    padded = (1,) * (len(shape) - weight.ndim) + tuple(weight.shape)
    for k, (n, m) in enumerate(zip(padded[::-1], tuple(shape)[::-1])):
        if n not in (1, m):
            raise RuntimeError(
                f"Attempting to broadcast a dimension of length {n} at {-1 - k}! Mismatching argument at index 1 had "
                f"{weight.shape}; but expected shape should be broadcastable to {list(shape)}"
            )
    return weight.expand(shape)


def _logit_entropy(x: np.ndarray, target: np.ndarray, weight: Any, positive: Any, reduction: int) -> np.ndarray:
    scale = 1 if positive is None else 1 + (positive - 1) * target
    values = (1 - target) * x + scale * _softplus(-x)
    values = values if weight is None else values * weight
    # PyTorch starts from 1 - target and goes on in place: the target's dtype and layout stay.
    return reduce_array(np.asarray(values, target.dtype), reduction)


def _like_target(result: np.ndarray, operands: Any) -> np.ndarray:
    return copied(result, operands[1:2]) if result.shape == operands[1].shape else result


def _logit_slope(F: Any, x: Any, target: Any, positive: Any) -> Any:
    if positive is None:
        return F.sigmoid(x) - target
    share = positive * target
    return (share + 1 - target) * F.sigmoid(x) - share


def _logit_target_slope(F: Any, x: Any, positive: Any) -> Any:
    return -x if positive is None else (positive - 1) * F.loss_softplus(-x) - x


logit_entropy_row = op(
    "binary_cross_entropy_with_logits(self, target, weight?, pos_weight?, *, reduction)",
    _logit_entropy, public=False, layout=_like_target,
    self=lambda F, g, self, target, weight, pos_weight, reduction: _times(
        F.loss_share(g, self, reduction) * _logit_slope(F, self, target, pos_weight), weight
    ),
    target=lambda F, g, self, target, weight, pos_weight, reduction: _times(
        F.loss_share(g, self, reduction) * _logit_target_slope(F, self, pos_weight), weight
    ),
)  # fmt: skip


@public("binary_cross_entropy_with_logits", method=False)
def _with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: int = 1
) -> Tensor:
    """The same with the reduction as a number (0 none, 1 mean, 2 sum). Source:
    torch.binary_cross_entropy_with_logits."""
    check_floating("log_sigmoid_cpu", input)
    if not (target.is_floating_point() or target.is_complex()):
        name = SCALAR_NAMES[target.dtype]
        raise RuntimeError(f"result type {SCALAR_NAMES[input.dtype]} can't be cast to the desired output type {name}")
    check_constant("binary_cross_entropy_with_logits", "weight", weight)
    check_constant("binary_cross_entropy_with_logits", "pos_weight", pos_weight)
    if pos_weight is not None:
        raise_broadcast(pos_weight._array, target._array)
    return logit_entropy_row(input, target, weight, pos_weight, reduction)


@public("nn.functional.binary_cross_entropy_with_logits", method=False)
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy(sigmoid(input), target), without overflow; `pos_weight` scales the positive part. Source:
    torch.nn.functional.binary_cross_entropy_with_logits. Raises ValueError for shapes that differ."""
    code = reduction_code(reduction_name(size_average, reduce, reduction))
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    return _with_logits(input, target, weight, pos_weight, code)


soft_margin_row = op(
    "soft_margin_loss(self, target, *, reduction)",
    lambda x, target, reduction: reduce_array(np.asarray(_softplus(-target * x), x.dtype), reduction),
    public=False, layout=lambda result, operands: pointwise(result, operands[:1]) if result.ndim else result,
    self=lambda F, g, self, target, reduction: F.loss_share(g, self, reduction) * (-target * F.sigmoid(-target * self)),
)  # fmt: skip


for _call in (entropy_row, logit_entropy_row, soft_margin_row):
    push_pointwise(_call)


@public("nn.functional.soft_margin_loss", method=False)
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-target·input)), targets 1 or -1; large arguments do not overflow. Source:
    torch.nn.functional.soft_margin_loss."""
    from .loss import expanded

    code = reduction_code(reduction_name(size_average, reduce, reduction))
    if not (input.is_floating_point() or input.is_complex()):
        if input.dtype.array.kind == "b":
            raise RuntimeError(
                "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
                "use the "
                "`~` or `logical_not()` operator instead."
            )
        name = SCALAR_NAMES[input.dtype]
        raise RuntimeError(f"result type Float can't be cast to the desired output type {name}")
    check_constant("soft_margin_loss", "target", target)
    input, target = expanded(input, target)
    return soft_margin_row(input, target, code)


@public("nn.functional.multilabel_soft_margin_loss", method=False)
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes (the last dimension) of the cross-entropy of each label. Source:
    torch.nn.functional.multilabel_soft_margin_loss."""
    reduction = reduction_name(size_average, reduce, reduction)
    logsigmoid = PUBLIC["nn.functional.logsigmoid"]
    values = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        values = values * weight
    if not input.ndim:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    return reduce_tensor(values.sum(dim=input.ndim - 1) / input.size(input.ndim - 1), reduction)
