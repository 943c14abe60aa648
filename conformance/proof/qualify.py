"""Qualifying the suite: every planted fault must be caught, no control may be blamed.

The faults run in separate processes, each against the questions a reader would expect to catch it and then the rest,
until one does. A program on which the sound engine differs from the oracle too counts neither way.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..backends import collecting_warnings, load
from ..judging.judge import Judge, Law
from ..programs.codec import decode_program
from ..programs.program import Leaf, Program
from ..promises.check import Outcome, Settings
from ..promises.questions import Question, questions
from ..searching.shrink import without
from .faults import find
from .faults.differing import FaultJudge
from .faults.fault import Broken, Fault
from .trials import asked

STRIDE = 7
"""Questions that nobody expects to catch a fault are asked in strides, so that each family comes early."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try: seconds of computing a fault (a busy machine must not change a verdict), and whether to go on
    with the expected questions when one has caught it."""

    within: float = 120.0
    matrix: bool = True
    expected_only: bool = False


QUICK = Effort(within=6.0, matrix=False)


@dataclass(slots=True)
class Verdict:
    """What became of one fault: who was asked, who caught it, the first with its cost and its smallest program.
    ``minimal``: no step of that can be left out. ``oracle_blamed``: findings in which the arbiter ruled for the broken
    engine, though the oracle hasn't the fault."""

    fault: str
    kind: str
    control: bool
    asked: list[str] = field(default_factory=list)
    caught_by: list[str] = field(default_factory=list)
    expected: bool = False
    convention: list[str] = field(default_factory=list)
    programs: int = 0
    seconds: float = 0.0
    steps: int | None = None
    elements: int | None = None
    oracle_blamed: int = 0
    minimal: bool | None = None
    message: str = ""
    lacks: str = ""

    @property
    def caught(self) -> bool:
        return bool(self.caught_by)

    def line(self, fault: Fault) -> dict[str, Any]:
        """Its form in the JSON file."""
        fields = asdict(self)
        fields["id"], fields["class"], fields["caught"] = fields.pop("fault"), fields.pop("kind"), fields["caught_by"]
        del fields["caught_by"]
        return {**fields, "title": fault.title, "report": fault.report, "expects": list(fault.expects), "others": {}}


def ordered(fault: Fault, asked: Sequence[Question]) -> Iterator[Question]:
    """The questions a reader would expect to catch the fault, by the order of ``expects``; then the others."""
    seen: set[str] = set()
    for prefix in fault.expects:
        for question in asked:
            if question.id.startswith(prefix) and question.id not in seen:
                seen.add(question.id)
                yield question
    rest = [q for q in asked if q.id not in seen]
    yield from (q for start in range(STRIDE) for q in rest[start::STRIDE])


def is_expected(fault: Fault, question: Question) -> bool:
    return bool(fault.expects) and question.id.startswith(fault.expects)


def try_fault(id: str, settings: Settings, effort: Effort) -> Verdict:
    """Asks the broken engine question after question: until one catches it, or all expected ones for the matrix."""
    fault = find(id)
    verdict = Verdict(fault.id, fault.kind, fault.control)
    sound = load("refgrad")
    try:
        broken = Broken(fault, sound)
    except LookupError as error:
        verdict.lacks = str(error)
        return verdict
    judge, started = FaultJudge(broken, sound, load("torch")), time.perf_counter()
    computing = time.process_time()
    for question in ordered(fault, questions()):
        expected = is_expected(fault, question)
        spent = time.process_time() - computing
        if _is_enough(verdict, fault, effort, expected, spent):
            break
        found = question.answer(judge, replace(settings, shrink=not verdict.caught))
        _count(verdict, fault, question, found, started, judge)
    if not verdict.caught:
        verdict.seconds = time.perf_counter() - started
    return verdict


def _is_enough(verdict: Verdict, fault: Fault, effort: Effort, expected: bool, spent: float) -> bool:
    if spent > effort.within or (effort.expected_only and not expected):
        return True
    return verdict.caught and not fault.control and not (effort.matrix and expected)


def _count(
    verdict: Verdict, fault: Fault, question: Question, found: Outcome, started: float, judge: FaultJudge
) -> None:
    verdict.asked.append(question.id)
    if not verdict.caught:
        verdict.programs += found.result["programs"]
    if found.status == "convention":
        verdict.convention.append(question.id)
    if found.status != "fail" and not (found.status == "convention" and fault.is_convention and not fault.control):
        return
    if not verdict.caught:
        verdict.seconds = time.perf_counter() - started
        verdict.message = found.result["message"] or ""
        verdict.expected = is_expected(fault, question)
        _measure(verdict, found, judge, question)
    if not fault.blind:
        verdict.oracle_blamed += sum(f.line["verdict"] == "oracle" for f in found.findings)
    verdict.caught_by.append(question.id)


def _measure(verdict: Verdict, found: Outcome, judge: FaultJudge, question: Question) -> None:
    law = asked(question, Settings()).law
    for finding in found.findings:
        stored = finding.line.get("program")
        if stored:
            program = decode_program(stored)
            verdict.steps, verdict.elements = measure(program)
            verdict.minimal = is_minimal(judge, program, finding.line["kind"], law)


def is_minimal(judge: Judge, program: Program, kind: str, law: Law | None) -> bool:
    """Whether the failure goes away whichever step is left out."""
    with collecting_warnings():
        for index in range(len(program.steps)):
            shorter = without(program, index)
            if shorter is not None and judge.claimed(shorter):
                found = judge.judge(shorter, law)
                if found.status == "different" and found.divergence is not None and found.divergence.kind == kind:
                    return False
    return True


def measure(program: Program) -> tuple[int, int]:
    """The size of a program: steps, and elements of its largest leaf."""
    sizes = [math.prod(step.shape) for step in program.steps if isinstance(step, Leaf)]
    return len(program.steps), max(sizes, default=0)


def qualify(ids: Sequence[str], settings: Settings, jobs: int = 2, effort: Effort = Effort()) -> list[Verdict]:
    """The verdicts on the faults, in their order."""
    if jobs <= 1:
        return [try_fault(id, settings, effort) for id in ids]
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(try_fault, id, settings, effort) for id in ids]
        return [future.result() for future in futures]
