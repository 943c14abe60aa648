"""Discrete Fourier transforms by their sums. A real result reads the half-spectrum as that of real numbers: the imaginary
parts of the terms that stand for themselves (the zeroth, and the middle one of an even count) take no part."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, NoReference

MOST = 64
"""Points of one transform: its sums cost the square of that."""
FORWARD = {"fft": -1, "rfft": -1, "hfft": -1}
"""Of those that no norm scales unless it is asked to, the sign of the exponent; the others have the other sign."""


@cache
def _turns(points: int, terms: int, sign: int) -> np.ndarray:
    """e^(sign 2πi jk / points), a row for each term."""
    rows = [[mpmath.expjpi(mpmath.mpf(2 * sign * j * k) / points) for j in range(points)] for k in range(terms)]
    return np.array(rows, dtype=object).reshape(terms, points)


def _fitted(x: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Cut, or filled up with zeros."""
    x = np.take(x, range(min(size, x.shape[axis])), axis)
    missing = [(0, size - x.shape[axis] if d == axis % x.ndim else 0) for d in range(x.ndim)]
    return np.pad(x, missing, constant_values=mpmath.mpf(0))


def _along(x: np.ndarray, points: int, axis: int, sign: int, kind: str) -> np.ndarray:
    """One transform: "c" of complex numbers, "h" of real ones to half of the spectrum, "r" back to real numbers."""
    if not 0 < points <= MOST:
        raise NoReference(f"{points} points")
    half = points // 2 + 1
    if kind == "r":
        terms = np.moveaxis(_fitted(x, half, axis), axis, -1)
        weights = [1 if k == 0 or 2 * k == points else 2 for k in range(half)]
        made = np.frompyfunc(mpmath.re, 1, 1)(np.dot(terms * weights, _turns(points, half, sign)))
    else:
        values = np.moveaxis(_fitted(x, points, axis), axis, -1)
        made = np.dot(values, _turns(points, points, sign)[:, : half if kind == "h" else points])
    return np.moveaxis(np.asarray(made, dtype=object), -1, axis)


def _scale(name: str, count: int, norm: str | None) -> Any:
    if norm == "ortho":
        return 1 / mpmath.sqrt(count)
    is_scaled = (norm == "forward") == (name in FORWARD)
    return 1 / mpmath.mpf(count) if is_scaled else mpmath.mpf(1)


def _transform(name: str, x: Any, sizes: Sequence[int | None], axes: Sequence[int], norm: str | None) -> Any:
    kind = {"rfft": "h", "ihfft": "h", "irfft": "r", "hfft": "r"}.get(name, "c")
    sign, last = FORWARD.get(name, 1), axes[-1]
    default = 2 * (x.shape[last] - 1) if kind == "r" else x.shape[last]
    points = [x.shape[axis] if n is None else n for n, axis in zip(sizes[:-1], axes[:-1])]
    points.append(default if sizes[-1] is None else sizes[-1])
    if kind == "h":
        x = _along(x, points[-1], last, sign, kind)
    for n, axis in zip(points[:-1], axes[:-1]):
        x = _along(x, n, axis, sign, "c")
    if kind != "h":
        x = _along(x, points[-1], last, sign, kind)
    return x * _scale(name, int(np.prod(points)), norm)


def _define(name: str) -> None:
    def one(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
        return _transform(name, x, [n], [dim % x.ndim], norm)

    def many(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
        if dim is None:
            dim = range(-len(s), 0) if s is not None else range(x.ndim)
        sizes = [None if n == -1 else n for n in s] if s is not None else [None] * len(dim)
        return _transform(name, x, sizes, [d % x.ndim for d in dim], norm)

    REFERENCES[f"fft.{name}"] = one
    REFERENCES[f"fft.{name}2"] = lambda x, s=None, dim=(-2, -1), norm=None: many(x, s, dim, norm)
    REFERENCES[f"fft.{name}n"] = many


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _define(_name)
REFERENCES["fft.fftshift"] = lambda x, dim=None: np.fft.fftshift(x, dim)
REFERENCES["fft.ifftshift"] = lambda x, dim=None: np.fft.ifftshift(x, dim)
