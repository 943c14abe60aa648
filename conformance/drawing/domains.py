"""Domains: which numbers an operand may hold, as small tables of round values in order of simplicity.

Most leaves hold values of the table alone (multiples of 1/4 or 1/8: sums and products of them are exact). One leaf
in eight is moved off the grid by 1/48 … 7/48 an element, which keeps every domain and never lands on a grid point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..programs.leafdata import DTYPES, is_complex, is_differentiable
from ..programs.program import Pattern
from .source import Source

LITERAL_LIMIT = 144
HUGE = 65536
_TABLE = 64


@dataclass(frozen=True, slots=True)
class Domain:
    """``values`` by simplicity; [low, high] is where large leaves draw; ``distinct`` forbids ties."""

    name: str
    values: tuple[float, ...]
    low: float
    high: float
    distinct: bool = False
    jitter: bool = True

    def __hash__(self) -> int:
        # Some have thousands of values, and every draw looks a table up.
        return hash(self.name)


def _by_simplicity(values: list[float]) -> tuple[float, ...]:
    return tuple(sorted(values, key=lambda v: (not float(v).is_integer(), abs(v), v < 0)))


_QUARTERS = [k / 4 for k in range(-16, 17)]
REAL = Domain("real", (1.0, 2.0, *_by_simplicity([v for v in _QUARTERS if v not in (1.0, 2.0)])), -4, 4)
NONZERO = Domain("nonzero", _by_simplicity([v for v in _QUARTERS if v and v != -0.25]), 0.25, 4)
POSITIVE = Domain("positive", _by_simplicity([v for v in _QUARTERS if v > 0]), 0.25, 4)
UNIT = Domain("unit", _by_simplicity([k / 8 for k in range(-7, 7) if k not in (0, -1)]), -0.875, 0.875)
FRACTION = Domain("fraction", _by_simplicity([k / 16 for k in range(2, 14)]), 0.125, 0.8125)
ABOVE_ONE = Domain("above-one", _by_simplicity([1 + k / 4 for k in range(1, 13)]), 1.25, 4)
OFF_GRID = Domain("off-grid", tuple(v + 0.125 for v in _by_simplicity(_QUARTERS)), -3.9, 4.1, jitter=False)
"""Away from every multiple of 1/4: for operators with kinks or jumps at such points."""
DISTINCT = Domain("distinct", (), -8, 8, distinct=True, jitter=False)
"""No two elements closer than 1/4 (small leaves): for order statistics."""
ANY_INTEGER = Domain("integer", (1.0, 2.0, 0.0, 3.0, -1.0, -2.0, 4.0, 5.0, -3.0), -5, 5, jitter=False)
CONDITION = Domain("condition", (1.0, 0.0), 0, 1, jitter=False)
"""Truth values and masks."""


def special(*points: float) -> Domain:
    """The points themselves, often, among round numbers: kinks, ties, zeros, infinities, NaN."""
    low, high = (1.0, 2.0)
    return Domain(f"special{points!r}", (*points, *points, low, high, -low, 0.5), -low, high, jitter=False)


@cache
def table(domain: Domain, dtype: str) -> np.ndarray:
    """64 values of a domain in a dtype, simplest first."""
    values = domain.values
    if dtype in ("uint8", "bool"):
        values = tuple(abs(v) for v in values)
    cycled = np.array([values[i % len(values)] for i in range(_TABLE)])
    if is_complex(dtype):
        # A fixed walk that comes by all pairs of a few; no part is 0 unless the domain is about special points.
        parts = NONZERO.values if domain.jitter else values
        imaginary = np.array([parts[(7 * i + 3 + i // len(values)) % len(parts)] for i in range(_TABLE)])
        return (cycled + 1j * imaginary).astype(DTYPES[dtype])
    with np.errstate(invalid="ignore"):
        return cycled.astype(DTYPES[dtype])


def draw_data(source: Source, domain: Domain, dtype: str, shape: tuple[int, ...]) -> bytes | Pattern:
    """Leaf data: literal bytes up to 144 elements (every shape of the menus), a seeded pattern beyond."""
    count = math.prod(shape)
    if count > LITERAL_LIMIT:
        kind = "distinct" if domain.distinct else ("dyadic", "uniform")[source.choose(2)]
        is_off_grid = domain.name in ("unit", "fraction", "off-grid")
        if count >= HUGE and not domain.distinct:
            # So many random numbers would meet every ill-conditioned point.
            kind = "eighths" if is_off_grid else "dyadic"
        elif is_off_grid and kind == "dyadic":
            kind = "uniform"
        if domain.name == "signs":
            kind = "ends"
        return Pattern(kind, source.choose(1 << 16), float(domain.low), float(domain.high))
    if domain.distinct:
        return _draw_distinct(source, dtype, count)
    values = table(domain, dtype)[source.indices(count, _TABLE)]
    if domain.jitter and is_differentiable(dtype) and source.choose(8) == 7:
        moved = (source.indices(count, 8) % 7 + 1) / 48
        values = (values + moved).astype(DTYPES[dtype])
    return values.tobytes()


def _draw_distinct(source: Source, dtype: str, count: int) -> bytes:
    keys = source.indices(count, 256)
    rank = np.empty(count)
    rank[np.argsort(keys, kind="stable")] = np.arange(count)
    step = 0.5 if is_differentiable(dtype) else 1
    values = (rank - count // 2) * step + (0.25 if is_differentiable(dtype) else 0)
    return values.astype(DTYPES[dtype]).tobytes()
