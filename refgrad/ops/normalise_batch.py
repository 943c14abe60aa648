"""Batch and instance normalisation, with running statistics."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._interpreters import formula
from .._modes import no_grad
from .._op import op, public
from .._tensor import Tensor, plain
from .checks import check_constant, check_floating, check_parameters
from .normalise import _beside_channels, _standardised
from .spatial import laid_out_like


def _batch_norm(
    x: np.ndarray, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, eps: float
) -> Any:
    axes = tuple(d for d in range(x.ndim) if d != 1)
    if training:
        out, mean, rstd, variance = _standardised(x, axes, eps)
        mean, rstd, variance = mean.reshape(-1), rstd.reshape(-1), variance.reshape(-1)
    else:
        scale = 1 / np.sqrt(running_var + np.asarray(eps, running_var.dtype))
        out = (x - _beside_channels(running_mean, x.ndim)) * _beside_channels(scale, x.ndim)
        mean = rstd = variance = np.empty(0, x.dtype)
    if weight is not None:
        out = out * _beside_channels(weight, x.ndim)
    if bias is not None:
        out = out + _beside_channels(bias, x.ndim)
    return np.array(out, order="C"), mean.copy(), rstd.copy(), variance.copy()


@formula
def batch_statistics(
    F: Any, x: Any, running_mean: Any, running_var: Any, mean: Any, rstd: Any, training: bool, eps: float
) -> Any:
    """Mean and rstd in shapes that broadcast along the channels."""
    shape = (1, x.shape[1]) + (1,) * (len(x.shape) - 2)
    if not training:
        return F.reshape(running_mean, shape), F.reshape(1 / F.sqrt(running_var + eps), shape)
    if F.is_live:
        return F.standardise(x, _all_but_channels(x), eps)
    return F.reshape(mean, shape), F.reshape(rstd, shape)


def _all_but_channels(x: Any) -> tuple[int, ...]:
    return tuple(d for d in range(len(x.shape)) if d != 1)


def _by_input(
    F: Any, g_out: Any, input: Any, weight: Any, running_mean: Any, running_var: Any, result1: Any, result2: Any,
    training: bool, eps: float,
) -> Any:  # fmt: skip
    g, x = F.wide(g_out), F.wide(input)
    mean, rstd = F.batch_statistics(x, running_mean, running_var, result1, result2, training, eps)
    if weight is not None:
        g = g * F.beside_channels(weight, x)
    if training:
        return F.attached_to(F.standardise_pull(g, x, _all_but_channels(x), mean, rstd), input)
    return F.linked_to(g * rstd, input)


def _by_weight(
    F: Any, g_out: Any, input: Any, weight: Any, running_mean: Any, running_var: Any, result1: Any, result2: Any,
    training: bool, eps: float,
) -> Any:  # fmt: skip
    g, x = F.wide(g_out), F.wide(input)
    mean, rstd = F.batch_statistics(x, running_mean, running_var, result1, result2, training, eps)
    summed = F.sum_dim(g * ((x - mean) * rstd), _all_but_channels(x), False)
    return F.attached_to(summed, weight) if training else F.linked_to(summed, weight)


def _by_bias(F: Any, g_out: Any, input: Any, weight: Any, training: bool) -> Any:
    summed = F.sum_dim(F.wide(g_out), _all_but_channels(input), False)
    return F.attached_to(summed, input, weight) if training else F.linked_to(summed, input, weight)


def _push(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    """w·dx̂ + dw·x̂ + db; in training dx̂ is rstd times what of dx is left without its mean and its part along x̂."""
    (a, weight, _, *running), (dx, dw, db, *_), (training, eps) = x, t, attrs
    wide, axes = F.wide(a), _all_but_channels(a)
    mean, rstd = F.batch_statistics(wide, *running, out[1], out[2], training, eps)
    normal, found = (wide - mean) * rstd, None
    if dx is not None:
        found = F.wide(dx)
        if training:
            found = found - F.mean_dim(found, axes, True)
            found = found - normal * F.mean_dim(found * normal, axes, True)
        found = found * rstd if weight is None else found * rstd * F.beside_channels(weight, a)
    if dw is not None:
        found = normal * F.beside_channels(dw, a) + (0 if found is None else found)
    if db is not None:
        found = F.expand(F.beside_channels(db, a), tuple(a.shape)) + (0 if found is None else found)
    # PyTorch's formula takes the operand and the weight also where they don't matter.
    others = (a, weight) if training or weight is not None else ()
    return [None if found is None else F.attached_to(found, *others), None, None, None]


@formula
def beside_channels(F: Any, parameter: Any, x: Any) -> Any:
    """A parameter of the channels in a shape that broadcasts along them."""
    return F.reshape(parameter, (1, x.shape[1]) + (1,) * (len(x.shape) - 2))


# PyTorch has edges for the three inputs with a derivative only: each has a rule of its own.
batch_norm_row = op(
    "native_batch_norm(input, weight?, bias?, running_mean?, running_var?, *, training, eps) "
    "-> out, result1!, result2!, variance!",
    _batch_norm, public=False, layout=laid_out_like, input=_by_input, weight=_by_weight,
    bias=_by_bias, jvp=_push,
)  # fmt: skip


def _check_channels(channels: int, **parameters: Tensor | None) -> None:
    for name, p in parameters.items():
        if p is not None and p.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {p.numel()}")


def _affine_only(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """An empty input: statistics are left alone."""
    out = input.clone()
    out = out if weight is None else out * weight.select(0, 0)
    return out if bias is None else out + bias.select(0, 0)


def update_running(running: Tensor | None, found: np.ndarray, momentum: float) -> None:
    """Moves a running statistic towards the batch's. Its version is not bumped, as in PyTorch."""
    if running is not None:
        running._array[...] = (1 - momentum) * running._array + momentum * found


@public("nn.functional.batch_norm", method=False)
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """The input (N, C, …) standardised by channel: with the batch's statistics in training (the running ones are then
    moved, the variance unbiased), else with the running ones. Source: torch.nn.functional.batch_norm.
    Trap: in evaluation the statistics are constants for the gradient."""
    if training:
        per_channel = prod([input.size(0), *input.shape[2:]])
        if per_channel == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    return batch_normalised(input, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_normalised(
    input: Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """batch_norm once its number of values is checked."""
    channels = input.size(1)
    for name, p in (("running_mean", running_mean), ("running_var", running_var)):
        if p is None and not training:
            raise RuntimeError(f"{name} must be defined in evaluation mode")
    _check_channels(channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    check_floating("batch_norm", input)
    if not input.numel():
        return _affine_only(input, weight, bias)
    check_parameters(input, weight, bias, running_mean, running_var)
    check_constant("native_batch_norm", "running_mean", running_mean)
    check_constant("native_batch_norm", "running_var", running_var)
    given = (input, weight, bias, running_mean, running_var)
    if not training or (running_mean is None and running_var is None):
        return batch_norm_row(*given, training, eps)[0]
    if _share_memory((weight, bias), (running_mean, running_var)):
        # PyTorch reads the parameters when it has moved the statistics.
        with no_grad():
            _move_statistics(batch_norm_row(*given, training, eps), running_mean, running_var, input, momentum)
        return batch_norm_row(*given, training, eps)[0]
    found = batch_norm_row(*given, training, eps)
    _move_statistics(found, running_mean, running_var, input, momentum)
    return found[0]


def _share_memory(these: tuple[Any, ...], those: tuple[Any, ...]) -> bool:
    return any(
        a is not None and b is not None and np.may_share_memory(a._array, b._array) for a in these for b in those
    )


def _move_statistics(found: Any, running_mean: Any, running_var: Any, input: Tensor, momentum: float) -> None:
    _, mean, _, variance = found
    count = input.numel() // input.size(1)
    update_running(running_mean, mean._array, momentum)
    update_running(running_var, variance._array * (count / (count - 1) if count > 1 else np.nan), momentum)


@public("nn.functional.instance_norm", method=False)
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Batch normalisation of each sample apart. Source: torch.nn.functional.instance_norm. Raises ValueError for one
    value a channel."""
    if use_input_stats and prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    n, c, *rest = input.shape
    repeated = [None if p is None else p.repeat(n) for p in (running_mean, running_var, weight, bias)]
    flat = input.contiguous().view(1, n * c, *rest)
    out = batch_normalised(flat, *repeated, use_input_stats, momentum, eps)
    for running, moved in zip((running_mean, running_var), repeated):
        if running is not None and moved is not None and use_input_stats:
            with no_grad():
                running.copy_(plain(moved._array.reshape(n, c)).mean(0))
    return out.view(input.shape)
