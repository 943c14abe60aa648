"""refgrad.nn.utils: gradients' norms and parameters as one vector. Source: torch.nn.utils."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..._modes import no_grad
from ..._tensor import Tensor


def _members(parameters: Any) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def get_total_norm(tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """The norm of all tensors as one vector. Raises RuntimeError for a non-finite one if asked."""
    from ... import PUBLIC
    from ...ops.create import tensor

    found = [PUBLIC["linalg.vector_norm"](t, float(norm_type)) for t in _members(tensors)]
    if not found:
        return tensor(0.0)
    total = PUBLIC["linalg.vector_norm"](PUBLIC["stack"](found), float(norm_type))
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


@no_grad()
def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scales the gradients in place so that their total norm is at most max_norm; returns the norm before. Source:
    torch.nn.utils.clip_grad_norm_."""
    grads = [p._grad for p in _members(parameters) if p._grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    factor = (max_norm / (total + 1e-6)).clamp(max=1.0)
    for g in grads:
        g.mul_(factor)
    return total


@no_grad()
def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Clamps the gradients in place to [-clip_value, clip_value]. Source: torch.nn.utils.clip_grad_value_."""
    for p in _members(parameters):
        if p._grad is not None:
            p._grad.clamp_(-float(clip_value), float(clip_value))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters in one vector. Source: torch.nn.utils.parameters_to_vector."""
    from ... import PUBLIC

    return PUBLIC["cat"]([p.view(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Replaces the parameters' data by slices of the vector. Source: torch.nn.utils.vector_to_parameters."""
    start = 0
    for p in parameters:
        p.data = vec[start : start + p.numel()].view_as(p).data
        start += p.numel()
