"""Normalisation: layer, group, batch, instance, RMS, local response, and division by a norm.

Each vjp is that of standardising: rstd·(g - mean(g) - x̂·mean(g·x̂)). A backward that is itself recorded makes mean and
rstd again from the input, since the saved ones have no history.
"""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

import numpy as np

from .._errors import list_text
from .._interpreters import NARROW_TYPES, formula
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from .checks import c_name, check_floating, check_parameters
from .spatial import channels_last, laid_out_like

Axes = tuple[int, ...]
SINGLE = np.dtype(np.float32)


def _standardised(x: np.ndarray, axes: Axes, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(x - mean)·rstd, mean, rstd and the variance (two passes), the reduced dimensions kept."""
    count = prod([x.shape[a] for a in axes])
    mean = np.add.reduce(x, axes, keepdims=True) / np.asarray(count, x.dtype)
    centered = x - mean
    variance = np.add.reduce(np.square(centered), axes, keepdims=True) / np.asarray(count, x.dtype)
    rstd = 1 / np.sqrt(variance + np.asarray(eps, x.dtype))
    centered *= rstd
    return centered, mean, rstd, variance


@formula
def wide(F: Any, value: Any) -> Any:
    """A 16-bit cotangent or input as float32: sums of many of them must not be rounded one by one."""
    if value is None or F.dtype_of(value).array not in NARROW_TYPES:
        return value
    return F.cast(value, SINGLE)


@formula
def mean_over(F: Any, value: Any, axes: Axes, count: int) -> Any:
    """The mean over dimensions, which are kept."""
    return F.sum_dim(value, axes, True) / (count or 1)


@formula
def standardise(F: Any, x: Any, axes: Axes, eps: float) -> Any:
    """Mean and rstd as functions of x."""
    count = prod([x.shape[a] for a in axes])
    mean = F.mean_over(x, axes, count)
    centered = x - mean
    return mean, 1 / F.sqrt(F.mean_over(centered * centered, axes, count) + eps)


@formula
def standardise_pull(F: Any, g: Any, x: Any, axes: Axes, mean: Any, rstd: Any) -> Any:
    """The vjp of standardising, by x."""
    count = prod([x.shape[a] for a in axes])
    normal = (x - mean) * rstd
    return rstd * (g - F.mean_over(g, axes, count) - normal * F.mean_over(g * normal, axes, count))


def _layer_norm(x: np.ndarray, weight: Any, bias: Any, normalized_shape: Axes, eps: float) -> Any:
    axes = tuple(range(x.ndim - len(normalized_shape), x.ndim))
    out, mean, rstd, _ = _standardised(np.ascontiguousarray(x), axes, eps)
    if not x.size:
        mean = np.zeros_like(mean)  # the mean of no elements, as a running sum has it
    if weight is not None:
        out *= weight
    if bias is not None:
        out += bias
    return out, mean, rstd


def _layer_norm_pull(
    F: Any, needs: Any, g_out: Any, input: Any, weight: Any, bias: Any, result1: Any, result2: Any,
    normalized_shape: Any, eps: Any,
) -> tuple[Any, Any, Any]:  # fmt: skip
    g, x = F.wide(g_out), F.wide(input)
    lead = tuple(range(len(x.shape) - len(normalized_shape)))
    axes = tuple(range(len(lead), len(x.shape)))
    mean, rstd = F.standardise(x, axes, eps) if F.is_live else (result1, result2)
    by_input = by_weight = by_bias = None
    if needs[0]:
        by_input = F.standardise_pull(g if weight is None else g * weight, x, axes, mean, rstd)
    if needs[1]:
        by_weight = g * ((x - mean) * rstd)
        by_weight = F.attached_to(F.sum_dim(by_weight, lead, False) if lead else by_weight, weight)
    if needs[2]:
        by_bias = F.attached_to(F.sum_dim(g, lead, False) if lead else g, input, weight)
    return by_input, by_weight, by_bias


layer_norm_row = op(
    "native_layer_norm(input, weight?, bias?, *, normalized_shape, eps) -> out, result1!, result2!",
    _layer_norm, public=False, gradients=_layer_norm_pull,
)  # fmt: skip


def _check_normalized_shape(input: Tensor, shape: Axes, star: str, *parameters: tuple[str, Tensor | None]) -> None:
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, p in parameters:
        if p is not None and tuple(p.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list_text(p.shape)} and "
                f"normalized_shape = {list_text(shape)}"
            )
    if input.ndim < len(shape) or tuple(input.shape[input.ndim - len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list_text(shape)}, expected input with shape "
            f"[{star}{', '.join(map(str, shape))}], "
            f"but got input of size{list_text(input.shape)}"
        )


def _shape_argument(function: str, given: Any) -> Axes:
    if isinstance(given, int):
        raise TypeError(f"{function}(): argument 'normalized_shape' (position 2) must be tuple of ints, not int")
    return tuple(int(n) for n in given)


@public("nn.functional.layer_norm", method=False)
@public("layer_norm", method=False)
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enable: bool = True,
) -> Tensor:
    """The input standardised over its last dimensions `normalized_shape` (biased variance), times weight, plus bias.
    Source: torch.nn.functional.layer_norm. Raises RuntimeError if shapes don't fit."""
    shape = _shape_argument("layer_norm", normalized_shape)
    _check_normalized_shape(input, shape, "*, ", ("weight", weight), ("bias", bias))
    check_floating("LayerNormKernelImpl", input)
    check_parameters(input, weight, bias)
    return layer_norm_row(input, weight, bias, shape, eps)[0]


def _beside_channels(parameter: Any, ndim: int) -> Any:
    """A per-channel parameter in a shape that broadcasts along dimension 1."""
    return parameter.reshape((1, -1) + (1,) * (ndim - 2))


def _group_norm(x: np.ndarray, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float) -> Any:
    grouped = np.ascontiguousarray(x).reshape(N, group, C // group * HxW)
    out, mean, rstd, _ = _standardised(grouped, (2,), eps)
    out = out.reshape(x.shape)
    if weight is not None:
        out *= _beside_channels(weight, x.ndim)
    if bias is not None:
        out += _beside_channels(bias, x.ndim)
    return out, mean.reshape(N, group), rstd.reshape(N, group)


def _group_norm_pull(
    F: Any, needs: Any, g_out: Any, input: Any, weight: Any, result1: Any, result2: Any,
    N: int, C: int, HxW: int, group: int, eps: float,
) -> tuple[Any, Any, Any]:  # fmt: skip
    grouped, shape = (N, group, C // group * HxW), input.shape
    g, x = F.wide(g_out), F.reshape(F.wide(input), grouped)
    if F.is_live:
        mean, rstd = F.standardise(x, (2,), eps)
    else:
        mean, rstd = F.reshape(result1, (N, group, 1)), F.reshape(result2, (N, group, 1))
    over = tuple(d for d in range(len(shape)) if d != 1)
    by_input = by_weight = by_bias = None
    if needs[0]:
        inner = g if weight is None else g * F.reshape(weight, (1, C) + (1,) * (len(shape) - 2))
        by_input = F.reshape(F.standardise_pull(F.reshape(inner, grouped), x, (2,), mean, rstd), shape)
    if needs[1]:
        by_weight = F.sum_dim(g * F.reshape((x - mean) * rstd, shape), over, False)
    if needs[2]:
        by_bias = F.sum_dim(g, over, False)
    return by_input, by_weight, by_bias


group_norm_row = op(
    "native_group_norm(input, weight?, bias?, *, N, C, HxW, group, eps) -> out, result1, result2",
    _group_norm, public=False, layout=laid_out_like, gradients=_group_norm_pull,
)  # fmt: skip


def _settled(t: Tensor) -> Tensor:
    """Itself if it is contiguous or its channels lie innermost, else a contiguous copy."""
    return t if t.ndim > 3 and channels_last(t._array) else t.contiguous()


@public("nn.functional.group_norm", method=False)
@public("group_norm", method=False)
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enabled: bool = True,
) -> Tensor:
    """The input (N, C, …) standardised over each of `num_groups` groups of channels, and an affine map by channel.
    Source: torch.nn.functional.group_norm. Raises RuntimeError if the groups don't divide the channels, ValueError for
    one value a group."""
    shape = input.shape
    if len(shape) < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {len(shape)}")
    per_group = prod([shape[0] * shape[1] // num_groups, *shape[2:]])
    if per_group == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(shape)}")
    n, c = shape[:2]
    if c % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list_text(shape)} and num_groups={num_groups}"
        )
    for name, p in (("weight", weight), ("bias", bias)):
        if p is not None and p.shape != (c,):
            # PyTorch names the weight's shape in both cases.
            shown = list_text((0,) if weight is None else weight.shape)
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape "
                f"{shown} and input of shape {list_text(shape)}"
            )
    check_floating("GroupNormKernelImpl", input)
    check_parameters(input, weight, bias)
    inner = prod(shape[2:])
    x, weight, bias = (None if t is None else _settled(t) for t in (input, weight, bias))
    return group_norm_row(x, weight, bias, n, c, inner, num_groups, eps)[0]


@public("nn.functional.rms_norm", method=False)
@public("rms_norm", method=False)
def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """The input over the root of its mean square over the last dimensions, times weight. Source:
    torch.nn.functional.rms_norm. `eps` None is the dtype's machine epsilon."""
    shape = _shape_argument("rms_norm", normalized_shape)
    _check_normalized_shape(input, shape, "*", ("weight", weight))
    check_floating("rms_norm", input, complex_too=True)
    if weight is not None and weight.dtype is not input.dtype:
        warnings.warn(
            f"Mismatch dtype between input and weight: input dtype = {c_name(input.dtype)}, weight dtype = "
            f"{c_name(weight.dtype)}, Cannot dispatch to fused implementation. (Triggered internally at "
            "/__w/pytorch/pytorch/aten/src/ATen/native/layer_norm.cpp:346.)",
            UserWarning,
            stacklevel=2,
        )
    narrow = input.dtype.array in NARROW_TYPES
    x = (input.float() if narrow else input).contiguous()
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    small = float(np.finfo(x._array.dtype).eps) if eps is None else eps
    found = x * (x.pow(2).mean(axes, keepdim=True) + small).rsqrt()
    if weight is not None:
        found = found * weight
    return found.to(input.dtype) if found.dtype is not input.dtype else found


@public("nn.functional.local_response_norm", method=False)
def local_response_norm(input: Tensor, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """The input (N, C, …) over (k + alpha·mean of squares over `size` neighbouring channels)^beta. Source:
    torch.nn.functional.local_response_norm. Raises ValueError below rank 3."""
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {input.ndim} dimensions)"
        )
    if not input.numel():
        return input
    pad, pool = PUBLIC["nn.functional.pad"], PUBLIC
    squares = (input * input).unsqueeze(1)
    if input.ndim == 3:
        padded = pad(squares, (0, 0, size // 2, (size - 1) // 2))
        mean = pool["nn.functional.avg_pool2d"](padded, (size, 1), stride=1).squeeze(1)
    else:
        n, c, h = input.shape[:3]
        flat = squares.view(n, 1, c, h, -1)
        padded = pad(flat, (0, 0, 0, 0, size // 2, (size - 1) // 2))
        mean = pool["nn.functional.avg_pool3d"](padded, (size, 1, 1), stride=1).squeeze(1).view(input.shape)
    return input / (mean * alpha + k).pow(beta)


@public("nn.functional.normalize", method=False)
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """The input over its p-norm along `dim`, the norm being at least eps. Source: torch.nn.functional.normalize."""
    size = input.norm(p, dim, keepdim=True).clamp_min(eps)
    found = input / size.expand(input.shape)
    return found if out is None else out.copy_(found)
