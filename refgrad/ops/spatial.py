"""What convolutions and pools share: numbers given once for all spatial dimensions, and inputs without a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._tensor import Tensor

Numbers = tuple[int, ...]


def spread_number(value: Any, dims: int) -> Numbers | None:
    """One number for each spatial dimension from an int or a sequence of 1 or `dims` ints; None for another length."""
    given = (int(value),) if isinstance(value, (int, float)) else tuple(int(v) for v in value)
    if len(given) == 1:
        return given * dims
    return given if len(given) == dims else None


def batched(input: Tensor, dims: int, function: Callable[[Tensor], Any]) -> Any:
    """Calls a function of (N, C, …) on an input that may be (C, …)."""
    if input.ndim == dims + 2:
        return function(input)
    found = function(input.unsqueeze(0))
    return tuple(t.squeeze(0) for t in found) if isinstance(found, tuple) else found.squeeze(0)


def by_plane(input: Tensor, function: Callable[[Tensor], Any]) -> Any:
    """A pool over one dimension as one over two, the first of size 1."""
    found = function(input.unsqueeze(-2))
    return tuple(t.squeeze(-2) for t in found) if isinstance(found, tuple) else found.squeeze(-2)
