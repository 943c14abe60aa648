"""What a qualification came to: the score by class, the matrix fault × clause, survivors, idle clauses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from ..promises.check import Settings
from .faults import find
from .qualify import Verdict


def score(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Caught and planted by class; blamed controls; survivors, lacking and idle clauses by name."""
    faults = [v for v in verdicts if not v.control and not v.lacks]
    return {
        "planted": len(faults),
        "caught": sum(v.caught for v in faults),
        "expected": sum(v.expected for v in faults),
        "classes": by_class(faults),
        "survivors": [v.fault for v in faults if not v.caught],
        "lacking": {v.fault: v.lacks for v in verdicts if v.lacks},
        "controls": sum(v.control for v in verdicts),
        "blamed_controls": [v.fault for v in verdicts if v.control and v.caught],
        "oracle_blamed": sum(v.oracle_blamed for v in faults),
        "idle": idle(faults),
    }


def by_class(faults: Sequence[Verdict]) -> dict[str, dict[str, Any]]:
    """By class: planted, caught, and the medians of what that took."""
    kinds: dict[str, list[Verdict]] = {}
    for v in faults:
        kinds.setdefault(v.kind, []).append(v)
    return {kind: _medians(mine) for kind, mine in sorted(kinds.items())}


def _medians(faults: Sequence[Verdict]) -> dict[str, Any]:
    mine = [v for v in faults if v.caught]
    sized = [v for v in mine if v.steps is not None]
    return {
        "planted": len(faults),
        "caught": len(mine),
        "programs": median([v.programs for v in mine]) if mine else None,
        "seconds": round(median([v.seconds for v in mine]), 2) if mine else None,
        "steps": median([v.steps or 0 for v in sized]) if sized else None,
        "elements": median([v.elements or 0 for v in sized]) if sized else None,
    }


def idle(faults: Sequence[Verdict]) -> list[str]:
    """The clauses that were asked about some fault and caught none."""
    asked = {id for v in faults for id in v.asked if not id.startswith(("op/", "language/"))}
    return sorted(asked - {id for v in faults for id in v.caught_by})


def column(id: str) -> str:
    """The matrix's column for a question: its property, its clause's area, or the whole language."""
    return id.rpartition("/")[2] if id.startswith("op/") else id.partition(".")[0].partition("/")[0]


def matrix(verdicts: Sequence[Verdict]) -> dict[str, dict[str, tuple[int, int]]]:
    """By fault and column: how many questions caught it, of how many that were asked."""
    table: dict[str, dict[str, tuple[int, int]]] = {}
    for v in verdicts:
        asked, caught = Counter(map(column, v.asked)), Counter(map(column, v.caught_by))
        table[v.fault] = {name: (caught[name], n) for name, n in asked.items()}
    return table


def record(verdicts: Sequence[Verdict], settings: Settings) -> dict[str, Any]:
    """Score, matrix and verdicts in the form of the JSON file."""
    return {
        "type": "qualification",
        "format": 1,
        "profile": settings.profile,
        "examples": settings.examples,
        "seed": settings.seed,
        "score": score(verdicts),
        "matrix": matrix(verdicts),
        "faults": [v.line(find(v.fault)) for v in verdicts],
    }


def lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The table for the terminal: a line a fault, the matrix, the score."""
    yield from map(_verdict_line, verdicts)
    yield ""
    yield from matrix_lines(verdicts)
    yield ""
    total = score(verdicts)
    for kind, counts in total["classes"].items():
        yield f"  {kind:<24} {counts['caught']} of {counts['planted']}"
    for fault, why in total["lacking"].items():
        yield f"  not planted: {fault}: {why}"
    if total["idle"]:
        yield f"  asked, caught nothing: {', '.join(total['idle'])}"
    blamed, oracle = len(total["blamed_controls"]), total["oracle_blamed"]
    yield f"{total['caught']} of {total['planted']} faults caught, {total['expected']} first by an expected clause"
    yield f"{blamed} of {total['controls']} controls blamed; oracle blamed {oracle} times"


def _verdict_line(v: Verdict) -> str:
    if v.lacks:
        return f"{'lacking':<10} {v.fault} ({v.kind}): {v.lacks}"
    mark = ("BLAMED" if v.caught else "not blamed") if v.control else ("caught" if v.caught else "SURVIVED")
    by = ", ".join(v.caught_by[:3]) + (f" and {len(v.caught_by) - 3} more" if len(v.caught_by) > 3 else "")
    by += "" if v.expected or not v.caught else " (not expected)"
    size = f"; shrunk to {v.steps} steps, {v.elements} elements" if v.steps is not None else ""
    filed = f"; filed as convention {len(v.convention)} times" if v.convention and not v.caught else ""
    if not v.caught:
        return f"{mark:<10} {v.fault} ({v.kind}): {len(v.asked)} questions, {v.programs} programs{filed}"
    return f"{mark:<10} {v.fault} ({v.kind}): {by} after {v.programs} programs, {v.seconds:.1f} s{size}"


def matrix_lines(verdicts: Sequence[Verdict], few: int = 40) -> Iterator[str]:
    """The matrix: how many questions of a column caught the fault; ``.`` where they were asked and none did."""
    table = matrix(verdicts[:few])
    columns = sorted({name for row in table.values() for name in row})
    width = max((len(fault) for fault in table), default=0)
    for k, name in enumerate(columns):
        yield " " * width + "  " + "│ " * k + "┌ " + name
    for fault, row in table.items():
        cells = [str(min(row[name][0], 9) or ".") if name in row else " " for name in columns]
        yield f"{fault:<{width}}  {' '.join(cells)}"
    if len(verdicts) > few:
        yield f"… and {len(verdicts) - few} more in the JSON file"
