"""Timings as plots: time against size beside the ratio to the reference."""

from __future__ import annotations

from typing import Any

from .pictures import COLOURS, DARK, HEIGHT, LIGHT, MARKERS, WIDTH, Plot, picture
from .timings import FLOOR, REFERENCE, Timing, Timings, ratio, spell_seconds

HEADER = ("engine", "size", "median", "quartiles", f"× {FLOOR}", f"× {REFERENCE}", "rounds")


def draw(timings: Timings) -> list[Plot]:
    """A plot for each work."""
    return [_plot(work, given) for work, given in timings.works().items()]


def _plot(work: str, given: list[Timing]) -> Plot:
    engines = list(dict.fromkeys(timing.engine for timing in given))
    table = [_line(timing, given) for timing in given]
    alt = f"{work}: " + "; ".join(f"{line[0]} {line[1]} {line[2]}".replace("  ", " ") for line in table[:40])
    sizes = {timing.size for timing in given}
    fill = _lines if len(sizes - {None}) > 1 else _bars

    def both(axes: Any, palette: dict[str, str]) -> None:
        fill(axes, given, engines, palette)

    light, dark = (picture(both, palette, 2) for palette in (LIGHT, DARK))
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


def _lines(axes: Any, given: list[Timing], engines: list[str], palette: dict[str, str]) -> None:
    """Time against size and ratio to the reference against size, an engine a line."""
    time_axis, ratio_axis = axes
    for number, engine in enumerate(engines):
        mine = sorted((t for t in given if t.engine == engine and t.size), key=lambda t: t.size or 0)
        look = {"color": COLOURS[number % 8], "marker": MARKERS[number % 8], "markersize": 5, "linewidth": 1.6}
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
        time_axis.barh(engine, timing.median, xerr=spread, color=COLOURS[number % 8], ecolor=palette["muted"])
        value = ratio(timing, REFERENCE, given)
        if value is not None:
            ratio_axis.barh(engine, value, color=COLOURS[number % 8])
    ratio_axis.axvline(1.0, color=palette["muted"], linewidth=1, linestyle=":")
    time_axis.set(xlabel="seconds")
    ratio_axis.set(xlabel=f"time ÷ {REFERENCE}'s")
