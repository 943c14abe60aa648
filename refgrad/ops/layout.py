"""What pointwise kernels share: selection that keeps the memory order, and Python numbers as attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _errors as errors
from .._dtypes import OF_ARRAY, result_dtype
from .._tensor import Tensor


def choose(mask: Any, a: Any, b: Any) -> np.ndarray:
    """np.where in PyTorch's memory order: np.where gives row-major, a TensorIterator the order of its operands."""
    arrays = [x for x in (mask, a, b) if isinstance(x, np.ndarray)]
    if all(x.flags.c_contiguous for x in arrays):
        return np.where(mask, a, b)
    made = np.where(mask, a, b)
    model = next((x for x in arrays if x.shape == made.shape), None)
    if model is None or model.flags.c_contiguous:
        return made
    out = np.empty_like(model, dtype=made.dtype, order="K")
    out[...] = made
    return out


def lifted(a: np.ndarray, number: Any) -> np.ndarray:
    """The array in the dtype that a Python number lifts it to."""
    kind = a.dtype.kind
    if type(number) is float and kind in "fc":
        return a
    target = result_dtype([OF_ARRAY[a.dtype]], [], [number]).array
    return a if target == a.dtype else a.astype(target)


def common(*operands: Any) -> np.dtype:
    """The dtype of an operation on arrays and Python numbers, by PyTorch's rules."""
    arrays = [x for x in operands if isinstance(x, (np.ndarray, np.generic))]
    numbers = [x for x in operands if not isinstance(x, (np.ndarray, np.generic))]
    dimensioned = [OF_ARRAY[x.dtype] for x in arrays if x.ndim]
    return result_dtype(dimensioned, [OF_ARRAY[x.dtype] for x in arrays if not x.ndim], numbers).array


def other_tensor(function: str, given: Any, argument: str = "other", position: int = 2) -> None:
    """Raises TypeError unless the argument is a Tensor."""
    if not isinstance(given, Tensor):
        raise TypeError(errors.must_be_tensor(function, argument, position, given))
