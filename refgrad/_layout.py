"""The strides of a fresh result. They are semantics: they decide whether `view` raises and `reshape` aliases.

A pointwise result is contiguous if its operands are; it repeats the strides of operands that are all dense and laid
out alike; else its dimensions are ordered as in memory by the first operand that tells two of them apart. Found by
experiment on PyTorch 2.13, where NumPy's own choice differs for operands that disagree, size-1 dimensions, and empty
arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._storage import contiguous_strides, element_strides, flat_storage, is_dense, restrided, storage_offset, strided

Strides = tuple[int, ...]
NUMBER = np.zeros(())
"""A Python number among the operands: for the layout, a tensor without dimensions."""


def with_strides(array: np.ndarray, strides: Strides) -> np.ndarray:
    """The values in memory with these strides (in elements); the array itself if it has them."""
    itemsize = array.itemsize
    steps = tuple([s * itemsize for s in strides])
    if array.strides == steps:
        return array
    if array.size == 0 or all(a == b or n == 1 for a, b, n in zip(array.strides, steps, array.shape)):
        return restrided(array, array.shape, steps)
    flat = np.empty(1 + sum((n - 1) * s for n, s in zip(array.shape, strides)), array.dtype)
    made = strided(flat, array.shape, steps)
    made[...] = array
    return made


def canonical(array: np.ndarray) -> np.ndarray:
    """A fresh result whose strides say nothing (empty, or size-1 dimensions) with the row-major ones."""
    shape = array.shape
    # With neither a size of 1 nor of 0 there is but one way to be contiguous.
    if array.flags.c_contiguous and (1 in shape or 0 in shape):
        return with_strides(array, contiguous_strides(shape))
    return array


def row_major(array: np.ndarray, operands: Sequence[np.ndarray] = ()) -> np.ndarray:
    """A fresh result with row-major strides, whatever its operands have."""
    return with_strides(array, contiguous_strides(array.shape))


def column_major(array: np.ndarray) -> np.ndarray:
    """A fresh batch of matrices with the strides in which LAPACK leaves each, as PyTorch returns them."""
    if array.ndim < 2:
        return array
    batch = contiguous_strides(array.shape)[:-2]
    return with_strides(array, (*batch, 1, max(array.shape[-2], 1)))


def pointwise(result: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A pointwise result laid out as PyTorch lays it out."""
    shape, steps = result.shape, result.strides
    if 1 not in shape and result.flags.c_contiguous and result.size:
        for a in operands:
            if not a.flags.c_contiguous:
                break
        else:
            return result
    says_all = len(shape) != 4 or 1 not in shape  # where sizes of 1 leave open which of two layouts it is
    alike = same = True
    for a in operands:
        if a.shape != shape:
            alike = same = False
            break
        same = same and a.strides == steps
    if same and says_all and result.size:
        return result
    if len(shape) < 2 or (alike and result.size == 0):
        return canonical(result)
    if alike and all(a.flags.c_contiguous for a in operands):
        return with_strides(result, contiguous_strides(shape))
    first = operands[0]
    if alike and len(shape) == 4 and all(map(is_stored_by_pixel, operands)):
        return by_pixel(result)
    if alike and is_dense(first) and all(element_strides(a) == element_strides(first) for a in operands[1:]):
        return with_strides(result, element_strides(first))
    return with_strides(result, ordered(shape, [_aligned(a, shape) for a in operands]))


def beside_number(result: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A pointwise result of one array and a number."""
    (a,) = operands
    if result.size and a.flags.c_contiguous and a.strides == result.strides and 1 not in result.shape:
        return result
    return pointwise(result, (a, NUMBER))


def copied(result: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A copy laid out as PyTorch lays it out: with the strides of its operand if that is dense or empty, else dense in
    the order of its dimensions in memory."""
    source = operands[0]
    if result.strides == source.strides and result.itemsize == source.itemsize and source.flags.c_contiguous:
        return result
    if result.size == 0 or is_dense(source):
        return with_strides(result, element_strides(source))
    return pointwise(result, operands)


def with_gaps(array: np.ndarray) -> np.ndarray:
    """A copy that has the strides of an array, gaps in memory included; dense where elements share memory."""
    if any(n > 1 and s == 0 for n, s in zip(array.shape, array.strides)):
        return copied(np.copy(array, order="K"), [array])
    storage, offset = flat_storage(array).copy(), storage_offset(array)
    return np.lib.stride_tricks.as_strided(storage[offset:], array.shape, array.strides)


def preserved(result: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A changed copy of the first operand, laid out as its copy would be."""
    return copied(result, operands[:1])


def ordered(shape: tuple[int, ...], steps: Sequence[Strides]) -> Strides:
    """Dense strides in the memory order of the operands' dimensions, given the operands' strides on them (0: none)."""
    order = list(range(len(shape)))[::-1]
    for i in range(1, len(order)):
        here = i
        for before in range(i - 1, -1, -1):
            verdict = _compare(steps, shape, order[before], order[here])
            if verdict > 0:
                order[before], order[here] = order[here], order[before]
                here = before
            elif verdict < 0:
                break
    if order == list(range(len(shape)))[::-1]:
        return contiguous_strides(shape)
    strides, step = [0] * len(shape), 1
    for dim in order:
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


def _aligned(array: np.ndarray, shape: tuple[int, ...]) -> Strides:
    """An operand's strides in bytes on the result's dimensions; 0 where it is broadcast."""
    lead = len(shape) - array.ndim
    own = tuple(0 if n == 1 and shape[lead + k] != 1 else s for k, (n, s) in enumerate(zip(array.shape, array.strides)))
    return (0,) * lead + own


def _compare(steps: Sequence[Strides], shape: tuple[int, ...], inner: int, outer: int) -> int:
    """Whether two dimensions, supposed to lie inner before outer, should swap (1), stay (-1), or nothing says (0)."""
    for s in steps:
        a, b = s[inner], s[outer]
        if a == 0 or b == 0:
            continue
        if a != b:
            return -1 if a < b else 1
        if shape[inner] > shape[outer]:
            return 1
    return 0


def is_channels_last(array: np.ndarray) -> bool:
    """Whether the strides of a 4-d or 5-d array are those of images stored pixel by pixel."""
    if array.ndim not in (4, 5):
        return False
    least = 0
    for d in (1, *range(array.ndim - 1, 1, -1), 0):
        n, step = array.shape[d], array.strides[d]
        if not n or not step or step < least or (d == 0 and least == array.strides[1]):
            return False
        least = step * n if n > 1 else step
    return True


def is_stored_by_pixel(array: np.ndarray) -> bool:
    """Whether 4-d memory without gaps lies pixel by pixel; sizes of 1 say nothing."""
    step = array.itemsize
    for d in (1, 3, 2, 0):
        if array.shape[d] != 1:
            if array.strides[d] != step:
                return False
            step *= array.shape[d]
    return True


def channels_last(array: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A fresh array, stored pixel by pixel if all operands are."""
    if array.ndim not in (4, 5) or not all(is_channels_last(a) for a in operands):
        return array
    return by_pixel(array)


def by_pixel(array: np.ndarray) -> np.ndarray:
    """A fresh array stored pixel by pixel."""
    strides, step = [0] * array.ndim, 1
    for dim in (1, *range(array.ndim - 1, 1, -1), 0):
        strides[dim] = step
        step *= array.shape[dim]
    return with_strides(array, tuple(strides))
