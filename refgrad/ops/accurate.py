"""Kernels that keep their digits where the plain formula loses them: in deep tails, and beside roots."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from .._op import POINTWISE, op

EULER = 0.57721566490153286061
VANISHED = 1e3
ROOT = (0.0, 1 - EULER, *((-1) ** k * float(special.zetac(k)) / k for k in range(2, 32)))
"""lnΓ(2 + z), and lnΓ(1 + z) + ln(1 + z): (1 - γ)z + Σ (-1)ᵏ(ζ(k) - 1)zᵏ/k. The terms beyond are below rounding."""
FRACTION = 120
ERFC_STEP, ERFC_END = 1 / 32, 26.5
ERFC = np.array([math.erfc(k * ERFC_STEP) for k in range(int(ERFC_END / ERFC_STEP) + 1)])
_places, _weights = np.polynomial.legendre.leggauss(7)
GAUSS_LEGENDRE = ((_places + 1) / 2, _weights / 2)
"""Places and weights on the interval from 0 to 1."""
DEEP = {"f": 87.0, "d": 708.0}
LOWEST = 1.4616321449683623
LEAST = (
    -0.12148629053584961,
    0.0,
    *(float(special.polygamma(k - 1, LOWEST)) / math.factorial(k) for k in range(2, 26)),
)
"""lnΓ about its minimum, between the roots."""
BESIDE = ((1.0, 0.5, 1.2, ROOT), (LOWEST, 1.2, 1.72, LEAST), (2.0, 1.72, 2.5, ROOT))
"""Where lnΓ is small, and would be the difference of larger numbers: centre, from, to, and the series."""


def gauss(a: np.ndarray, share: float) -> np.ndarray:
    """exp(-share·a²). The square is split into an exact part and the rest: its rounding would be multiplied by a²."""
    if a.dtype.itemsize <= 4:
        # In float64 the square's rounding is below that of the result.
        short = a.astype(np.float64)
        return np.exp(np.multiply(short * short, -share, out=short), out=short).astype(a.dtype)
    wide = np.clip(np.asarray(a, np.float64), -VANISHED, VANISHED)
    head = wide.astype(np.float32).astype(np.float64)
    rest = (wide - head) * (wide + head)
    found = np.exp(-share * head * head)
    return (found + found * np.expm1(-share * rest)).astype(a.dtype, copy=False)


gauss_row = op(
    "gauss(self, *, share)", gauss, public=False, promote="float", jvp=POINTWISE,
    self=lambda g, F, self, out, share: g * (-2 * share * self * out),
)  # fmt: skip


def erfc(a: np.ndarray) -> np.ndarray:
    """1 - erf. In the upper half erfc at the next of many nodes, and the integral up to it: both are positive."""
    wide = np.asarray(a, np.float64)
    found = np.asarray(special.erfc(wide))
    if a.dtype == np.float64:
        upper = (wide > 0.5) & (wide < ERFC_END)
        x = wide[upper]
        index = np.ceil(x / ERFC_STEP)
        width = index * ERFC_STEP - x
        area = np.zeros_like(x)
        for node, weight in zip(*GAUSS_LEGENDRE):
            place = width * node
            area += weight * np.exp(-place * (2 * x + place))
        found[upper] = ERFC[index.astype(np.intp)] + gauss(x, 1.0) * area * width * (2 / math.sqrt(math.pi))
    return found


def sigmoid(a: np.ndarray) -> np.ndarray:
    """1/(1 + exp(-a)); exp(a) where the denominator is beyond the largest number."""
    if a.dtype.kind == "c":
        return 1 / (1 + np.exp(-a))
    found = special.expit(a)
    deep = a < -DEEP.get(a.dtype.char, np.inf)
    if not deep.any():
        return found
    return np.where(deep, np.exp(np.where(deep, a, 0)), found)


def lgamma(a: np.ndarray) -> np.ndarray:
    """log |Γ|, in relative terms also beside its roots 1 and 2."""
    found = np.asarray(special.gammaln(a))
    if a.dtype != np.float64:
        return found
    for centre, low, high, series in BESIDE:
        beside = (a >= low) & (a < high)
        if np.any(beside):
            z = a[beside] - centre
            total = np.polynomial.polynomial.polyval(z, series)
            found[beside] = total - np.log1p(z) if centre == 1 else total
    return found


def gammainc(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P(a, x), the share of Γ(a) below x. About x = 1 by its series, where the usual way is 1 - Q and loses digits."""
    found, beside = special.gammainc(a, x), np.asarray((a > 0) & (a <= 14) & (x > 0.5) & (x < 1.5))
    return np.where(beside, _series(beside, a, x), found).astype(found.dtype, copy=False)


def _series(beside: np.ndarray, a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """xᵃe⁻ˣ/Γ(a + 1)·Σ xᵏ/((a + 1)…(a + k)), 0 elsewhere; x < 1.5, so that 24 terms are all there is to it."""
    total = np.zeros(beside.shape)
    a, x = (np.broadcast_to(v, beside.shape)[beside].astype(np.float64) for v in (a, x))
    term = found = x**a * np.exp(-x) / special.gamma(a + 1)
    for k in range(1, 24):
        term = term * x / (a + k)
        found = found + term
    total[beside] = found
    return total


def gammaincc(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Γ(a, x)/Γ(a). Where neither the series nor 1 - γ(a, x)/Γ(a) keeps the digits, Legendre's continued fraction from
    its far end, which at x = 0.8 takes a hundred terms."""
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    lower = special.gammainc(a, x)
    found = np.where((x < 1) & (lower < 0.8), 1 - lower, special.gammaincc(a, x))
    tail = (a > 0) & (a < 10) & ((x >= np.maximum(1, a)) | ((x >= 0.8) & (x < 1) & (lower >= 0.8))) & (x <= 200)
    s, y = a[tail], x[tail]
    rest = np.zeros_like(y)
    for k in range(FRACTION, 0, -1):
        rest = k * (k - s) / (y + 2 * k + 1 - s - rest)
    found[tail] = np.power(y, s) * np.exp(-y) / special.gamma(s) / (y + 1 - s - rest)
    return found
