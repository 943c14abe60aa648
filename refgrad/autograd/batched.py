"""grad with is_grads_batched: one backward for each slice of the seeds' leading dimension, the results stacked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._interpreters import LIVE
from .roots import seeds_of


def grad_of_batch(
    grad: Callable[..., tuple[Any, ...]],
    roots: tuple[Any, ...],
    wanted: tuple[Any, ...],
    batches: tuple[Any, ...],
    keep: bool,
    options: tuple[bool, ...],
) -> tuple[Any, ...]:
    """The gradients with a leading batch dimension. Raises RuntimeError for seeds whose other dimensions differ from
    the output's."""
    seeds_of(roots, batches, True)
    size = next(b.shape[0] for b in batches if b is not None)
    rows = []
    for i in range(size):
        seeds = tuple(None if b is None else b[i] for b in batches)
        rows.append(grad(roots, wanted, seeds, keep or i < size - 1, options))
    return tuple(None if column[0] is None else LIVE.stack(list(column), 0) for column in zip(*rows))
