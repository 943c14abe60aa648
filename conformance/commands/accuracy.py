"""The accuracy of pointwise functions: how many units in the last place their values and derivatives are off.

For each operator of one tensor that has a definition in high precision, on a stated grid of exact arguments: 1 + 1/8
powers of two of both signs from 2⁻²⁰ to 2²⁰ inside the domain, and evenly spaced ones between its ends. The value and
the derivative (a backward pass of ones) are compared with mpmath's, as real numbers; a unit is the spacing of the dtype
at the true value. What overflows or has no finite value counts as no point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import mpmath
import numpy as np

from ..backends import load
from ..catalogue import Operator, operators
from ..drawing.build import Builder
from ..drawing.domains import REAL, Domain
from ..drawing.source import Stream
from ..judging.references import DIGITS, REFERENCES
from ..programs.leafdata import DTYPES

EVEN, OCTAVES, PER_OCTAVE = 96, 20, 4
DTYPES_MEASURED = ("float32", "float64")
FAMILIES = ("pointwise", "special", "activation")
MOST_ULPS = 4.0
TAIL_DIGITS = 400
"""Digits for what is as small beside 1 as the smallest numbers of a dtype are."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One engine's error on one function: ``order`` 0 its value, 1 its derivative; ``at`` the worst argument."""

    operator: str
    order: int
    dtype: str
    engine: str
    points: int
    max_ulps: float
    mean_ulps: float
    at: float

    def record(self) -> dict[str, Any]:
        """A line of a results file."""
        return {"type": "accuracy", **asdict(self)}


def measured_operators() -> list[Operator]:
    """The operators of one tensor that are smooth and have a definition in high precision."""
    return [
        line
        for line in operators().values()
        if line.family in FAMILIES and line.differentiable and not line.jumps and line.name in REFERENCES
        and _takes_one_tensor(line)
    ]  # fmt: skip


def _takes_one_tensor(line: Operator) -> bool:
    args, _, _ = _simplest(line)
    return len(args) == 1


def _simplest(line: Operator) -> tuple[tuple[Any, ...], dict[str, Any], Domain]:
    """The simplest arguments and keywords of a line, and the domain of the first operand."""
    b = Builder(Stream(0), "float64")
    args, attrs = line.strategy.draw(b)
    return args, attrs, b.values[0].domain or REAL


def grid(line: Operator, dtype: str) -> np.ndarray:
    """The arguments: exact in the dtype, inside the operator's domain."""
    domain = _simplest(line)[2]
    low, high = domain.low, domain.high
    exponents = np.arange(-OCTAVES * PER_OCTAVE, OCTAVES * PER_OCTAVE + 1) / PER_OCTAVE
    sizes = 1.125 * 2.0**exponents
    wide = np.concatenate([-sizes, sizes]) if low < 0 else sizes
    bounded = domain.name in ("unit", "fraction")
    wide = wide[(wide >= low) & (wide <= high)] if bounded or low >= 1 else wide
    return np.unique(np.concatenate([wide, np.linspace(low, high, EVEN + 1)[1:-1]]).astype(DTYPES[dtype]))


def truths(line: Operator, points: np.ndarray) -> tuple[list[Any], list[Any]]:
    """Values and derivatives in high precision; None where there is none."""
    function, attrs = REFERENCES[line.name], _simplest(line)[1]

    def at(x: Any) -> Any:
        return function(np.asarray(x, dtype=object), **attrs).item()

    with mpmath.workdps(DIGITS):
        numbers = [mpmath.mpf(float(x)) for x in points]
        return [_value(at, x) for x in numbers], [_slope(at, x) for x in numbers]


def _value(function: Any, x: Any) -> Any:
    """The value; with more digits where it may be what 1 and another number left of each other."""
    found = _known(function, x)
    if found is None or abs(found) > mpmath.mpf(10) ** -20:
        return found
    with mpmath.workdps(TAIL_DIGITS):
        return _known(function, x)


def _slope(function: Any, x: Any) -> Any:
    """The derivative; where it is lost beside the value, as in the upper tail of a distribution, with more digits."""
    found = _known(lambda x: mpmath.diff(function, x), x)
    value = _known(function, x)
    if found is None or value is None or abs(found) > mpmath.mpf(10) ** -20 * max(1, abs(value)):
        return found
    with mpmath.workdps(TAIL_DIGITS):
        return _known(lambda x: mpmath.diff(function, x), x)


def _known(function: Any, x: Any) -> Any:
    try:
        value = function(x)
    except (ValueError, ZeroDivisionError, ArithmeticError, TypeError, NotImplementedError):
        return None
    return value if isinstance(value, mpmath.mpf) and mpmath.isfinite(value) else None


def ulps(found: np.ndarray, true: list[Any], dtype: str) -> np.ndarray:
    """The errors in units in the last place; NaN where there is no finite number of the dtype to compare with."""
    out = np.full(found.shape, np.nan)
    kind, info = DTYPES[dtype], np.finfo(DTYPES[dtype])
    with mpmath.workdps(DIGITS):
        for k, value in enumerate(true):
            if value is None or abs(value) > info.max or not np.isfinite(found[k]):
                continue
            unit = float(np.spacing(kind.type(max(abs(float(value)), float(info.tiny)))))
            out[k] = float(abs(mpmath.mpf(float(found[k])) - value) / unit)
    return out


def computed(engine: Any, line: Operator, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An engine's values and derivatives."""
    x = engine.tensor(points.copy()).requires_grad_(True)
    y = engine.callable(line.name, line.plain_forms[0])(x, **_simplest(line)[1])
    y.sum().backward()
    return engine.array(y), engine.array(x.grad)


def measure(engines: Iterable[str], names: frozenset[str] | None = None) -> Iterator[Accuracy]:
    """Every operator (or the named ones) in both dtypes on each engine."""
    loaded = [(name, load(name)) for name in engines]
    for line in measured_operators():
        if names is not None and line.name not in names:
            continue
        for dtype in DTYPES_MEASURED:
            points = grid(line, dtype)
            true = truths(line, points)
            for name, engine in loaded:
                for order, found in enumerate(computed(engine, line, points)):
                    yield _summary(line.name, order, dtype, name, points, ulps(found, true[order], dtype))


def _summary(name: str, order: int, dtype: str, engine: str, points: np.ndarray, errors: np.ndarray) -> Accuracy:
    kept = ~np.isnan(errors)
    if not kept.any():
        return Accuracy(name, order, dtype, engine, 0, 0.0, 0.0, 0.0)
    worst = int(np.nanargmax(errors))
    largest, mean = float(errors[worst]), float(errors[kept].mean())
    return Accuracy(name, order, dtype, engine, int(kept.sum()), largest, mean, float(points[worst]))


def exceptions(found: Iterable[Accuracy], engine: str, other: str) -> Iterator[tuple[Accuracy, Accuracy]]:
    """Where an engine's largest error is above both the other's and the bar."""
    rows = {(row.operator, row.order, row.dtype, row.engine): row for row in found}
    for (name, order, dtype, who), row in rows.items():
        theirs = rows.get((name, order, dtype, other))
        if who == engine and theirs is not None and row.max_ulps > max(theirs.max_ulps, MOST_ULPS):
            yield row, theirs
