"""Checks that several families of operators share: dtypes that a kernel has, and inputs that have no derivative."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import C_NAMES, SCALAR_NAMES, dtype
from .._modes import is_recording
from .._tensor import Tensor

NUMBER_NAMES = {
    **C_NAMES, dtypes.uint8: "uint8_t", dtypes.int8: "int8_t", dtypes.int16: "int16_t", dtypes.int64: "int64_t",
}  # fmt: skip
"""How PyTorch names a dtype when a number does not fit."""


def c_name(kind: dtype) -> str:
    """A dtype as C++ spells it."""
    return C_NAMES.get(kind, SCALAR_NAMES[kind].lower())


def check_floating(kernel: str, t: Tensor, complex_too: bool = False, narrow_too: bool = True) -> None:
    """Raises NotImplementedError, as PyTorch names the kernel, unless the tensor is real floating (or complex)."""
    narrow = t.dtype.array.itemsize == 2 and not narrow_too
    if narrow or not (t.is_floating_point() or (complex_too and t.is_complex())):
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_NAMES[t.dtype]}'")


def check_number(value: Any, kind: dtype) -> None:
    """Raises RuntimeError for a number that a dtype can't hold; fractions are cut off."""
    if not fits(value, kind):
        raise RuntimeError(f"value cannot be converted to type {NUMBER_NAMES[kind]} without overflow")


def fits(value: Any, kind: dtype) -> bool:
    """Whether a number lies in the range of a dtype. Unsigned dtypes take as far below zero as above."""
    if isinstance(value, complex):
        return (kind.is_complex or value.imag == 0) and fits(value.real, kind) and fits(value.imag, kind)
    is_inexact = kind.is_complex or kind.is_floating_point
    if kind is dtypes.bool_ or (is_inexact and not math.isfinite(value)):
        return True
    if is_inexact:
        return abs(value) <= float(ml_dtypes.finfo(kind.array).max)
    limits = np.iinfo(kind.array)
    return (-limits.max if limits.min == 0 else limits.min) <= value <= limits.max


def check_constant(function: str, name: str, t: Any) -> None:
    """Raises RuntimeError if an input that the function has no derivative for requires grad."""
    if isinstance(t, Tensor) and t.requires_grad and is_recording():
        raise RuntimeError(
            f"The function '{function}' is not differentiable with respect to argument '{name}'. This input cannot "
            f"have "
            "requires_grad True."
        )


def check_parameters(t: Tensor, *parameters: Tensor | None) -> None:
    """A normalisation's weight, bias and statistics have the input's dtype, or all are float32 beside 16 bits."""
    given = [p for p in parameters if p is not None]
    if all(p.dtype is t.dtype for p in given):
        return
    if t.dtype.array.itemsize != 2:
        raise RuntimeError(f"mixed dtype (CPU): expect parameter to have scalar type of {SCALAR_NAMES[t.dtype]}")
    if any(p.dtype is not dtypes.float32 for p in given):
        bad = next(p for p in given if p.dtype is not t.dtype)
        raise RuntimeError(f"expected scalar type {SCALAR_NAMES[t.dtype]} but found {SCALAR_NAMES[bad.dtype]}")
