"""What slides over images."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import NoReference, reference


def _window_weights(size: int, out: int, support: Any, kernel: Any, align: bool, scale: Any) -> list[list[Any]]:
    """For each output, the weight of every input: a kernel as wide as a step, normalised to 1."""
    step = mpmath.mpf(size) / out if scale is None else 1 / mpmath.mpf(scale)
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


def _lanczos(t: Any) -> Any:
    return mpmath.sincpi(t) * mpmath.sincpi(t / 3) if abs(t) < 3 else mpmath.mpf(0)


_KERNELS = {"bilinear": (1, _triangle), "bicubic": (2, _keys), "lanczos": (3, _lanczos)}


@reference("nn.functional.interpolate.antialias", "nn.functional.interpolate.lanczos", "nn.functional.interpolate")
def _antialias(
    x: Any, mode: str, align_corners: bool, antialias: bool = False, size: Any = None, scale_factor: Any = None
) -> Any:
    if not antialias:
        raise NoReference("resampling without weights for all that a step spans")
    support, kernel = _KERNELS[mode]
    size = (size,) * 2 if isinstance(size, int) else size
    sizes = [int(n * scale_factor) for n in x.shape[2:]] if size is None else size
    for axis, out in ((2, sizes[0]), (3, sizes[1])):
        weights = _window_weights(x.shape[axis], out, support, kernel, align_corners, scale_factor)
        matrix = np.array(weights, dtype=object)
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x
