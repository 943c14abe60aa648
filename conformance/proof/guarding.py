"""Every clause earns its place: the faults generated from refgrad's source, tried on the clauses that pass their lines.

First each clause's programs run on the sound engine, and the lines that they pass are noted. A clause is then asked
about the faults in those lines, those first which the fewest clauses pass, until it kills one. Each trial runs in a
forked process of its own, so that an engine broken beyond repair harms no other trial.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

from ..backends import collecting_warnings, load, shown
from ..drawing.build import Builder
from ..drawing.source import Rejected, Stream, mix
from ..judging.judge import Law
from ..programs.program import Program
from ..promises.check import Settings
from ..promises.questions import Question, questions
from .faults.guards import Guard, Recoded, guards, modules
from .trials import Asked, SharedJudge, asked

Line = tuple[str, int]
TRIES = 60
SECONDS = 5
_KILLED, _SAME, _LACKING = 0, 1, 2


@dataclass(slots=True)
class Trial:
    """What became of one clause: the guards that it was asked about, and the first that it killed."""

    clause: str
    lines: int
    tried: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Case:
    """One program, or one scenario's data, on which the sound engine does as the oracle."""

    program: Program | None
    law: Law | None = None
    data: Any = None
    theirs: str = ""


class Asker:
    """Puts one clause to many broken engines."""

    def __init__(self, question: Question, settings: Settings) -> None:
        self.asked: Asked = asked(question, settings)
        self.settings = settings
        self.sound, self.oracle = load("refgrad"), load("torch")
        self.judge = SharedJudge(self.sound, self.oracle)
        self.judge.at_kinks = self.asked.convention
        self.passed: set[Line] = set()

    def cases(self) -> list[Case]:
        """The clause's cases, in its order; the lines that they pass are noted."""
        sources = [Stream(mix(self.settings.seed, zlib.crc32(self.asked.id.encode()), k)) for k in range(self._count())]
        return [case for source in sources if (case := self._case(source)) is not None]

    def _count(self) -> int:
        return min(self.asked.examples, self.settings.examples)

    def _case(self, source: Stream) -> Case | None:
        scene = self.asked.scene
        if scene is not None:
            data = scene.draw(Builder(source))
            theirs = shown(self.oracle, scene.run, data)
            with passing(self.passed):
                mine = shown(self.sound, scene.run, data)
            return Case(None, None, data, theirs) if mine == theirs else None
        assert self.asked.draw is not None
        try:
            program = self.asked.draw(source)
        except Rejected:
            return None
        with passing(self.passed):
            mine = self.sound.execute(program)
        self.judge.take(program)
        return (
            Case(program, self.asked.law) if self.judge.weigh_current(mine, self.asked.law).status == "same" else None
        )

    def differs(self, case: Case) -> bool:
        """Whether the engine, as it is now, differs from the oracle."""
        if case.program is None:
            assert self.asked.scene is not None
            return shown(self.sound, self.asked.scene.run, case.data) != case.theirs
        self.judge.take(case.program)
        return self.judge.weigh_current(self.sound.execute(case.program), case.law).status == "different"


@cache
def _root() -> str:
    return str(Path(sys.modules["refgrad"].__file__ or "").parent) + os.sep


@contextmanager
def passing(found: set[Line]) -> Iterator[None]:
    """Notes the lines of refgrad that run, in every thread that starts meanwhile."""
    root, cut = _root(), len(_root())

    def within(frame: FrameType, what: str, _: Any) -> Callable[..., Any] | None:
        if what == "line":
            found.add((frame.f_code.co_filename[cut:], frame.f_lineno))
        return within

    def tracer(frame: FrameType, what: str, _: Any) -> Callable[..., Any] | None:
        return within if frame.f_code.co_filename.startswith(root) else None

    sys.settrace(tracer)
    threading.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


@cache
def all_guards() -> dict[Line, tuple[Guard, ...]]:
    """Every generated fault by the line where it lies."""
    found: dict[Line, list[Guard]] = {}
    for module in modules():
        for guard in guards(module):
            file = sys.modules[f"refgrad.{module}"].__file__ or ""
            found.setdefault((file.removeprefix(_root()), guard.line), []).append(guard)
    return {line: tuple(here) for line, here in found.items()}


def clauses() -> list[Question]:
    """The questions that are clauses."""
    return [question for question in questions() if question.clause is not None]


def try_clauses(ids: Sequence[str], settings: Settings, tries: int = TRIES) -> list[Trial]:
    """Asks clauses, in this process, about the guards in the lines that they pass, until each has killed one."""
    wanted = frozenset(ids)
    askers = [Asker(question, settings) for question in clauses() if question.id in wanted]
    with collecting_warnings():
        cases = [asker.cases() for asker in askers]
        passed = {asker.asked.id: asker.passed & all_guards().keys() for asker in askers}
        ranked = ranking(passed)
        return [_try(asker, its, ranked[asker.asked.id][:tries]) for asker, its in zip(askers, cases)]


def _try(asker: Asker, cases: Sequence[Case], ranked: Sequence[Guard]) -> Trial:
    trial = Trial(asker.asked.id, len(asker.passed))
    for guard in ranked if cases else ():
        verdict = forked(partial(_is_killed, asker, cases, guard))
        if verdict != _LACKING:
            trial.tried.append(guard.id)
        if verdict == _KILLED:
            trial.killed.append(guard.id)
            break
    return trial


def _is_killed(asker: Asker, cases: Sequence[Case], guard: Guard) -> int:
    try:
        planted = Recoded(guard)
    except LookupError:
        return _LACKING
    with planted:
        return _KILLED if any(map(asker.differs, cases)) else _SAME


def forked(work: Callable[[], int]) -> int:
    """What ``work`` returns in a process of its own; one that dies, or hangs, was killed."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        verdict = _KILLED
        try:
            verdict = work()
        finally:
            os._exit(verdict)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else _KILLED


def ranking(passed: dict[str, set[Line]]) -> dict[str, list[Guard]]:
    """For each clause the guards in its lines, the most particular first."""
    known, common = all_guards(), Counter(line for lines in passed.values() for line in lines)
    return {
        id: [guard for line in sorted(lines, key=lambda at: (common[at], at)) for guard in known[line]]
        for id, lines in passed.items()
    }


def guarding(ids: Sequence[str] = (), jobs: int = 2, seed: int = 0, examples: int = 4) -> list[Trial]:
    """The trials of the clauses whose ids begin so (all if none is named), in processes with clauses of their own."""
    settings = Settings("quick", examples, seed)
    wanted = [question.id for question in clauses() if not ids or question.id.startswith(tuple(ids))]
    if jobs <= 1:
        return try_clauses(wanted, settings)
    with ProcessPoolExecutor(jobs) as pool:
        shares = [pool.submit(try_clauses, wanted[k::jobs], settings) for k in range(jobs)]
        return [trial for share in shares for trial in share.result()]


BATCH = 24
"""Clauses that are tried together, and then stored."""


def resumed(file: Path, seed: int = 0, seconds: float | None = None, examples: int = 4) -> list[Trial]:
    """The trials of all clauses, those stored in the file first; each batch is stored when it is done. After ``seconds``
    no other is begun."""
    done = _stored(file, seed)
    left = [question.id for question in clauses() if question.id not in done]
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    file.parent.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(left), BATCH):
        if time.monotonic() > until:
            break
        with file.open("a", encoding="utf-8") as stream:
            for trial in try_clauses(left[start : start + BATCH], Settings("quick", examples, seed)):
                done[trial.clause] = trial
                stream.write(json.dumps({"seed": seed, **asdict(trial)}) + "\n")
    return [done[question.id] for question in clauses() if question.id in done]


def _stored(file: Path, seed: int) -> dict[str, Trial]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [line for line in map(json.loads, lines) if line.pop("seed") == seed]
    return {line["clause"]: Trial(**line) for line in found}


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """What is stored: guards tried and killed by kind, and the clauses that killed none."""
    tried, killed = ({id for t in trials for id in getattr(t, name)} for name in ("tried", "killed"))
    by_kind = {
        kind: {"tried": n, "killed": sum(_kind(id) == kind for id in killed)}
        for kind, n in sorted(Counter(map(_kind, tried)).items())
    }
    return {
        "clauses": len(trials),
        "tried": len(tried),
        "killed": len(killed),
        "kinds": by_kind,
        "kills": {t.clause: t.killed[0] for t in trials if t.killed},
        "idle": sorted(t.clause for t in trials if not t.killed),
    }


def _kind(id: str) -> str:
    return id.split("/")[2].partition(":")[0]


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The table for the terminal."""
    for kind, row in found["kinds"].items():
        yield f"  {kind:<14} {row['killed']:>5} of {row['tried']:>5} killed by the clauses that were asked"
    for id in found["idle"]:
        yield f"  killed nothing: {id}"
    share = 100 * len(found["idle"]) / max(found["clauses"], 1)
    yield f"{len(found['idle'])} of {found['clauses']} clauses killed no generated fault ({share:.1f} %)"
