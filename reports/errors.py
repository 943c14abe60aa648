"""The accuracy of operators as plots: units in the last place, an operator a line, engines overlaid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .pictures import DARK, LIGHT, WIDTH, Palette, Plot, legend, logarithmic, look, ordered, picture
from .untrusted import Record, entries, number, tame, text

HEADER = ("operator", "engine", "largest", "mean", "at", "points")
BAR = 4.0
SMALLEST, LARGEST = 0.01, 1e6
# Beyond a million units nothing is right: how far beyond would only squeeze the rest of the plot.
LINE_HEIGHT, FRAME_HEIGHT = 17, 70


@dataclass(frozen=True, slots=True)
class Error:
    """An engine's error on one operator, in units in the last place; ``order`` 0 its value, 1 its derivative."""

    operator: str
    order: int
    dtype: str
    engine: str
    largest: float
    mean: float
    at: float
    points: int


def read(raw: Iterable[object]) -> list[Error]:
    """The measurements that ``refgrad accuracy`` writes, a JSON object a line. What is none is left out."""
    return [error for line in raw for error in _error(entries(tame(line)))]


def _error(line: Record) -> list[Error]:
    largest, mean, points = (number(line, key) for key in ("max_ulps", "mean_ulps", "points"))
    operator, engine = text(line, "operator"), text(line, "engine")
    if not (operator and engine and points) or largest is None or mean is None or largest < 0:
        return []
    order, at = int(number(line, "order") or 0), number(line, "at") or 0.0
    return [Error(operator, order, text(line, "dtype"), engine, largest, mean, at, int(points))]


def draw(errors: list[Error]) -> list[Plot]:
    """A plot for the values and one for the derivatives of each dtype."""
    groups: dict[tuple[str, int], list[Error]] = {}
    for error in errors:
        groups.setdefault((error.dtype, error.order), []).append(error)
    return [_plot(dtype, order, given) for (dtype, order), given in sorted(groups.items())]


def _plot(dtype: str, order: int, given: list[Error]) -> Plot:
    names = sorted({error.operator for error in given})
    table = [_line(error) for error in sorted(given, key=lambda e: (e.operator, e.engine))]
    worst = sorted(given, key=lambda e: -e.largest)[:5]
    title = f"{'derivatives' if order else 'values'} in {dtype}"
    alt = f"{title}; the largest errors: " + "; ".join(f"{e.operator} on {e.engine} {e.largest:.3g}" for e in worst)
    height = FRAME_HEIGHT + LINE_HEIGHT * len(names)

    def fill(axes: Any, palette: Palette) -> None:
        _dots(axes[0], names, given, palette)

    light, dark = (picture(fill, palette, 1, height) for palette in (LIGHT, DARK))
    note = "largest error (filled) and mean error (hollow), in units in the last place"
    return Plot(title, note, alt, light, dark, WIDTH, height, HEADER, table)


def _line(error: Error) -> list[str]:
    spelled = (f"{error.largest:.3g}", f"{error.mean:.3g}", f"{error.at:.9g}", f"{error.points:,}")
    return [error.operator, error.engine, *spelled]


def _dots(axis: Any, names: list[str], given: list[Error], palette: Palette) -> None:
    engines = ordered(error.engine for error in given)
    for index, engine in enumerate(engines):
        mine = [error for error in given if error.engine == engine]
        # Engines stand a little apart, so that equal errors don't hide each other.
        lines = [names.index(error.operator) + 0.3 * (index - (len(engines) - 1) / 2) for error in mine]
        style = {**look(engine, engines), "linestyle": "none"}
        axis.plot([_shown(e.largest) for e in mine], lines, label=engine, **style)
        axis.plot([_shown(e.mean) for e in mine], lines, fillstyle="none", **style)
    axis.axvline(BAR, color=palette["muted"], linewidth=1, linestyle=":")
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set(xscale="log", ylim=(len(names) - 0.4, -0.6), xlabel=f"units in the last place (dotted: {BAR:g})")
    shown = [_shown(size) for e in given for size in (e.largest, e.mean)]
    logarithmic(axis.xaxis, min(shown), max(shown), lambda size: "≥ 10⁶" if size >= LARGEST else f"{size:g}")
    legend(axis, palette)


def _shown(units: float) -> float:
    return min(max(units, SMALLEST), LARGEST)
