"""Losses of an input and a target of the same shape, reduced to a mean, a sum or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from .._calls import raise_broadcast
from .._interpreters import LIVE, formula
from .._layout import copied
from .._op import LINEAR, op, public
from .._tensor import Tensor
from .checks import check_floating

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def reduction_name(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction that the two old flags mean, with PyTorch's warning; `reduction` itself if neither is given."""
    if size_average is None and reduce is None:
        return reduction
    average = True if size_average is None else size_average
    found = "none" if reduce is False else ("mean" if average else "sum")
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{found}' instead.",
        UserWarning,
        stacklevel=3,
    )
    return found


def reduction_code(reduction: str) -> int:
    """PyTorch's number for a reduction. Raises ValueError for an unknown one."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return REDUCTIONS[reduction]


def reduce_array(values: np.ndarray, reduction: int) -> np.ndarray:
    """All values, their mean (NaN if there are none) or their sum."""
    if reduction == 0:
        return values
    total = np.asarray(np.add.reduce(values, None))
    return total if reduction == 2 else np.asarray(np.true_divide(total, values.size)).astype(values.dtype)


def reduce_tensor(values: Tensor, reduction: str) -> Tensor:
    """The same of a tensor, recorded."""
    code = reduction_code(reduction)
    return values if code == 0 else (LIVE.tensor_mean(values) if code == 1 else values.sum())


LIVE.tensor_mean = lambda t: t.mean()
# Division by a number within PyTorch's own code is another overload than in Python.
divided_row = op(
    "divided(self, *, by)", lambda a, by: np.true_divide(a, by).astype(a.dtype), node="div", overload=1, public=False,
    jvp=LINEAR, self=lambda g, by: g / by,
)  # fmt: skip


@formula
def loss_share(F: Any, g: Any, values: Any, reduction: int) -> Any:
    """The cotangent of each loss value from that of the reduced loss."""
    if reduction != 1:
        return g
    size = prod(values.shape)
    return g / size if size else g * 0


def push_pointwise(call: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a pointwise loss its forward mode: where nothing is reduced, the vjp of a tangent is its jvp."""
    row = call.row  # type: ignore[attr-defined]
    names = [i.name for i in row.schema.inputs]

    def jvp(F: Any, inputs: Any, tangents: Any, attributes: Any, outputs: Any) -> Any:
        values = {**dict(zip(row.schema.attributes, attributes)), **dict(zip(names, inputs)), "F": F}
        reduction, values["reduction"] = values["reduction"], 0
        parts = []
        for name, tangent in zip(names, tangents):
            if tangent is not None:
                rule = row.rules[name]
                parts.append(rule.function(*[tangent if n == "g" else values[n] for n in rule.wants]))
        total = F.attached_to(sum(parts[1:], parts[0]), *inputs[:2])
        return reduce_tensor(total, ("none", "mean", "sum")[reduction])

    row.jvp_kind = jvp
    return call


def _smooth_l1(d: np.ndarray, beta: float) -> np.ndarray:
    size = np.abs(d)
    return np.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta)


def _huber(d: np.ndarray, delta: float) -> np.ndarray:
    size = np.abs(d)
    return np.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta))


def _smooth_slope(F: Any, d: Any, beta: float) -> Any:
    return F.where(F.abs(d) < beta, d / beta, F.sign(d))


def _huber_slope(F: Any, d: Any, delta: float) -> Any:
    return F.where(F.abs(d) <= delta, d, delta * F.sign(d))


mse_row = op(
    "mse_loss(self, target, *, reduction)", lambda x, y, reduction: reduce_array(np.square(x - y), reduction),
    promote="numbers", public=False,
    self=lambda F, g, self, target, reduction: F.loss_share(g, self, reduction) * (2 * (self - target)),
    target=lambda F, g, self, target, reduction: F.loss_share(g, self, reduction) * (2 * (target - self)),
)  # fmt: skip
smooth_l1_row = op(
    "smooth_l1_loss(self, target, *, reduction, beta)",
    lambda x, y, reduction, beta: reduce_array(_smooth_l1(x - y, beta), reduction),
    promote="numbers", public=False,
    self=lambda F, g, self, target, reduction, beta: (
        F.loss_share(g, self, reduction) * _smooth_slope(F, self - target, beta)
    ),
    target=lambda F, g, self, target, reduction, beta: (
        F.loss_share(g, self, reduction) * _smooth_slope(F, target - self, beta)
    ),
)  # fmt: skip


def _huber_layout(result: np.ndarray, operands: Any) -> np.ndarray:
    return copied(result, operands[:1]) if result.shape == operands[0].shape else result


huber_row = op(
    "huber_loss(self, target, *, reduction, delta)",
    lambda x, y, reduction, delta: reduce_array(_huber(x - y, delta), reduction),
    promote="numbers", public=False, layout=_huber_layout,
    self=lambda F, g, self, target, reduction, delta: (
        F.loss_share(g, self, reduction) * _huber_slope(F, self - target, delta)
    ),
    target=lambda F, g, self, target, reduction, delta: (
        F.loss_share(g, self, reduction) * _huber_slope(F, target - self, delta)
    ),
)  # fmt: skip


for _call in (mse_row, smooth_l1_row, huber_row):
    push_pointwise(_call)


def same_shapes(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both expanded to their common shape, with PyTorch's warning if they differ."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            f"likely "
            "lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=3,
        )
    return expanded(input, target)


def expanded(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors expanded to their common shape; those that have it already as they are."""
    try:
        shape = np.broadcast_shapes(*[t._array.shape for t in tensors])
    except ValueError:
        raise_broadcast(*[t._array for t in tensors])
        raise
    return tuple(t if t._array.shape == shape else t.expand(shape) for t in tensors)


@public("nn.functional.mse_loss", method=False)
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The squared difference, optionally weighted (the mean is then over the sum of weights).
    Source: torch.nn.functional.mse_loss. Trap: shapes that differ are broadcast, with a warning."""
    input, target = same_shapes(input, target)
    reduction = reduction_name(size_average, reduce, reduction)
    if weight is not None:
        return _weighted((input - target) ** 2, weight, input, reduction)
    code = reduction_code(reduction)
    _check_pair("mse_cpu", input, target)
    return mse_row(input, target, code)


def _weighted(values: Tensor, weight: Tensor, input: Tensor, reduction: str) -> Tensor:
    """Weighted losses; their mean is over the sum of the weights."""
    if weight.shape != input.shape:
        raise ValueError("Inputs and weight must have the same size.")
    weighted = values * weight
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return weighted.sum()
    if reduction == "mean":
        return weighted.sum() / weight.sum()
    raise ValueError(f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'.")


def _check_pair(kernel: str, input: Tensor, target: Tensor) -> None:
    """The kernel runs in the common dtype, which must be a real floating one."""
    check_floating(kernel, input if input.is_floating_point() or input.is_complex() else target)
    check_floating(kernel, input if not target.is_complex() else target)


@public("nn.functional.l1_loss", method=False)
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The absolute difference (of complex numbers too), optionally weighted. Source: torch.nn.functional.l1_loss."""
    input, target = same_shapes(input, target)
    reduction = reduction_name(size_average, reduce, reduction)
    if weight is not None:
        return _weighted((input - target).abs(), weight, input, reduction)
    reduction_code(reduction)
    return reduce_tensor((input - target).abs(), reduction)


@public("nn.functional.smooth_l1_loss", method=False)
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Half the squared difference over beta below beta, the absolute difference less beta/2 above.
    Source: torch.nn.functional.smooth_l1_loss. Raises RuntimeError for a negative beta; 0 is l1_loss."""
    input, target = same_shapes(input, target)
    reduction = reduction_name(size_average, reduce, reduction)
    code = reduction_code(reduction)
    if beta == 0:
        return reduce_tensor((input - target).abs(), reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    _check_pair("smooth_l1_cpu", input, target)
    return smooth_l1_row(input, target, code, float(beta))


@public("nn.functional.huber_loss", method=False)
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Half the squared difference up to delta, delta·(the absolute difference - delta/2) beyond. The result has the
    input's dtype. Source: torch.nn.functional.huber_loss. Raises RuntimeError unless delta > 0."""
    input, target = same_shapes(input, target)
    code = reduction_code(reduction) if weight is None else 0
    reduction_code(reduction)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    _check_pair("huber_cpu", input, target)
    found = huber_row(input, target, code, float(delta))
    if weight is not None:
        found = reduce_tensor(found * weight, reduction)
    return found if found.dtype is input.dtype else found.to(input.dtype)
