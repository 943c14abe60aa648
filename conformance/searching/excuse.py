"""Differences that are recorded faults of the oracle: excused, and kept as ``oracle-fault`` lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..judging.compare import Divergence
from ..judging.isolating import WRONG, is_wrong_alone, isolated, verdict_at_call, verdicts
from ..judging.judge import Judge, Judgement
from ..programs.program import Backward, Call, Flag, Program, RetainGrad, Transform
from ..programs.trace import Raised
from .finding import Finding, convention, find_fault
from .oracle_faults import OracleFault, recorded
from .oracle_faults import find as find_oracle_fault
from .shrink import shrink_steps

if TYPE_CHECKING:
    from ..judging.arbitrate import Opinion

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
        self._weighed: tuple[Divergence | None, Opinion | None] = (None, None)

    @property
    def enough(self) -> bool:
        """Whether the fault has been shown often enough for one search."""
        return self.excused >= ENOUGH

    def fault(self, found: Divergence) -> OracleFault | None:
        """The entry that may explain a divergence: an error of the backend's own never, but another text may."""
        if isinstance(found.backend, Raised) and found.kind != "message":
            return None
        return next((f for f in self.faults if f.explains(found.kind, found.message)), None)

    def names(self, judgement: Judgement) -> bool:
        """Whether a difference, other than in a value, is a recorded fault by what it shows."""
        found = judgement.divergence
        fault = None if found is None else self.fault(found)
        return fault is not None and fault.kind != "value"

    def explains(self, program: Program, found: Divergence) -> bool:
        """Whether a recorded fault may explain a divergence of a program."""
        return self.fault(found) is not None

    def __call__(self, program: Program, judgement: Judgement) -> bool:
        fault = None if judgement.divergence is None else self.fault(judgement.divergence)
        if fault is None:
            return False
        opinion = self._weighed[1] if judgement.divergence is self._weighed[0] else None
        finding = find_fault(self.identity, program, judgement, self.judge.backend, self.judge.oracle, opinion)
        if fault.kind == "value" and finding.line["verdict"] != "oracle":
            return False
        if fault.kind != "value" and self._is_wrong_too(program, judgement, fault):
            return False
        self.keep(finding, fault)
        return True

    def settles(self, program: Program, found: Divergence) -> bool:
        """Whether a recorded fault explains a difference in values and the arbiter rules against the oracle: what noise
        would excuse is excused in any case."""
        fault = self.fault(found)
        if fault is None or fault.kind != "value":
            return False
        from ..judging.arbitrate import arbitrate

        self._weighed = found, arbitrate(program, found, convention(self.identity))
        return self._weighed[1].verdict == "oracle"

    def _is_wrong_too(self, program: Program, judgement: Judgement, fault: OracleFault) -> bool:
        """Whether the backend has a fault of its own where the oracle raises, or has no value: it breaks a law that the
        oracle keeps, or its value isn't the true one."""
        if fault.kind == "law":
            return judgement.verdict == "backend"
        return fault.kind in ("error", "type") and is_wrong_alone(
            program, self.judge.backend.execute(program), judgement.oracle
        )

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
    """The same for a program of many operators: a difference in values is excused where the smallest program that
    differs still needs an operator with a recorded fault, and the arbiter rules against the oracle: in the program, or
    where that is no value program, of the operator's calls alone."""

    @property
    def enough(self) -> bool:
        """Never: the programs that follow are about other operators."""
        return False

    def explains(self, program: Program, found: Divergence) -> bool:
        """Whether a recorded fault of an operator that the program calls may explain a divergence."""
        return self._fault(program, found) is not None

    def settles(self, program: Program, found: Divergence) -> bool:
        """No: the arbiter is asked about the smallest program that differs."""
        return False

    def __call__(self, program: Program, judgement: Judgement) -> bool:
        found = judgement.divergence
        if found is None or self._fault(program, found) is None:
            return False

        def fails(candidate: Program) -> bool:
            again = self.judge.judge(candidate)
            return again.status == "different" and again.divergence is not None and again.divergence.kind == found.kind

        with self.judge.quickly():
            smaller = shrink_steps(program, fails)
        judgement = self.judge.judge(smaller)
        if judgement.status != "different":
            # More noise excuses what few runs didn't.
            smaller = shrink_steps(program, fails)
            judgement = self.judge.judge(smaller)
        program = smaller
        fault = self._fault(program, found)
        if fault is None or judgement.divergence is None:
            return False
        finding = find_fault(self.identity, program, judgement, self.judge.backend, self.judge.oracle)
        if fault.kind == "value" and not self._is_oracles(program, finding.line["verdict"], judgement.divergence):
            return False
        if fault.kind != "value" and self._is_wrong_too(program, judgement, fault):
            return False
        self.keep(finding, fault)
        return True

    def _is_oracles(self, program: Program, verdict: str, found: Divergence) -> bool:
        """Whether mathematics says that the oracle's value is the wrong one, and the backend's isn't."""
        if verdict == "oracle" or verdict in WRONG:
            return verdict == "oracle"
        names = {fault.operator for fault in self._faults(program, found)}
        calls = [i for i, step in enumerate(program.steps) if isinstance(step, Call) and step.op in names]
        alone = [a for a in (isolated(program, i, self.judge.oracle) for i in calls) if a is not None]
        ruled = {verdict for a in alone for verdict in verdicts(self.judge, a)}
        if found.place[0] == "step" and found.place[1] in calls:
            # By itself the call may be within what noise allows: a near miss. Mathematics is asked all the same.
            ruled.add(verdict_at_call(program, found, self.judge.oracle))
        return "oracle" in ruled and not ruled & WRONG

    def _fault(self, program: Program, found: Divergence) -> OracleFault | None:
        return next(iter(self._faults(program, found)), None)

    def _faults(self, program: Program, found: Divergence) -> list[OracleFault]:
        """The recorded faults of operators that a program calls that may explain a divergence."""
        if isinstance(found.backend, Raised):
            return []
        oracle, names = self.judge.oracle, {step.op for step in program.steps if isinstance(step, Call)}
        names |= {step.kind for step in program.steps if isinstance(step, Transform)}
        # A backward into given inputs retains the gradients of those that are no leaves.
        kept = (s for s in program.steps if isinstance(s, RetainGrad) or (isinstance(s, Backward) and s.inputs))
        names |= {"retain_grad" for _ in kept}
        names |= {step.flag.rstrip("_") + "_" for step in program.steps if isinstance(step, Flag)}
        faults = [f for f in recorded() if f.operator in names and f.is_of(oracle.name, oracle.version)]
        return [f for f in faults if f.explains(found.kind, found.message)]


class ClauseExcuse(LanguageExcuse):
    """The same for a clause, whose programs call operators that it isn't about: beside the entries of the clause itself,
    values that a recorded fault of such an operator explains."""

    @property
    def enough(self) -> bool:
        return bool(self.faults) and self.excused >= ENOUGH

    def settles(self, program: Program, found: Divergence) -> bool:
        return Excuse.settles(self, program, found)

    def __call__(self, program: Program, judgement: Judgement) -> bool:
        return Excuse.__call__(self, program, judgement) or super().__call__(program, judgement)

    def _faults(self, program: Program, found: Divergence) -> list[OracleFault]:
        return [fault for fault in super()._faults(program, found) if fault.kind == "value"]
