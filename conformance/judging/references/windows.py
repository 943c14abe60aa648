"""What slides over images."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import NoReference, reference


def _window_weights(size: int, out: int, support: Any, kernel: Any, align: bool) -> list[list[Any]]:
    """For each output, the weight of every input: a kernel as wide as a step, normalised to 1."""
    step = mpmath.mpf(size) / out
    if align:
        step = mpmath.mpf(size - 1) / (out - 1) if out > 1 else mpmath.mpf(0)
    stretch = max(step, mpmath.mpf(1))
    rows = []
    for i in range(out):
        centre = step * (i + mpmath.mpf(1) / 2)
        low = max(int(centre - support * stretch + mpmath.mpf(1) / 2), 0)
        high = min(int(centre + support * stretch + mpmath.mpf(1) / 2), size)
        half = mpmath.mpf(1) / 2
        row = [kernel((j - centre + half) / stretch) if low <= j < high else mpmath.mpf(0) for j in range(size)]
        rows.append([w / sum(row) for w in row])
    return rows


def _triangle(t: Any) -> Any:
    return max(1 - abs(t), mpmath.mpf(0))


def _keys(t: Any) -> Any:
    t, a = abs(t), -mpmath.mpf(1) / 2
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else mpmath.mpf(0)


@reference("nn.functional.interpolate.antialias", "nn.functional.interpolate")
def _antialias(
    x: Any, mode: str, align_corners: bool, antialias: bool = False, size: Any = None, scale_factor: Any = None
) -> Any:
    if size is None or not antialias:
        raise NoReference("placing samples by a scale factor, or without weights for all that a step spans")
    size = size if isinstance(size, tuple) else (size,) * 2
    support, kernel = (2, _keys) if mode == "bicubic" else (1, _triangle)
    for axis, out in ((2, size[0]), (3, size[1])):
        matrix = np.array(_window_weights(x.shape[axis], out, support, kernel, align_corners), dtype=object)
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x
