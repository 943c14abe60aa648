"""Divergences and likelihoods: Kullback-Leibler, Poisson, Gaussian."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .._modes import no_grad
from .._op import PUBLIC, public
from .._tensor import Tensor
from .loss import reduce_tensor, reduction_code, reduction_name

KL_MEAN = (
    "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only "
    "by the "
    "batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as 'batchmean' "
    "in the "
    "next major release."
)


@public("nn.functional.kl_div", method=False)
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target·(log target - input), `input` being log-probabilities, and `target` too if log_target. Source:
    torch.nn.functional.kl_div. Trap: only reduction="batchmean" is the divergence."""
    if size_average is not None or reduce is not None:
        reduction = reduction_name(size_average, reduce, reduction)
    elif reduction == "mean":
        warnings.warn(KL_MEAN, UserWarning, stacklevel=2)
    if reduction != "batchmean":
        reduction_code(reduction)
    for t in (input, target):
        if t.is_complex():
            raise RuntimeError("kl_div: Complex inputs not supported.")
        if not t.is_floating_point():
            raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        # The right factor first, as PyTorch's compiler has it: it shows in the order of a backward.
        difference = target - input
        values = target.exp() * difference
    else:
        product = target * input
        values = target.xlogy(target) - product
    found = reduce_tensor(values, "sum" if reduction == "batchmean" else reduction)
    return found / input.size(0) if reduction == "batchmean" and input.ndim else found


@public("nn.functional.poisson_nll_loss", method=False)
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-08,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target·input, or input - target·log(input + eps); `full` adds Stirling's term where target > 1.
    Source: torch.nn.functional.poisson_nll_loss."""
    reduction = reduction_name(size_average, reduce, reduction)
    reduction_code(reduction)
    if log_input:
        values = input.exp() - target * input
    else:
        values = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        values = values.add_(stirling.masked_fill(target <= 1, 0))
    return reduce_tensor(values, reduction)


@public("poisson_nll_loss", method=False)
def _numbered_poisson(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    """The same with the reduction as a number. Source: torch.poisson_nll_loss."""
    return poisson_nll_loss(input, target, log_input, full, None, eps, None, ("none", "mean", "sum")[reduction])


def _variance(input: Tensor, var: Any) -> Tensor:
    """The variance as a tensor that broadcasts with the input. Raises ValueError."""
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        return PUBLIC["ones_like"](input) * var
    if bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape == input.shape:
        return var
    if tuple(input.shape[:-1]) == tuple(var.shape):
        return var.unsqueeze(-1)
    if tuple(input.shape[:-1]) == tuple(var.shape[:-1]) and var.shape[-1] == 1:
        return var
    broadcasts = var.ndim == input.ndim and sum(n == 1 != m for n, m in zip(var.shape, input.shape)) == 1
    if broadcasts and all(n in (1, m) for n, m in zip(var.shape, input.shape)):
        return var
    raise ValueError("var is of incorrect size")


@public("nn.functional.gaussian_nll_loss", method=False)
def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-06, reduction: str = "mean"
) -> Tensor:
    """(log var + (input - target)²/var)/2, the variance held at eps or above; `full` adds log(2π)/2. Source:
    torch.nn.functional.gaussian_nll_loss. Raises ValueError for a negative or misshapen variance.
    Trap: clamping is unrecorded, so the gradient flows through a variance below eps."""
    found = _variance(input, var)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    found = found.clone()
    with no_grad():
        found.clamp_(min=eps)
    values = 0.5 * (found.log() + (input - target) ** 2 / found)
    if full:
        values = values.add_(0.5 * math.log(2 * math.pi))
    return reduce_tensor(values, reduction)
