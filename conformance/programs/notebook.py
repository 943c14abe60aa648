"""How a Program and a Divergence show themselves in a notebook: the program's graph, what each engine gave."""

from __future__ import annotations

from html import escape
from typing import Any

from .. import sister
from .codec import encode_program

_STYLE = (
    "<style>.rg rect{fill:none;stroke:currentColor;stroke-opacity:.6}.rg text{font:12px monospace;fill:currentColor;"
    "text-anchor:middle}.rg .detail{font-size:10px}.rg .edge{fill:none;stroke:currentColor;stroke-opacity:.5}"
    ".rg .leaf rect{stroke:#0072b2}.rg .view rect{stroke-dasharray:4 3}.rg .inplace rect{stroke:#d55e00;stroke-width:2}"
    ".rg .edge.order{stroke-dasharray:2 4}</style>"
)


def program_html(program: Any) -> str:
    """The graph of a program; its length where it is too long for a picture."""
    picture = sister("reports.page").program_picture(encode_program(program))
    if picture is None:
        return f"<p>a program of {len(program.steps)} steps: too many to be read as a picture</p>"
    return f'{_STYLE}<div class="rg">{picture}</div>'


def divergence_html(found: Any) -> str:
    """What differs, and both observations."""
    rows = [(side, getattr(found, side)) for side in ("backend", "oracle")]
    cells = "".join(f"<tr><th>{side}</th><td><pre>{escape(str(seen))}</pre></td></tr>" for side, seen in rows)
    return f"<p><b>{escape(found.kind)}</b>: {escape(found.message)}</p><table>{cells}</table>"
