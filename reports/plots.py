"""Timings as plots: SVG pictures, light and dark, each with the table of its numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .timings import FLOOR, REFERENCE, Timing, Timings, ratio, spell_seconds

WIDTH, HEIGHT = 1040, 340
HEADER = ("engine", "size", "median", "quartiles", f"× {FLOOR}", f"× {REFERENCE}", "rounds")
_LIGHT = {"ink": "#1c2127", "muted": "#59626e", "line": "#d9dce1"}
_DARK = {"ink": "#e4e7eb", "muted": "#9ba6b2", "line": "#323a44"}
# Okabe and Ito's colours, told apart by nearly everyone; markers tell the engines apart without colour.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a", "#b8a200")
_MARKERS = "os^Dvp*X"


@dataclass(frozen=True, slots=True)
class Plot:
    """One work: two pictures as data addresses, and the numbers behind them."""

    title: str
    note: str
    alt: str
    light: str
    dark: str
    width: int
    height: int
    header: Sequence[str]
    table: list[list[str]]


def draw(timings: Timings) -> list[Plot]:
    """A plot for each work."""
    return [_plot(work, given) for work, given in timings.works().items()]


def _plot(work: str, given: list[Timing]) -> Plot:
    engines = list(dict.fromkeys(timing.engine for timing in given))
    table = [_line(timing, given) for timing in given]
    alt = f"{work}: " + "; ".join(f"{line[0]} {line[1]} {line[2]}".replace("  ", " ") for line in table[:40])
    light, dark = (_picture(given, engines, palette) for palette in (_LIGHT, _DARK))
    note = "time of a round, median and quartiles"
    return Plot(work, note, alt, light, dark, WIDTH, HEIGHT, HEADER, table)


def _line(timing: Timing, given: list[Timing]) -> list[str]:
    ratios = [ratio(timing, to, given) for to in (FLOOR, REFERENCE)]
    return [
        timing.engine,
        "" if timing.size is None else f"{timing.size:,.0f}",
        spell_seconds(timing.median),
        f"{spell_seconds(timing.low)} to {spell_seconds(timing.high)}",
        *("" if value is None else f"{value:.2f}" for value in ratios),
        str(timing.rounds),
    ]


def _picture(given: list[Timing], engines: list[str], palette: dict[str, str]) -> str:
    # As Any: matplotlib's own types are partly unknown. Imported here: a page without plots needn't wait for it.
    matplotlib: Any = import_module("matplotlib")
    draw_svg: Any = import_module("matplotlib.backends.backend_svg").FigureCanvasSVG
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "refgrad", "font.family": "sans-serif", "font.size": 10}
    with matplotlib.rc_context(settings):
        figure: Any = import_module("matplotlib.figure").Figure(
            figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, layout="constrained"
        )
        figure.patch.set_alpha(0)
        axes = figure.subplots(1, 2)
        sizes = {timing.size for timing in given}
        fill = _lines if len(sizes - {None}) > 1 else _bars
        fill(axes, given, engines, palette)
        for axis in axes:
            _style(axis, palette)
        out = io.BytesIO()
        draw_svg(figure).print_svg(out, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


def _lines(axes: Any, given: list[Timing], engines: list[str], palette: dict[str, str]) -> None:
    """Time against size and ratio to the reference against size, an engine a line."""
    time_axis, ratio_axis = axes
    for number, engine in enumerate(engines):
        mine = sorted((t for t in given if t.engine == engine and t.size), key=lambda t: t.size or 0)
        look = {"color": _COLOURS[number % 8], "marker": _MARKERS[number % 8], "markersize": 5, "linewidth": 1.6}
        sizes = [t.size for t in mine]
        time_axis.plot(sizes, [t.median for t in mine], label=engine, **look)
        time_axis.fill_between(sizes, [t.low for t in mine], [t.high for t in mine], color=look["color"], alpha=0.18)
        ratios = [(t.size, ratio(t, REFERENCE, given)) for t in mine]
        known = [(size, value) for size, value in ratios if value is not None]
        ratio_axis.plot([size for size, _ in known], [value for _, value in known], **look)
    time_axis.set(xscale="log", yscale="log", xlabel="elements", ylabel="seconds")
    ratio_axis.set(xscale="log", xlabel="elements", ylabel=f"time ÷ {REFERENCE}'s")
    ratio_axis.axhline(1.0, color=palette["muted"], linewidth=1, linestyle=":")
    time_axis.legend(frameon=False, labelcolor=palette["ink"], fontsize=9)


def _bars(axes: Any, given: list[Timing], engines: list[str], palette: dict[str, str]) -> None:
    """One size: a bar an engine."""
    time_axis, ratio_axis = axes
    for number, engine in enumerate(engines):
        timing = next(t for t in given if t.engine == engine)
        spread = [[timing.median - min(timing.low, timing.median)], [max(timing.high, timing.median) - timing.median]]
        time_axis.barh(engine, timing.median, xerr=spread, color=_COLOURS[number % 8], ecolor=palette["muted"])
        value = ratio(timing, REFERENCE, given)
        if value is not None:
            ratio_axis.barh(engine, value, color=_COLOURS[number % 8])
    ratio_axis.axvline(1.0, color=palette["muted"], linewidth=1, linestyle=":")
    time_axis.set(xlabel="seconds")
    ratio_axis.set(xlabel=f"time ÷ {REFERENCE}'s")


def _style(axis: Any, palette: dict[str, str]) -> None:
    axis.patch.set_alpha(0)
    axis.grid(True, color=palette["line"], linewidth=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(colors=palette["muted"], which="both")
    for spine in axis.spines.values():
        spine.set_color(palette["line"])
    axis.xaxis.label.set_color(palette["ink"])
    axis.yaxis.label.set_color(palette["ink"])
