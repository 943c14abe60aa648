"""How far apart two correctly rounded computations may be.

First by units in the last place, which is nearly always enough. Beyond that, an allowance for the program at hand, for
each element of each value, from two bounds of error analysis:

- A sum of products, in any order and in pairs, errs by at most log₂(n)·u·Σ|aᵢbᵢ| (u = eps/2). Two engines part by twice
  that: 16 eps·Σ|aᵢbᵢ| for n = 65,536, and Σ|aᵢbᵢ| is the same program on absolute data.
- A kernel that is stable gives the result, moved by a few units, of operands moved by a few units: elementwise, or as a
  share of the whole where it mixes all elements (a solution of equations, a Fourier transform). The reference is run
  again with just such moves of 1 or 2 eps at random; ``SPREAD`` times the furthest that an element went is allowed.

Nothing is measured by the largest value of a program: what is wrong in one small element shows, whatever stands beside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...programs.leafdata import EPS
from .divergence import Place

ULPS = 8.0
SCALE_ULPS = 16.0
SPREAD = 8.0
Allowance = dict[Place, np.ndarray]


@dataclass(slots=True)
class Closeness:
    """Judges pairs of arrays, and remembers the largest share of the allowed error that was used."""

    ulps: float = ULPS
    headroom: float = 0.0
    allowance: Allowance = field(default_factory=dict)
    free: frozenset[Place] = frozenset()
    """Places whose values are not unique."""
    element: int = 0
    """The place of the element that was worst in the last pair that differed."""

    def error(self, mine: np.ndarray, reference: np.ndarray, dtype: str, place: Place) -> tuple[float, float] | None:
        """None when close enough, else (absolute error, error in units of the allowed one), at the worst element."""
        if place in self.free or mine.tobytes() == reference.tobytes():
            return None
        eps = EPS.get(dtype)
        if eps is None:
            # Integers and booleans are equal or not; -0.0 and 0.0 can't occur here.
            if np.array_equal(mine, reference):
                return None
            self.element = int(np.argmax(mine != reference))
            return float("inf"), float("inf")
        with np.errstate(all="ignore"):
            return self._error(_parts(mine), _parts(reference), eps, dtype, place)

    def allowed(self, array: np.ndarray, dtype: str, place: Place) -> np.ndarray:
        """How far rounding may move each element of a value (of a complex one: each part) at a place of a trace."""
        return self._allowed(np.abs(_parts(array)), EPS.get(dtype, 0.0), dtype, place)

    def _allowed(self, scale: np.ndarray, eps: float, dtype: str, place: Place) -> np.ndarray:
        if dtype in ("complex64", "complex128"):
            # The parts of a complex result share one rounding scale: its modulus.
            modulus = np.broadcast_to(np.hypot(scale[..., :1], scale[..., 1:]), scale.shape)
            # The finite part of an infinity has no modulus to be measured by but its own size.
            scale = np.where(np.isfinite(modulus), modulus, scale)
        allowed = self.ulps * eps * scale + _tiny(dtype)
        extra = self.allowance.get(place)
        return allowed if extra is None else np.maximum(allowed, extra.reshape(allowed.shape))

    def _error(
        self, mine: np.ndarray, reference: np.ndarray, eps: float, dtype: str, place: Place
    ) -> tuple[float, float] | None:
        if mine.size == 0:
            return None
        difference = np.abs(mine - reference)
        allowed = self._allowed(np.maximum(np.abs(mine), np.abs(reference)), eps, dtype, place)
        share = difference / allowed
        if (top := float(share.max())) <= 1:
            # The common case; a NaN or an infinity on either side makes it none.
            self.headroom = max(self.headroom, top)
            return None
        same = (mine == reference) | (np.isnan(mine) & np.isnan(reference))
        if dtype in ("complex64", "complex128"):
            same |= _unspecified_parts(mine, reference)
        share = np.where(same, 0.0, share)
        share = np.where(np.isfinite(mine) & np.isfinite(reference) | same, share, np.inf)
        worst = int(np.argmax(share))
        top = float(share.reshape(-1)[worst])
        if top <= 1:
            self.headroom = max(self.headroom, top)
            return None
        self.element = worst // 2 if dtype in ("complex64", "complex128") else worst
        return float(difference.reshape(-1)[worst]), top


def _unspecified_parts(mine: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where a NaN part says nothing: C99 (annex G.3) counts a value with one infinite part as an infinity, whatever the
    other part, and one with a NaN and no infinite part as a NaN. Two infinities, or two NaNs, are told apart by parts
    that are NaN on neither side only."""
    infinite = [np.isinf(parts).any(-1) for parts in (mine, reference)]
    lost = [np.isnan(parts).any(-1) for parts in (mine, reference)]
    alike = (infinite[0] & infinite[1]) | (lost[0] & lost[1] & ~infinite[0] & ~infinite[1])
    return alike[..., None] & (np.isnan(mine) | np.isnan(reference))


def _parts(array: np.ndarray) -> np.ndarray:
    """Float64 values; a complex element becomes a last dimension of two."""
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], -1).astype(np.float64)
    return array.astype(np.float64)


def _tiny(dtype: str) -> float:
    """Below the normal range, rounding is absolute (and engines may flush to zero)."""
    return {"float16": 6e-8, "bfloat16": 1e-38, "float32": 1.2e-38, "complex64": 1.2e-38}.get(dtype, 2.3e-308)


def spread(reference: np.ndarray, runs: list[np.ndarray], most: float = np.inf) -> np.ndarray:
    """The allowance from noisy runs: a multiple of how far each element moved, and no more than ``most``."""
    base = _parts(reference)
    moved = np.zeros(base.shape)
    with np.errstate(all="ignore"):
        for run in runs:
            if run.shape == reference.shape and run.dtype == reference.dtype:
                moved = np.fmax(moved, np.abs(_parts(run) - base))
    return np.minimum(SPREAD * _shared(moved, reference), most)


def _shared(sizes: np.ndarray, array: np.ndarray) -> np.ndarray:
    """The sizes of errors of an array's parts: those of a complex number share one, since a product mixes them."""
    return np.broadcast_to(sizes.max(-1, keepdims=True), sizes.shape) if array.dtype.kind == "c" else sizes


def largest(array: np.ndarray) -> float:
    """The largest finite absolute value."""
    sizes = np.abs(_parts(array))
    return float(np.max(sizes, initial=0, where=np.isfinite(sizes)))


def scaled(reference: np.ndarray, absolute: np.ndarray, dtype: str) -> np.ndarray:
    """The allowance from the same contraction on absolute values, element by element."""
    base = _parts(reference)
    if absolute.shape != reference.shape:
        return np.zeros(base.shape)
    return SCALE_ULPS * EPS.get(dtype, 0.0) * _shared(np.abs(_parts(absolute)), reference)
