"""What all plots share: two SVG pictures, light and dark, each plot with the table of its numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

WIDTH, HEIGHT = 1040, 340
Palette = dict[str, str]
Fill = Callable[[Any, Palette], None]
LIGHT: Palette = {"ink": "#1c2127", "muted": "#59626e", "line": "#d9dce1"}
DARK: Palette = {"ink": "#e4e7eb", "muted": "#9ba6b2", "line": "#323a44"}
# Okabe and Ito's colours, told apart by nearly everyone; markers tell the engines apart without colour.
_COLOURS = ("#8a8a8a", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a200", "#7a5195")
_MARKERS = "|os^Dvp*X"
# An engine has one look in every plot of a page, and on every page.
_FAMILIAR = ("numpy", "refgrad", "torch", "autograd", "jax", "jax jit", "mygrad", "tinygrad", "mlx")


@dataclass(frozen=True, slots=True)
class Plot:
    """Two pictures as data addresses, and the numbers behind them."""

    title: str
    note: str
    alt: str
    light: str
    dark: str
    width: int
    height: int
    header: Sequence[str]
    table: list[list[str]]


def ordered(engines: Iterable[str]) -> list[str]:
    """Each engine once, the familiar ones first."""
    once = list(dict.fromkeys(engines))
    return [name for name in _FAMILIAR if name in once] + [name for name in once if name not in _FAMILIAR]


def look(engine: str, engines: Sequence[str]) -> dict[str, Any]:
    """Colour and marker of an engine among those of a plot."""
    strangers = [name for name in engines if name not in _FAMILIAR]
    index = _FAMILIAR.index(engine) if engine in _FAMILIAR else len(_FAMILIAR) + strangers.index(engine)
    return {"color": _COLOURS[index % len(_COLOURS)], "marker": _MARKERS[index % len(_MARKERS)], "markersize": 5.5}


def logarithmic(axis: Any, low: float, high: float, spell: Callable[[float], str]) -> None:
    """Ticks of an x or y axis on a logarithmic scale: 1, 2, 5 where the range is small, else the decades."""
    ticker: Any = import_module("matplotlib.ticker")
    few = high < 300 * low
    axis.set_major_locator(ticker.LogLocator(10, (1, 2, 5) if few else (1,), numticks=8))
    axis.set_major_formatter(ticker.FuncFormatter(_spelled(spell)))
    axis.set_minor_formatter(ticker.NullFormatter())


def _spelled(spell: Callable[[float], str]) -> Callable[[float, object], str]:
    def spelled(value: float, position: object) -> str:
        return spell(value)

    return spelled


def legend(axis: Any, palette: Palette) -> None:
    """The names of the lines, outside on the right, where they hide nothing."""
    axis.legend(frameon=False, labelcolor=palette["ink"], fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))


def picture(fill: Fill, palette: Palette, panels: int, height: int = HEIGHT) -> str:
    """An SVG picture as a data address: ``fill`` draws into the panels' axes, which stand side by side."""
    # As Any: matplotlib's own types are partly unknown. Imported here: a page without plots needn't wait for it.
    matplotlib: Any = import_module("matplotlib")
    draw_svg: Any = import_module("matplotlib.backends.backend_svg").FigureCanvasSVG
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "refgrad", "font.family": "sans-serif", "font.size": 10}
    with matplotlib.rc_context(settings):
        figure: Any = import_module("matplotlib.figure").Figure(
            figsize=(WIDTH / 100, height / 100), dpi=100, layout="constrained"
        )
        figure.patch.set_alpha(0)
        axes = figure.subplots(1, panels, squeeze=False)[0]
        fill(axes, palette)
        for axis in axes:
            _style(axis, palette)
        out = io.BytesIO()
        draw_svg(figure).print_svg(out, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


def _style(axis: Any, palette: dict[str, str]) -> None:
    axis.patch.set_alpha(0)
    axis.grid(True, color=palette["line"], linewidth=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(colors=palette["muted"], which="both")
    for spine in axis.spines.values():
        spine.set_color(palette["line"])
    axis.xaxis.label.set_color(palette["ink"])
    axis.yaxis.label.set_color(palette["ink"])
