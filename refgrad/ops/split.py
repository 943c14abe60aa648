"""Splitting a dimension, by size, by number, by places."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .._errors import list_text, wrap_dim
from .._modes import state
from .._op import public
from .._tensor import Tensor
from .shape import Shape
from .slices import part_key, sliced, split_row, split_with_sizes_row, unsafe_split_row, unsafe_split_with_sizes_row


def even_sizes(n: int, size: int) -> Shape:
    """The sizes of the parts of `n`, all `size` but the last; one part of size 0 if n is 0."""
    if size == 0:
        return (0,)
    count = max(-(-n // size), 1)
    return (*(size,) * (count - 1), n - size * (count - 1))


def _check_size(t: Tensor, size: int, d: int) -> None:
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and t._array.shape[d]:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {t._array.shape[d]}"
        )


def _check_sizes(t: Tensor, sizes: Shape, d: int) -> None:
    n = t._array.shape[d]
    text = list_text(sizes)
    if any(s < 0 for s in sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={text}"
        )
    if sum(sizes) != n:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension "
            f"{d}), but got "
            f"split_sizes={text}"
        )


def _split(t: Tensor, size: Any, dim: int, rows: tuple[Any, Any]) -> tuple[Tensor, ...]:
    if not t.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d = wrap_dim(dim, t.ndim)
    if isinstance(size, Sequence):
        sizes = tuple(int(s) for s in size)
        _check_sizes(t, sizes, d)
        return rows[1](t, sizes, d)
    _check_size(t, int(size), d)
    return rows[0](t, even_sizes(t._array.shape[d], int(size)), d)


@public()
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts of a given size, or of a list of sizes. Source: torch.split. Trap: outputs can't be written in
    place while they require grad."""
    return _split(tensor, split_size_or_sections, dim, (split_row, split_with_sizes_row))


Tensor.split = lambda self, split_size, dim=0: split(self, split_size, dim)  # type: ignore[attr-defined]


@public()
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts of the given sizes. Source: torch.split_with_sizes."""
    return split(input, tuple(split_sizes), dim)


@public()
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """As split, but the parts may be written in place. Source: torch.unsafe_split."""
    return _shared(input, _split(input, split_size, dim, _unsafe_rows(input)), dim)


def _unsafe_rows(input: Tensor) -> tuple[Any, Any]:
    """In inference mode, or of an inference tensor, autograd doesn't hide that they are views: the parts are ordinary."""
    rows = (split_row, split_with_sizes_row)
    return rows if state.inference or input._cell is None else (unsafe_split_row, unsafe_split_with_sizes_row)


def _shared(input: Tensor, parts: tuple[Tensor, ...], dim: int) -> tuple[Tensor, ...]:
    """The parts on the input's memory, with version counters of their own: that is what is unsafe."""
    start, d = 0, wrap_dim(dim, input.ndim)
    for part in parts:
        stop = start + part._array.shape[d]
        part._array = input._array[part_key(d, slice(start, stop))]
        start = stop
    return parts


@public()
def unsafe_split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """As split_with_sizes, but the parts may be written in place. Source: torch.unsafe_split_with_sizes."""
    return unsafe_split(input, tuple(split_sizes), dim)  # type: ignore[arg-type]


def _chunk(t: Tensor, chunks: int, dim: int, rows: tuple[Any, Any]) -> tuple[Tensor, ...]:
    if not t.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = wrap_dim(dim, t.ndim)
    n = t._array.shape[d]
    size = -(-n // chunks)
    return _split(t, size or (0,) * chunks, d, rows)


@public()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` parts of equal size, the last smaller. Source: torch.chunk."""
    return _chunk(input, chunks, dim, (split_row, split_with_sizes_row))


@public()
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """As chunk, but the parts may be written in place. Source: torch.unsafe_chunk."""
    return _shared(input, _chunk(input, chunks, dim, _unsafe_rows(input)), dim)


@public()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts: nearly equal ones by number, or cut at places. Source: torch.tensor_split."""
    if not input.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    d = wrap_dim(dim, input.ndim)
    n = input._array.shape[d]
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, Sequence):
        cuts: list[Any] = [0, *given, n]
        return tuple(sliced(input, d, a, b) for a, b in pairwise(cuts))
    if given <= 0:
        raise RuntimeError(f"number of sections must be larger than 0, got {given}")
    size, more = divmod(n, int(given))
    ends = [k * size + min(k, more) for k in range(int(given) + 1)]
    return tuple(sliced(input, d, a, b) for a, b in pairwise(ends))


def _axis_split(input: Tensor, given: Any, name: str, least: int, dim: int) -> tuple[Tensor, ...]:
    if input.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with "
            f"{input.ndim} dimensions!"
        )
    n = input._array.shape[dim]
    if isinstance(given, int) and (given <= 0 or n % given):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {n} is not "
            "divisible "
            f"by the split_size {given}!"
        )
    return tensor_split(input, given, dim)


@public()
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Parts side by side. Source: torch.hsplit."""
    return _axis_split(input, indices_or_sections, "hsplit", 1, 0 if input.ndim == 1 else 1)


@public()
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Parts one above the other. Source: torch.vsplit."""
    return _axis_split(input, indices_or_sections, "vsplit", 2, 0)


@public()
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Parts in depth. Source: torch.dsplit."""
    return _axis_split(input, indices_or_sections, "dsplit", 3, 2)
