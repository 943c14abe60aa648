"""The arbiter qualified on recorded faults of the oracle: it must blame the oracle for each, each time it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..backends import load
from ..judging.judge import Judge
from ..promises.check import Settings
from ..promises.questions import Question, questions
from ..searching.oracle_faults import OracleFault, recorded


@dataclass(slots=True)
class Ruling:
    """One recorded fault: the questions whose programs showed it, and those in which the arbiter ruled otherwise."""

    operator: str
    reason: str
    blamed: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)


def rule_on(fault: OracleFault, settings: Settings) -> Ruling:
    """Asks about refgrad, beside PyTorch, what the entry concerns, until its fault is shown."""
    ruling = Ruling(fault.operator, fault.reason)
    judge = Judge(load("refgrad"), load("torch"))
    for question in _questions_of(fault):
        found = question.answer(judge, settings)
        for finding in found.findings:
            if finding.line["verdict"] != "oracle":
                ruling.otherwise.append(f"{question.id}: {finding.line['verdict']}")
            elif finding.line.get("reason") == fault.reason:
                ruling.blamed.append(question.id)
        if ruling.blamed:
            break
    return ruling


def _questions_of(fault: OracleFault) -> list[Question]:
    ids = [f"op/{fault.operator}/{kind}" if kind != "clause" else fault.operator for kind in fault.properties]
    known = {question.id: question for question in questions()}
    return [known[id] for id in ids if id in known]


def rulings(settings: Settings) -> Iterator[Ruling]:
    """The rulings on every entry of the list, one after another."""
    for fault in recorded():
        yield rule_on(fault, settings)


def summary(found: Sequence[Ruling]) -> dict[str, Any]:
    """What is stored: how many entries were shown, and how the arbiter ruled."""
    return {
        "recorded": len(found),
        "shown": sum(bool(r.blamed or r.otherwise) for r in found),
        "oracle": sum(bool(r.blamed) for r in found),
        "otherwise": [asdict(r) for r in found if r.otherwise],
        "not_shown": [f"{r.operator}: {r.reason}" for r in found if not r.blamed and not r.otherwise],
    }


def lines(found: Sequence[Ruling]) -> Iterator[str]:
    """The table for the terminal."""
    total = summary(found)
    for r in found:
        if not r.blamed or r.otherwise:
            yield f"  {r.operator}: {', '.join(r.otherwise) or 'not shown'} ({r.reason})"
    yield (
        f"{total['recorded']} recorded faults of the oracle, {total['shown']} shown: the arbiter blamed the oracle for "
        f"{total['oracle']}, ruled otherwise {len(total['otherwise'])} times"
    )
