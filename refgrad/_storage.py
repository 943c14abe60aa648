"""Memory below a tensor: the storage that it and its views share, its strides and its offset there, in elements."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np


def owner(array: np.ndarray) -> np.ndarray:
    """The ndarray that owns the memory."""
    base = array.base
    while base is not None:
        if isinstance(base, np.ndarray):
            array = base
        # as_strided hangs its views on a stand-in object that holds the array.
        base = getattr(base, "base", None)
    return array


def flat_storage(array: np.ndarray) -> np.ndarray:
    """All the memory that the array's owner spans, as a flat array of the same element type."""
    root = owner(array)
    if root.flags.c_contiguous and root.dtype == array.dtype:
        return root.reshape(-1)
    order = np.argsort([-s for s in root.strides], kind="stable")
    flat = root.transpose(order).reshape(-1) if root.ndim else root.reshape(-1)
    return flat if flat.dtype == array.dtype else flat.view(array.dtype)


def element_strides(array: np.ndarray) -> tuple[int, ...]:
    """The strides in elements."""
    itemsize = array.itemsize
    return tuple([s // itemsize for s in array.strides])


def storage_offset(array: np.ndarray) -> int:
    """The place of the first element in the storage, in elements."""
    root = owner(array)
    if root is array:
        return 0
    # The interface dictionary costs a third of `array.ctypes.data`.
    here, start = array.__array_interface__["data"][0], root.__array_interface__["data"][0]
    return (here - start) // array.itemsize


def as_strided_array(array: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> np.ndarray:
    """A view of the array's storage with any geometry. Raises RuntimeError if it would leave the storage."""
    flat = flat_storage(array)
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides)) if all(shape) else offset - 1
    if (all(shape) and last >= flat.size) or offset < 0:
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {offset}, and itemsize "
            f"{array.itemsize} requiring a storage size of {(last + 1) * array.itemsize} are out of bounds for storage "
            f"of size {flat.nbytes}"
        )
    return strided(flat[offset:], shape, tuple([s * array.itemsize for s in strides]))


@lru_cache(4096)
def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The row-major strides in elements."""
    steps: list[int] = []
    step = 1
    for n in reversed(shape):
        steps.append(step)
        step *= max(n, 1)
    return tuple(reversed(steps))


def is_dense(array: np.ndarray) -> bool:
    """Whether the elements fill one block of memory without gaps or overlap."""
    expected = 1
    for stride, n in sorted((s, n) for s, n in zip(element_strides(array), array.shape) if n != 1):
        if stride != expected:
            return False
        expected *= n
    return True


def is_expanded(array: np.ndarray) -> bool:
    """Whether elements share memory, as far as strides of 0 tell."""
    return array.size > 1 and 0 in array.strides and any(n > 1 and s == 0 for n, s in zip(array.shape, array.strides))


def strided(array: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """A view with the same first element and another shape and strides (in bytes). NumPy's own `as_strided` takes eight
    times as long; it is left for what reaches beyond the array, and for arrays with gaps."""
    if array.flags.c_contiguous and array.size:
        try:
            return np.ndarray(shape, array.dtype, array, 0, strides)
        except ValueError:
            pass
    return np.lib.stride_tricks.as_strided(array, shape, strides)


def restrided(array: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """A view with the same first element and another shape and strides (in bytes) that stay in the storage.
    Where NumPy's reshape gives those strides it is used: it takes a tenth of the time of `as_strided`."""
    if array.flags.c_contiguous and array.size == prod(shape):
        # Through one dimension, since NumPy leaves an array of that shape as it is.
        found = (array.reshape(-1) if array.shape == shape else array).reshape(shape)
        if found.strides == strides:
            return found
    return strided(array, shape, strides)
