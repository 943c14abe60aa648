"""F, the interpreter that a rule computes with: RAW on ndarrays, LIVE on Tensors.

Every row registers its kernel in RAW and its caller in LIVE under the same name and positional signature, so that one
formula serves the ordinary backward (fast) and the recorded one (double backward). NARROW is RAW for 16-bit floats:
each function computes in float32 and rounds once. Arithmetic operators work on both kinds of value.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np

HALF, BFLOAT, SINGLE = np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16), np.dtype(np.float32)
NARROW_TYPES = (HALF, BFLOAT)

RAW = SimpleNamespace(is_live=False)
NARROW = SimpleNamespace(is_live=False)
LIVE = SimpleNamespace(is_live=True)


def interpreter(dtype: np.dtype) -> SimpleNamespace:
    """The array interpreter for cotangents of a dtype."""
    return NARROW if dtype.itemsize == 2 else RAW


def widen(value: Any) -> Any:
    """16-bit floats as float32, in lists of tensors too; anything else (tuples are attributes) as it is."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.astype(SINGLE) if value.dtype in NARROW_TYPES else value
    if isinstance(value, list):
        return [widen(v) for v in value]
    return value


def narrow_result(value: Any, dtype: np.dtype) -> Any:
    """float32 results rounded to a 16-bit dtype; indices and masks as they are."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.astype(dtype) if value.dtype == SINGLE else value
    if isinstance(value, (list, tuple)):
        return [narrow_result(v, dtype) for v in value]
    return value


def narrowed(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that computes 16-bit floats in float32 and rounds once."""

    def compute(*args: Any) -> Any:
        dtype = next((d for d in map(_narrow_type, args) if d is not None), None)
        if dtype is None:
            return kernel(*args)
        return narrow_result(kernel(*[widen(a) for a in args]), dtype)

    return compute


def _narrow_type(value: Any) -> np.dtype | None:
    if isinstance(value, list):
        return next((d for d in map(_narrow_type, value) if d is not None), None)
    dtype = getattr(value, "dtype", None)
    return dtype if dtype in NARROW_TYPES else None


def register(name: str, kernel: Callable[..., Any], live: Callable[..., Any], exact: bool) -> None:
    """Makes a row's kernel and caller available to rules as F.name."""
    setattr(RAW, name, kernel)
    setattr(NARROW, name, kernel if exact else narrowed(kernel))
    setattr(LIVE, name, live)


def formula(function: Callable[..., Any]) -> Callable[..., Any]:
    """Registers a composite `name(F, …)` for rules as `F.name(…)`, computed with the same interpreter; 16-bit floats
    are computed in float32 all through and rounded once."""
    name = function.__name__
    for space in (RAW, LIVE):
        setattr(space, name, lambda *args, _space=space: function(_space, *args))
    setattr(NARROW, name, narrowed(getattr(RAW, name)))
    return function
