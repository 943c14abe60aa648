"""A finding as the page shows it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import graph, observation
from .column import Column
from .matrix import cell_anchor, finding_anchor
from .untrusted import Record, anchor, count, mapping, number, text

TO_FIX = frozenset({"backend", "both", "undecided"})
VERDICTS = {
    "backend": "the engine is wrong",
    "oracle": "the oracle is wrong",
    "both": "both are wrong",
    "convention": "another convention, not an error",
    "undecided": "undecided",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between an engine and the oracle, shrunk, with everything that shows it."""

    anchor: str
    row: str
    cell: str
    clause: str
    title: str
    source: str
    engine: str
    oracle: str
    kind: str
    verdict: str
    word: str
    message: str
    count: int
    script: str
    replay: str
    rerun: str
    drawing: graph.Drawing | None
    steps: int
    step: int | None
    comparisons: list[observation.Comparison]
    arbiter: list[tuple[str, str]]
    error_abs: str
    error_scaled: str
    query: str
    where: str


_WHERE = {
    "step": "at step {}",
    "gradient": "as the gradient of v{}",
    "hook": "in run {} of the hooks",
    "warning": "as warning {}",
    "death": "at the drop in step {}",
}


def collect(columns: Sequence[Column]) -> list[Finding]:
    """All findings, engine by engine: what is to be mended before conventions, what most programs show first."""
    return [finding for number, column in enumerate(columns) for finding in _of(column, number)]


def _of(column: Column, number: int) -> Iterator[Finding]:
    def weight(record: Record) -> tuple[bool, int, str]:
        return text(record, "verdict", "undecided") not in TO_FIX, -count(record, "count"), text(record, "id")

    for record in sorted(column.findings.values(), key=weight):
        yield _finding(record, column, number)


def _finding(record: Record, column: Column, position: int) -> Finding:
    clause = text(record, "result")
    result = column.results.get(clause)
    step = number(record, "step")
    at = None if step is None else int(step)
    place = text(record, "place", "step")
    verdict = text(record, "verdict", "undecided")
    kind = text(record, "kind", "other")
    area = result.group if result else clause.split(".")[0]
    backend = mapping(column.header, "backend")
    return Finding(
        anchor=finding_anchor(text(record, "id"), position),
        row=anchor(clause),
        cell=cell_anchor(clause, column),
        clause=clause,
        title=(result.sentence if result else "") or clause,
        source=result.source if result else "",
        engine=column.title,
        oracle=text(mapping(column.header, "oracle"), "name", "the oracle"),
        kind=kind,
        verdict=verdict,
        word=VERDICTS.get(verdict, verdict),
        message=text(record, "message"),
        count=count(record, "count"),
        script=text(record, "script"),
        replay=_words("refgrad", "replay", column.file, text(record, "id")),
        rerun=_rerun(text(backend, "name"), clause, column),
        drawing=graph.draw(record.get("program"), at if place in ("step", "gradient", "death") else None),
        steps=len(graph.program_steps(record.get("program"))),
        step=at,
        comparisons=observation.compare(record.get("backend_saw"), record.get("oracle_saw"), at),
        arbiter=[(key.replace("_", " "), graph.spell(value)) for key, value in mapping(record, "arbiter").items()],
        error_abs=_error(record, "error_abs"),
        error_scaled=_error(record, "error_scaled"),
        where="" if at is None else _WHERE.get(place, "at {}").format(at),
        query=" ".join([clause, area, kind, verdict, column.title, text(record, "message")[:400]]).lower(),
    )


def _words(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _rerun(name: str, clause: str, column: Column) -> str:
    seed = text(column.header, "seed", "0")
    return _words("refgrad", "certify", "--backend", name, "--seed", seed, "-k", clause)


def _error(record: Record, key: str) -> str:
    value = number(record, key)
    return text(record, key) if value is None else f"{value:.3g}"
