"""Qualifying the suite: every planted fault must be caught, no control may be blamed.

The faults run in separate processes, each against the clauses a reader would expect first and then the rest, until one
catches it. The score, the matrix fault × clause and the survivors go into a JSON file.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .backends import load
from .check import Outcome, Settings
from .faults import entries, find
from .faults.fault import Broken, Fault
from .judge import Judge
from .questions import Question, questions

CAUGHT = frozenset({"fail", "harness-error"})


@dataclass(slots=True)
class Verdict:
    """What became of one fault: the questions that caught it, the first with its cost and its smallest program."""

    fault: str
    kind: str
    control: bool
    caught_by: list[str] = field(default_factory=list)
    expected: bool = False
    convention: list[str] = field(default_factory=list)
    programs: int = 0
    seconds: float = 0.0
    steps: int | None = None
    elements: int | None = None
    oracle_blamed: int = 0
    message: str = ""

    @property
    def caught(self) -> bool:
        return bool(self.caught_by)


def ordered(fault: Fault, asked: Sequence[Question]) -> Iterator[Question]:
    """The questions a reader would expect to catch the fault, then the others."""
    near = [q for q in asked if q.id.startswith(fault.expects)] if fault.expects else []
    yield from near
    if not fault.expects or not fault.control:
        chosen = {q.id for q in near}
        yield from (q for q in asked if q.id not in chosen)


def try_fault(id: str, settings: Settings, matrix: bool, within: float) -> Verdict:
    """Asks the broken engine question after question: until one catches it, or all expected ones for the matrix."""
    fault = find(id)
    broken = Broken(fault)
    judge = Judge(broken, load("torch"))
    verdict = Verdict(fault.id, fault.kind, fault.control)
    started = time.perf_counter()
    for question in ordered(fault, questions()):
        found = question.answer(judge, replace(settings, shrink=not verdict.caught))
        _count(verdict, fault, question, found, started)
        expected_left = matrix and question.id.startswith(fault.expects)
        if (verdict.caught and not fault.control and not expected_left) or time.perf_counter() - started > within:
            break
    if not verdict.caught:
        verdict.seconds = time.perf_counter() - started
    return verdict


def _count(verdict: Verdict, fault: Fault, question: Question, found: Outcome, started: float) -> None:
    if not verdict.caught:
        verdict.programs += found.result["programs"]
    if found.status == "convention":
        verdict.convention.append(question.id)
    if found.status not in CAUGHT:
        return
    if not verdict.caught:
        verdict.seconds = time.perf_counter() - started
        verdict.message = found.result["message"] or ""
        verdict.expected = question.id.startswith(fault.expects) if fault.expects else False
        _measure(verdict, found)
    verdict.oracle_blamed += sum(f.line["verdict"] == "oracle" for f in found.findings)
    verdict.caught_by.append(question.id)


def _measure(verdict: Verdict, found: Outcome) -> None:
    """The size of the smallest program: steps, and elements of its largest leaf."""
    for finding in found.findings:
        program = finding.line.get("program")
        if program:
            steps = program["steps"]
            sizes = [_elements(s["shape"]) for s in steps if "shape" in s]
            verdict.steps, verdict.elements = len(steps), max(sizes, default=0)


def _elements(shape: Sequence[int]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def qualify(
    ids: Sequence[str], settings: Settings, jobs: int = 2, matrix: bool = False, within: float = 60.0
) -> list[Verdict]:
    """The verdicts on the faults, in their order."""
    if jobs <= 1:
        return [try_fault(id, settings, matrix, within) for id in ids]
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(try_fault, id, settings, matrix, within) for id in ids]
        return [future.result() for future in futures]


def score(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Caught and planted by class; blamed controls; survivors by name."""
    faults = [v for v in verdicts if not v.control]
    planted, caught = Counter(v.kind for v in faults), Counter(v.kind for v in faults if v.caught)
    return {
        "planted": len(faults),
        "caught": sum(caught.values()),
        "expected": sum(v.expected for v in faults),
        "classes": {kind: {"planted": n, "caught": caught[kind]} for kind, n in sorted(planted.items())},
        "survivors": [v.fault for v in faults if not v.caught],
        "controls": sum(v.control for v in verdicts),
        "blamed_controls": [v.fault for v in verdicts if v.control and v.caught],
        "oracle_blamed": sum(v.oracle_blamed for v in faults),
    }


def write(verdicts: Sequence[Verdict], settings: Settings, path: Path) -> None:
    """Stores score and verdicts as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "type": "qualification",
        "format": 1,
        "profile": settings.profile,
        "examples": settings.examples,
        "seed": settings.seed,
        "score": score(verdicts),
        "faults": [_line(v) for v in verdicts],
    }
    path.write_text(json.dumps(body, indent=1) + "\n")


def _line(verdict: Verdict) -> dict[str, Any]:
    fault = entries()[verdict.fault]
    fields = asdict(verdict)
    fields["id"], fields["class"], fields["caught"] = fields.pop("fault"), fields.pop("kind"), fields.pop("caught_by")
    return {**fields, "title": fault.title, "report": fault.report, "expects": list(fault.expects), "others": {}}


def lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The table for the terminal: a line a fault, then the score."""
    for v in verdicts:
        mark = ("BLAMED" if v.caught else "not blamed") if v.control else ("caught" if v.caught else "SURVIVED")
        by = ", ".join(v.caught_by[:3]) + (f" and {len(v.caught_by) - 3} more" if len(v.caught_by) > 3 else "")
        size = f"; shrunk to {v.steps} steps, {v.elements} elements" if v.steps is not None else ""
        cost = f" after {v.programs} programs, {v.seconds:.1f} s{size}" if v.caught else f" in {v.programs} programs"
        yield f"{mark:<10} {v.fault} ({v.kind}): {by}{cost}"
    total = score(verdicts)
    for kind, counts in total["classes"].items():
        yield f"  {kind:<24} {counts['caught']} of {counts['planted']}"
    yield (
        f"{total['caught']} of {total['planted']} faults caught, {total['expected']} first by an expected clause; "
        f"{len(total['blamed_controls'])} of {total['controls']} controls blamed; oracle blamed {total['oracle_blamed']} times"
    )
