"""Differences that are recorded faults of the oracle: excused, and kept as ``oracle-fault`` lines."""

from __future__ import annotations

from typing import Any

from .compare import Divergence
from .finding import Finding, find_fault
from .judge import Judge, Judgement
from .oracle_faults import OracleFault, recorded
from .oracle_faults import find as find_oracle_fault
from .program import Call, Program
from .shrink import shrink_steps
from .trace import Raised

ENOUGH = 3


class Excuse:
    """Excuses a difference in an operator's property or a clause that is a recorded fault of the oracle; keeps the first.
    An entry names an operator and its properties, or a clause's id and the property ``clause``.

    Each is arbitrated, which takes a while: a search may end when ``enough`` were."""

    def __init__(self, identity: dict[str, Any], judge: Judge) -> None:
        self.identity = identity
        self.judge = judge
        about, kind = identity["operator"] or identity["id"], identity["property"] or "clause"
        self.faults = find_oracle_fault(judge.oracle.name, judge.oracle.version, about, kind)
        self.findings: list[Finding] = []
        self.excused = 0

    @property
    def enough(self) -> bool:
        """Whether the fault has been shown often enough for one search."""
        return self.excused >= ENOUGH

    def fault(self, found: Divergence) -> OracleFault | None:
        """The entry that may explain a divergence."""
        if isinstance(found.backend, Raised):
            return None
        return next((f for f in self.faults if f.explains(found.kind, found.message)), None)

    def __call__(self, program: Program, judgement: Judgement) -> bool:
        fault = None if judgement.divergence is None else self.fault(judgement.divergence)
        if fault is None:
            return False
        finding = find_fault(self.identity, program, judgement, self.judge.backend, self.judge.oracle)
        if fault.kind == "value" and finding.line["verdict"] != "oracle":
            return False
        self.keep(finding, fault)
        return True

    def keep(self, finding: Finding, fault: OracleFault) -> None:
        """Keeps the first finding of a search."""
        self.excused += 1
        if not self.findings:
            self.findings.append(self.recorded(finding, fault))

    def recorded(self, finding: Finding, fault: OracleFault) -> Finding:
        """The finding as a fault of the oracle."""
        oracle = {"name": self.judge.oracle.name, "version": self.judge.oracle.version}
        extra = {"type": "oracle-fault", "verdict": "oracle", "oracle": oracle, "reason": fault.reason}
        return Finding({**finding.line, **extra}, finding.text)


class LanguageExcuse(Excuse):
    """The same for a program of many operators: the fault is excused where the smallest program that differs still
    needs an operator with a recorded fault, and the arbiter doesn't rule against the backend."""

    def __call__(self, program: Program, judgement: Judgement) -> bool:
        found = judgement.divergence
        if found is None or self._fault(program, found) is None:
            return False

        def fails(candidate: Program) -> bool:
            again = self.judge.judge(candidate)
            return again.status == "different" and again.divergence is not None and again.divergence.kind == found.kind

        program = shrink_steps(program, fails)
        fault = self._fault(program, found)
        if fault is None:
            return False
        finding = find_fault(self.identity, program, self.judge.judge(program), self.judge.backend, self.judge.oracle)
        if finding.line["verdict"] in ("backend", "both") and fault.kind == "value":
            return False
        self.keep(finding, fault)
        return True

    def _fault(self, program: Program, found: Divergence) -> OracleFault | None:
        """The recorded fault of an operator that a program calls that may explain a divergence."""
        if isinstance(found.backend, Raised):
            return None
        oracle, names = self.judge.oracle, {step.op for step in program.steps if isinstance(step, Call)}
        faults = (f for f in recorded() if f.operator in names and f.is_of(oracle.name, oracle.version))
        return next((f for f in faults if f.explains(found.kind, found.message)), None)
