"""Timings as plots: time against size, the ratios to the floor and to the reference, and what an operator costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .pictures import DARK, HEIGHT, LIGHT, WIDTH, Fill, Palette, Plot, legend, logarithmic, look, ordered, picture
from .timings import FLOOR, REFERENCE, Ratio, Timing, Timings, ratio, spell_seconds

HEADER = ("engine", "size", "median", "quartiles", "an operator", f"× {FLOOR}", f"× {REFERENCE}", "rounds")
NOTE = "time of a round, median and quartiles"


def draw(timings: Timings) -> list[Plot]:
    """What an operator costs, then a plot for each work."""
    works = timings.works()
    return [*_overhead(works), *(_plot(work, given) for work, given in works.items())]


def _overhead(works: dict[str, list[Timing]]) -> list[Plot]:
    """Time an operator on the smallest size: what calling, recording and going back cost beside the arithmetic."""
    smallest = [
        timing
        for given in works.values()
        for timing in given
        if timing.operators and timing.size == min(t.size or 0 for t in given)
    ]
    if not smallest:
        return []
    table = [_line(timing, works[timing.work], timing.work) for timing in smallest]
    alt = "Time an operator: " + "; ".join(f"{t.work} on {t.engine} {spell_seconds(t.each or 0)}" for t in smallest)
    names = list(dict.fromkeys(timing.work for timing in smallest))
    height = 70 + 26 * len(smallest)

    def fill(axes: Any, palette: Palette) -> None:
        _dots(axes[0], names, smallest, palette)

    light, dark = (picture(fill, palette, 1, height) for palette in (LIGHT, DARK))
    note = "forward and backward, by the number of operators, on the smallest size"
    return [Plot("An operator", note, alt, light, dark, WIDTH, height, ("work", *HEADER), table)]


def _dots(axis: Any, names: Sequence[str], given: list[Timing], palette: Palette) -> None:
    engines = ordered(timing.engine for timing in given)
    for index, engine in enumerate(engines):
        mine = [timing for timing in given if timing.engine == engine]
        lines = [names.index(t.work) + 0.5 * (index / max(len(engines) - 1, 1) - 0.5) for t in mine]
        spread = [[(t.median - t.low) / t.operators for t in mine], [(t.high - t.median) / t.operators for t in mine]]
        style = {**look(engine, engines), "linestyle": "none", "linewidth": 1}
        axis.errorbar([t.each for t in mine], lines, xerr=spread, label=engine, **style)
    axis.set_yticks(range(len(names)), names)
    axis.set(xscale="log", ylim=(len(names) - 0.5, -0.5), xlabel="time an operator")
    costs = [t.each or 0.0 for t in given]
    logarithmic(axis.xaxis, min(costs), max(costs), spell_seconds)
    legend(axis, palette)


def _plot(work: str, given: list[Timing]) -> Plot:
    engines = ordered(timing.engine for timing in given)
    table = [_line(timing, given) for timing in given]
    alt = f"{work}: " + "; ".join(f"{line[0]} {line[1]} {line[2]}".replace("  ", " ") for line in table[:40])
    sized = len({timing.size for timing in given} - {None}) > 1
    to = [name for name in (FLOOR, REFERENCE) if name in engines and len(engines) > 1]
    height = HEIGHT if sized else 90 + 24 * len(engines)
    fill = _lines(given, engines, to) if sized else _points(given, engines, to)
    light, dark = (picture(fill, palette, 1 + len(to), height) for palette in (LIGHT, DARK))
    return Plot(work, NOTE, alt, light, dark, WIDTH, height, HEADER, table)


def _line(timing: Timing, given: list[Timing], *before: str) -> list[str]:
    ratios = [ratio(timing, to, given) for to in (FLOOR, REFERENCE)]
    return [
        *before,
        timing.engine,
        "" if timing.size is None else f"{timing.size:,.0f}",
        spell_seconds(timing.median),
        f"{spell_seconds(timing.low)} to {spell_seconds(timing.high)}",
        "" if timing.each is None else spell_seconds(timing.each),
        *("" if value is None else f"{value.median:.2f}" for value in ratios),
        str(timing.rounds),
    ]


def _lines(given: list[Timing], engines: list[str], to: list[str]) -> Fill:
    """Time against size, and each ratio against size, an engine a line."""

    def fill(axes: Any, palette: Palette) -> None:
        for engine in engines:
            mine = sorted((t for t in given if t.engine == engine and t.size), key=lambda t: t.size or 0)
            style = {**look(engine, engines), "linewidth": 1.6}
            _line_with_spread(axes[0], [(t.size, t.median, t.low, t.high) for t in mine], style, engine)
            for axis, name in zip(axes[1:], to, strict=True):
                ratios = [(t.size, ratio(t, name, given)) for t in mine]
                _line_with_spread(axis, [(n, r.median, r.low, r.high) for n, r in ratios if r], style, engine)
        for axis, name in zip(axes[1:], to, strict=True):
            axis.set(xscale="log", yscale="log", xlabel="size", ylabel=f"time ÷ {name}'s")
            axis.axhline(1.0, color=palette["muted"], linewidth=1, linestyle=":")
        axes[0].set(xscale="log", yscale="log", xlabel="size", ylabel="time")
        _ticks(axes, sorted({t.size for t in given if t.size}))
        legend(axes[-1], palette)

    return fill


def _ticks(axes: Any, sizes: Sequence[float]) -> None:
    """The sizes themselves below; round times and ratios on the left."""
    for number, axis in enumerate(axes):
        axis.set_xticks(sizes, [_short(size) for size in sizes])
        axis.set_xticks([], minor=True)
        low, high = axis.get_ylim()
        logarithmic(axis.yaxis, low, high, (lambda value: f"{value:g}") if number else spell_seconds)


def _short(size: float) -> str:
    for name, scale in (("M", 1e6), ("k", 1e3)):
        if size >= scale:
            return f"{size / scale:g} {name}"
    return f"{size:g}"


def _line_with_spread(axis: Any, spans: list[Any], style: dict[str, Any], label: str) -> None:
    columns: list[Any] = list(zip(*spans, strict=True)) or [()] * 4
    sizes, medians, lows, highs = columns
    axis.plot(sizes, medians, label=label, **style)
    axis.fill_between(sizes, lows, highs, color=style["color"], alpha=0.18, linewidth=0)


def _points(given: list[Timing], engines: list[str], to: list[str]) -> Fill:
    """One size: a point an engine, with its quartiles."""
    by_engine = {timing.engine: timing for timing in given}

    def fill(axes: Any, palette: Palette) -> None:
        panels = [[(engine, by_engine[engine]) for engine in engines]]
        panels += [[(e, found) for e in engines if (found := _ratio(by_engine[e], name, given))] for name in to]
        for axis, points in zip(axes, panels, strict=True):
            for engine, point in points:
                style = {**look(engine, engines), "linestyle": "none", "linewidth": 1}
                axis.errorbar(point.median, engines.index(engine), xerr=_spread(point), **style)
            axis.set_yticks(range(len(engines)), engines if axis is axes[0] else [])
            axis.set(xscale="log", ylim=(len(engines) - 0.5, -0.5))
            spell = spell_seconds if axis is axes[0] else "{:g}".format
            low, high = axis.get_xlim()
            logarithmic(axis.xaxis, low, high, spell)
        axes[0].set(xlabel="time")
        for axis, name in zip(axes[1:], to, strict=True):
            axis.axvline(1.0, color=palette["muted"], linewidth=1, linestyle=":")
            axis.set(xlabel=f"time ÷ {name}'s")

    return fill


def _ratio(timing: Timing, to: str, given: list[Timing]) -> Ratio | None:
    """The ratio to an engine: its own to itself is 1."""
    return Ratio(1.0, 1.0, 1.0) if timing.engine == to else ratio(timing, to, given)


def _spread(of: Timing | Ratio) -> list[list[float]]:
    return [[max(of.median - of.low, 0.0)], [max(of.high - of.median, 0.0)]]
