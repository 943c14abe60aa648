"""Memory formats: the order in which a tensor's elements lie. Source: torch.memory_format."""

from __future__ import annotations

import numpy as np

from ._layout import is_channels_last, with_strides
from ._storage import contiguous_strides

# The dimensions from the slowest in memory to the fastest.
ORDERS = {"channels_last": (0, 2, 3, 1), "channels_last_3d": (0, 2, 3, 4, 1)}


class memory_format:
    """One format, by its name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


def strides_in(shape: tuple[int, ...], form: memory_format) -> tuple[int, ...]:
    """The strides of a shape in a format. Raises RuntimeError for a rank that the format isn't for."""
    order = ORDERS.get(form.name)
    if order is None:
        return contiguous_strides(shape)
    if len(order) != len(shape):
        raise RuntimeError(f"required rank {len(order)} tensor to use {form.name} format")
    strides, step = [0] * len(shape), 1
    for dim in reversed(order):
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


def suggested(array: np.ndarray) -> memory_format:
    """The format in which a tensor already lies, as PyTorch takes it."""
    if is_channels_last(array):
        return channels_last if array.ndim == 4 else channels_last_3d
    return contiguous_format


def in_format(array: np.ndarray, form: memory_format | None) -> np.ndarray:
    """A fresh array laid out in a format; as it is where that is to be preserved."""
    if form is None or form is preserve_format:
        return array
    return with_strides(array, strides_in(array.shape, form))
