"""What pointwise kernels share: the dtypes that arrays and Python numbers make together."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _errors as errors
from .._dtypes import OF_ARRAY, result_dtype
from .._modes import is_recording
from .._tensor import Tensor


def as_dtype(dtype: np.dtype, number: Any) -> Any:
    """A Python number as a scalar of a dtype; an integer too large wraps around."""
    return np.asarray(number).astype(dtype)[()]


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


def no_complex_gradient(function: str, t: Tensor) -> None:
    """Raises for a complex tensor that needs a gradient, where PyTorch has a value but no derivative."""
    if t.is_complex() and is_recording() and t.requires_grad:
        raise RuntimeError(f"{function} does not support automatic differentiation for outputs with complex dtype.")
