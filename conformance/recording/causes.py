"""Failures of one cause: grouped by operator or clause, property and kind, the smallest program as their face."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .record import Record, Run


@dataclass(frozen=True, slots=True)
class Cause:
    """``face`` is the finding with the smallest program, ``results`` the ids that fail by it, ``count`` the programs."""

    dedup: str
    face: Record
    results: tuple[str, ...]
    count: int

    @property
    def kind(self) -> str:
        return str(self.face.get("kind"))

    @property
    def verdict(self) -> str:
        return str(self.face.get("verdict"))

    def record(self) -> Record:
        """Its form in a certificate."""
        return {
            "dedup": self.dedup,
            "kind": self.kind,
            "verdict": self.verdict,
            "count": self.count,
            "results": list(self.results),
        }


def causes(run: Run) -> list[Cause]:
    """The causes of a run's findings, in the order of their keys."""
    return group(finding for finding in run.findings.values() if finding["result"] in run.results)


def group(findings: Iterable[Record]) -> list[Cause]:
    """Findings by their dedup key."""
    found: dict[str, list[Record]] = {}
    for finding in findings:
        found.setdefault(key(finding), []).append(finding)
    return [_cause(name, together) for name, together in sorted(found.items())]


def key(finding: Record) -> str:
    """The dedup key: a program of many operators is named by those that its smallest form still calls."""
    given = str(finding.get("dedup") or finding["result"])
    if not given.startswith("language/"):
        return given
    return f"language: {', '.join(sorted(_operators(finding))) or 'no operator'}||{finding.get('kind')}"


def _operators(finding: Record) -> set[str]:
    steps: Any = (finding.get("program") or {}).get("steps") or []
    return {str(step["op"]) for step in steps if isinstance(step, dict) and step.get("op")}


def _cause(name: str, together: list[Record]) -> Cause:
    face = min(together, key=size)
    results = tuple(sorted({str(finding["result"]) for finding in together}))
    return Cause(name, face, results, sum(int(finding.get("count") or 1) for finding in together))


def size(finding: Record) -> tuple[int, int, str]:
    """What the smallest finding has least of."""
    steps: Any = (finding.get("program") or {}).get("steps") or []
    return len(steps), len(str(finding.get("script") or "")), str(finding["id"])
