"""Checks that several families of operators share: dtypes that a kernel has, and inputs that have no derivative."""

from __future__ import annotations

from typing import Any

from .. import _dtypes as dtypes
from .._dtypes import C_NAMES, SCALAR_NAMES, dtype
from .._modes import state
from .._tensor import Tensor


def c_name(kind: dtype) -> str:
    """A dtype as C++ spells it."""
    return C_NAMES.get(kind, SCALAR_NAMES[kind].lower())


def check_floating(kernel: str, t: Tensor, complex_too: bool = False, narrow_too: bool = True) -> None:
    """Raises NotImplementedError, as PyTorch names the kernel, unless the tensor is real floating (or complex)."""
    narrow = t.dtype.array.itemsize == 2 and not narrow_too
    if narrow or not (t.is_floating_point() or (complex_too and t.is_complex())):
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_NAMES[t.dtype]}'")


def check_constant(function: str, name: str, t: Any) -> None:
    """Raises RuntimeError if an input that the function has no derivative for requires grad."""
    if isinstance(t, Tensor) and t.requires_grad and state.grad:
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
