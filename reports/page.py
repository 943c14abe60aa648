"""The page: one self-contained HTML file that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from . import finding, graph, island, matrix, priorities, summary
from .column import SIGNS, Column, distinguish

STATIC_ROWS = 1_500
STATIC_FINDINGS = 40
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(slots=True)
class Extras:
    """Parts that are shown when they are given: plots, the proof table, the difference of two runs."""

    plots: Sequence[Any] = ()
    accuracy: Sequence[Any] = ()
    proof: Any = None
    difference: Any = None
    machine: str = ""


@dataclass(slots=True)
class _Parts:
    rows: list[tuple[int, matrix.Row]] = field(default_factory=list[tuple[int, matrix.Row]])
    left_out: int = 0


def write(columns: Sequence[Column], folder: Path, extras: Extras | None = None) -> Path:
    """Writes ``index.html`` into a folder and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(render(columns, extras), encoding="utf-8", newline="\n")
    return path


def render(columns: Sequence[Column], extras: Extras | None = None) -> str:
    """The page of one run, or of several side by side."""
    distinguish(columns)
    rows = matrix.build(columns)
    found = finding.collect(columns)
    environment = _environment()
    macro: Any = environment.get_template("finding.html.j2").module
    late = [_late(macro.show(item), item) for item in found[STATIC_FINDINGS:]]
    parts = _static_rows(rows)
    style, script = _source("style.css"), _source("page.js")
    return environment.get_template("page.html.j2").render(
        columns=columns,
        heads=[summary.head(column) for column in columns],
        profile_names=summary.profile_names(columns),
        profiles=[summary.profile_cells(column, summary.profile_names(columns)) for column in columns],
        causes=priorities.rank(columns),
        causes_shown=priorities.SHOWN,
        rows=parts.rows,
        left_out=parts.left_out,
        findings=found[:STATIC_FINDINGS],
        late=len(late),
        accounting=summary.accounting(columns),
        known=summary.known(columns),
        harness=summary.harness_errors(columns),
        faults=summary.others(columns, "faults"),
        drift=summary.others(columns, "drift"),
        island=Markup(island.pack(columns, rows, late)),
        extras=extras or Extras(),
        signs=SIGNS,
        cell_anchor=matrix.cell_anchor,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )


def program_picture(program: object) -> str | None:
    """The graph of a Program's JSON as SVG, for a notebook; None where it is too large to be read as a picture."""
    drawing = graph.draw(program, None)
    macro: Any = _environment().get_template("finding.html.j2").module
    return None if drawing is None else str(macro.graph(drawing)).strip()


def _static_rows(rows: list[matrix.Row]) -> _Parts:
    """The rows that stand in the HTML itself: as many levels as fit, so that the page reads without a script."""
    everything = list(matrix.walk(rows))
    depth = 2
    while depth and sum(level <= depth for level, _ in everything) > STATIC_ROWS:
        depth -= 1
    kept = [(level, row) for level, row in everything if level <= depth]
    return _Parts(kept, len(everything) - len(kept))


def _late(html: object, item: finding.Finding) -> list[str]:
    return [item.anchor, item.engine, item.kind, item.row, item.query, str(html)]


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Only this very style and this very script may act, and nothing may be fetched or sent."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
