"""The shapes of what is rearranged, joined, indexed and padded, from the arguments alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..drawing.shapes import Shape, broadcast
from ..programs.program import Slice
from ..programs.promotion import result_dtype

Infer = Callable[[tuple[Any, ...], dict[str, Any]], Any]


def of_shape(shape_of: Callable[..., Shape]) -> Infer:
    """An inference: the output's shape from the arguments, the first operand's dtype."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((shape_of(*args, **attrs), args[0].dtype),)

    return infer


def of_parts(shape_of: Callable[[list[Shape]], Shape]) -> Infer:
    """An inference for several operands, given apart or as one list: their shape together, their promoted dtype."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        parts = args[0] if isinstance(args[0], (tuple, list)) else args
        return ((shape_of([part.shape for part in parts]), result_dtype(*parts)),)

    return infer


def put_in(shape: Shape, at: int, size: int) -> Shape:
    return (*shape[:at], size, *shape[at:])


def without(shape: Shape, at: int) -> Shape:
    return (*shape[:at], *shape[at + 1 :])


def with_size(shape: Shape, at: int, size: int) -> Shape:
    return (*shape[:at], size, *shape[at + 1 :])


def each(value: Any, dims: int) -> tuple[Any, ...]:
    """A number for each dimension."""
    return tuple(value) if isinstance(value, tuple) else (value,) * dims


def raveled(x: Any) -> Shape:
    return (math.prod(x.shape),)


def unflattened(x: Any, at: int, sizes: Shape) -> Shape:
    rest = x.shape[at] // math.prod(n for n in sizes if n != -1)
    return (*x.shape[:at], *(rest if n == -1 else n for n in sizes), *x.shape[at + 1 :])


def unfolded(x: Any, dim: int, size: int, step: int) -> Shape:
    at = dim % len(x.shape)
    return (*with_size(x.shape, at, (x.shape[at] - size) // step + 1), size)


def _diagonal_size(rows: int, columns: int, offset: int) -> int:
    return max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)


def diagonal(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Shape:
    rank = len(x.shape)
    gone = dim1 % rank, dim2 % rank
    left = tuple(n for k, n in enumerate(x.shape) if k not in gone)
    return (*left, _diagonal_size(x.shape[dim1], x.shape[dim2], offset))


def diag_embedded(x: Any, offset: int, dim1: int, dim2: int) -> Shape:
    shape, rank = x.shape[:-1], len(x.shape) + 1
    for at in sorted((dim1 % rank, dim2 % rank)):
        shape = put_in(shape, at, x.shape[-1] + abs(offset))
    return shape


def diag(x: Any, diagonal: int) -> Shape:
    if len(x.shape) == 1:
        return (x.shape[0] + abs(diagonal),) * 2
    rows, columns = x.shape
    return (_diagonal_size(rows, columns, diagonal),)


def diag_flat(x: Any, offset: int) -> Shape:
    return (math.prod(x.shape) + abs(offset),) * 2


def turned(x: Any, k: int, dims: tuple[int, int]) -> Shape:
    first, second = dims if k % 2 else (0, 0)
    return with_size(with_size(x.shape, first, x.shape[second]), second, x.shape[first])


def tiled(x: Any, times: Shape) -> Shape:
    """Of `repeat` and `tile`: whichever has fewer dimensions is given more in front."""
    rank = max(len(x.shape), len(times))
    pairs = zip((1,) * (rank - len(x.shape)) + x.shape, (1,) * (rank - len(times)) + tuple(times))
    return tuple(n * many for n, many in pairs)


def interleaved(x: Any, times: int, dim: int | None) -> Shape:
    if dim is None:
        return (math.prod(x.shape) * times,)
    at = dim % len(x.shape)
    return with_size(x.shape, at, x.shape[at] * times)


def shuffled(x: Any, factor: int) -> Shape:
    """Of `pixel_shuffle`: channels become pixels."""
    *lead, channels, rows, columns = x.shape
    return (*lead, channels // factor**2, rows * factor, columns * factor)


def unshuffled(x: Any, factor: int) -> Shape:
    """Of nothing PyTorch's kernel makes nothing: the shape stays."""
    if 0 in x.shape:
        return x.shape
    *lead, channels, rows, columns = x.shape
    return (*lead, channels * factor**2, rows // factor, columns // factor)


def blocks(sizes: Sequence[int], kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> int:
    """How many windows fit into an image."""
    given = zip(sizes, *(each(value, len(sizes)) for value in (kernel_size, dilation, padding, stride)))
    return math.prod((n + 2 * around - apart * (size - 1) - 1) // step + 1 for n, size, apart, around, step in given)


def image_blocks(x: Any, **geometry: Any) -> Shape:
    """Of `unfold`: a column for each window."""
    *lead, channels, rows, columns = x.shape
    kernel = math.prod(each(geometry["kernel_size"], 2))
    return (*lead, channels * kernel, blocks((rows, columns), **geometry))


def folded(x: Any, output_size: Shape, **geometry: Any) -> Shape:
    return (*x.shape[:-2], x.shape[-2] // math.prod(each(geometry["kernel_size"], 2)), *output_size)


def padded(x: Any, pad: Sequence[int], **_: Any) -> Shape:
    """Each pair of widths is of one dimension, the last one's first."""
    shape = list(x.shape)
    for k, (low, high) in enumerate(zip(pad[::2], pad[1::2])):
        shape[-1 - k] += low + high
    return tuple(shape)


def at_least(rank: int) -> Callable[[Any], Shape]:
    """The shape of `atleast_1d`, `atleast_2d` and `atleast_3d`."""
    return lambda x: _at_least(x.shape, rank)


def _at_least(shape: Shape, rank: int) -> Shape:
    if rank == 3 and len(shape) < 3:
        # A vector's elements become the middle dimension.
        return (*((1, *shape) if len(shape) == 1 else shape or (1, 1)), 1)
    return (1,) * (rank - len(shape)) + shape


def _joined(parts: list[Shape], at: int) -> Shape:
    return with_size(parts[0], at, sum(part[at] for part in parts))


def hstacked(parts: list[Shape]) -> Shape:
    parts = [_at_least(part, 1) for part in parts]
    return _joined(parts, min(len(parts[0]) - 1, 1))


def vstacked(parts: list[Shape]) -> Shape:
    return _joined([_at_least(part, 2) for part in parts], 0)


def dstacked(parts: list[Shape]) -> Shape:
    return _joined([_at_least(part, 3) for part in parts], 2)


def column_stacked(parts: list[Shape]) -> Shape:
    return _joined([(math.prod(part), 1) if len(part) < 2 else part for part in parts], 1)


def block_diagonal(parts: list[Shape]) -> Shape:
    blocks = [_at_least(part, 2) for part in parts]
    return sum(rows for rows, _ in blocks), sum(columns for _, columns in blocks)


def every_pair(parts: list[Shape]) -> Shape:
    """The shape of `cartesian_prod` of two vectors and more."""
    return math.prod(n for (n,) in parts), len(parts)


def combined(x: Any, r: int, with_replacement: bool) -> Shape:
    many = x.shape[0] + r - 1 if with_replacement else x.shape[0]
    return math.comb(many, r), r


def taken_along(x: Any, index: Any, dim: int) -> Shape:
    """Every dimension but one broadcasts."""
    at = dim % len(x.shape)
    return with_size(broadcast(with_size(x.shape, at, 1), with_size(index.shape, at, 1)), at, index.shape[at])


def indexed_by(x: Any, entries: tuple[Any, ...]) -> Shape:
    """By integers, slices, None, an ellipsis and tensors of places. An integer takes its dimension away first; what
    tensors make stands in their place, or in front where they do not stand side by side."""
    missing = len(x.shape) - sum(entry is not None and entry is not ... for entry in entries)
    spread = [part for e in entries for part in ((Slice(None, None),) * missing if e is ... else (e,))]
    sizes, out, places, found = iter(x.shape), list[int](), set[int](), list[Shape]()
    for entry in spread:
        size = 1 if entry is None else next(sizes)
        if entry is None or isinstance(entry, Slice):
            out.append(1 if entry is None else len(range(size)[entry.start : entry.stop : entry.step]))
        elif not isinstance(entry, int):
            places.add(len(out))
            found.append(entry.shape)
    rest = (*out, *sizes)
    at = places.pop() if len(places) == 1 else 0
    return (*rest[:at], *broadcast(*found), *rest[at:])
