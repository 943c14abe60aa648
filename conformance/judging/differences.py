"""Derivatives by central differences, of functions evaluated with 60 digits.

A step of 10⁻¹⁸ at the outermost order makes them good to some 30 digits. Where the two one-sided slopes part, and don't
meet as the step shrinks, the point is a kink.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np

Place = tuple[int, ...]
Function = Callable[..., Sequence[np.ndarray]]
"""A function of arrays that returns arrays, all of them object arrays of mpmath numbers."""
STEPS = (mpmath.mpf(10) ** -18, mpmath.mpf(10) ** -11)
"""By the number of differences around this one: an inner difference is divided by the outer step."""
_SHRINK = 1000


class Kink(ArithmeticError):
    """The function has no derivative here."""


def slope(function: Callable[[Any], Any], step: Any) -> Any:
    """The derivative at 0 of a function of one number. Raises Kink where there is none."""
    here, ahead, behind = function(0), function(step), function(-step)
    right, left = (ahead - here) / step, (here - behind) / step
    if not (mpmath.isfinite(right) and mpmath.isfinite(left)):
        raise Kink("the function or its derivative is not finite here")
    gap = abs(right - left)
    if gap > mpmath.mpf(10) ** -4 * (abs(right) + abs(left)) and gap > mpmath.mpf(10) ** -12 * (1 + abs(here)):
        # Where the slope itself is 0 its change shows too, but that shrinks with the step.
        fine = step / _SHRINK
        if abs(function(fine) + function(-fine) - 2 * here) / fine > gap / 2:
            raise Kink(f"a kink: slopes {mpmath.nstr(left, 6)} and {mpmath.nstr(right, 6)} on its two sides")
    return (ahead - behind) / (2 * step)


def along(function: Callable[[Any], Any], step: Any) -> Any:
    """The derivative at 0 of a complex function of one real number."""
    known = cache(function)
    real, imaginary = (slope(lambda shift, part=part: part(known(shift)), step) for part in (mpmath.re, mpmath.im))
    return mpmath.mpc(real, imaginary) if imaginary else real


def tangent(
    function: Function, point: Sequence[Any], tangents: Sequence[Any], result: int, place: Place, depth: int = 0
) -> Any:
    """One element of the derivative of one result along tangents."""

    def moved(shift: Any) -> Any:
        return function(*[x + shift * t for x, t in zip(point, tangents)])[result][place]

    return slope(moved, STEPS[depth])


def cotangent(
    function: Function,
    point: Sequence[Any],
    weights: Sequence[Any],
    target: int,
    place: Place,
    is_complex: bool,
    depth: int = 0,
) -> Any:
    """One element of the gradient in one argument, for cotangents (None: ones) of the results."""

    base = function(*point)

    def gradient(unit: Any) -> Any:
        def total(shift: Any) -> Any:
            if not shift:
                return mpmath.mpf(0)
            moved = point[target].copy()
            moved[place] = moved[place] + shift * unit
            results = function(*[moved if i == target else x for i, x in enumerate(point)])
            return weighted_change(results, base, weights)

        return slope(total, STEPS[depth])

    return gradient(1) + (mpmath.mpc(0, 1) * gradient(mpmath.mpc(0, 1)) if is_complex else 0)


def weighted_change(results: Sequence[Any], base: Sequence[Any], weights: Sequence[Any]) -> Any:
    """Re Σ conj(g)·(result - base): but for a constant the real number whose gradient is asked for. Of many results one
    input moves few, and what is infinite elsewhere doesn't matter."""
    total = mpmath.mpf(0)
    for value, before, weight in zip(results, base, weights):
        flat, old = (np.asarray(x, dtype=object).reshape(-1) for x in (value, before))
        given = None if weight is None else np.asarray(weight, dtype=object).reshape(-1)
        for i in [i for i, (x, y) in enumerate(zip(flat, old)) if x is not y and x != y]:
            change = flat[i] - old[i]
            total += mpmath.re(change if given is None else mpmath.conj(given[i]) * change)
    return total
