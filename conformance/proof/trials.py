"""Trials: many broken engines against one question, sharing all that does not depend on the fault.

A program is drawn once, run once on the oracle and once on the sound engine, which shows the sites that it passes. Only
faults that fire there are run on it. The allowance for rounding is the oracle's affair too and is measured once.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..backends import Backend, collecting_warnings, load, shown
from ..catalogue import Operator
from ..drawing.build import Builder
from ..drawing.source import Rejected, Stream, mix
from ..judging.judge import Judge, Judgement, Law
from ..judging.rounding import Rounding
from ..programs.program import Program
from ..programs.trace import Trace
from ..promises.check import LANGUAGE_SHARE, Settings
from ..promises.clause import Programs, Scenario
from ..promises.properties import Property
from ..promises.questions import Question
from ..searching.search import Draw
from .faults.changes import Event
from .faults.fault import Broken, Fault
from .faults.sites import Reach, Site

SIZED = ("/large", "/one-of-65536")
HUGE = ("/huge", "/huge-forward")
"""Faults of size alone, and the properties whose programs are huge."""
PROBES = 4
"""Programs of a question after which it is given up, if they reached no site with a living fault."""
ENOUGH, MOST, MOST_HUGE = 150, 1500, 30
"""Firings that a fault may survive, and programs that may reach a fault's site, before it is given up: it counts as
survived, though the rest of the suite might yet catch it. A fault of size alone waits for the huge programs."""


OBSERVATION = "observation"
"""The kind of a kill by a scenario."""
Reached = dict[str, list[Site]]
"""The sites that the programs of each question pass."""


@dataclass(slots=True)
class Asked:
    """What a question draws and demands, taken from it by asking it as ``check`` would be asked."""

    id: str
    draw: Draw | None = None
    law: Law | None = None
    examples: int = 0
    convention: bool = False
    scene: Scenario | None = None

    @property
    def blames(self) -> bool:
        """Whether a difference is an engine's fault: at an operator's kinks it is filed as another convention, in a
        clause that states a convention it is a fault of an engine with PyTorch's surface."""
        return not (self.convention and self.id.startswith("op/"))


class _Listener:
    """Stands in for a Check: notes what it is asked."""

    def __init__(self, question: Question, settings: Settings) -> None:
        self.asked = Asked(question.id, examples=settings.examples)
        self.clause = question.clause

    def __call__(self, programs: Programs | Scenario, law: Law | None = None) -> None:
        self.asked.convention = self.clause is not None and self.clause.convention
        if isinstance(programs, Scenario):
            self.asked.scene = programs
        else:
            self.asked.draw, self.asked.law = programs.draw, law

    def operator(self, line: Operator, kind: Property, draw: Draw) -> None:
        self.asked.draw, self.asked.law, self.asked.convention = draw, kind.law, kind.convention
        self.asked.examples = kind.examples(self.asked.examples)

    def language(self, block: int, draw: Draw) -> None:
        self.asked.draw, self.asked.examples = draw, self.asked.examples * LANGUAGE_SHARE
        self.asked.id = f"language/{block:02}"


def asked(question: Question, settings: Settings) -> Asked:
    """What the question draws and demands."""
    listener = _Listener(question, settings)
    question.ask(listener)  # type: ignore[arg-type]
    return listener.asked


class SharedJudge(Judge):
    """A judge of many backends on one program after another: the oracle's part is done once a program."""

    __slots__ = ("rounding",)

    def __init__(self, backend: Backend, oracle: Backend) -> None:
        Judge.__init__(self, backend, oracle)
        self.rounding = Rounding(oracle, Program(()), Trace(), False)

    def take(self, program: Program) -> None:
        """Makes a program the current one."""
        self.rounding = self._rounding(program, self.oracle.execute(program))

    def weigh_current(self, mine: Trace, law: Law | None) -> Judgement:
        """The judgement on a trace of the current program."""
        return self.weigh(self.rounding, mine, law)


@dataclass(slots=True)
class Kill:
    """How a fault was caught: the question, its cost so far, the choices of the failing draw."""

    question: str
    programs: int
    seconds: float
    message: str
    kind: str
    log: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Cost:
    """What a site's questions have cost so far."""

    programs: int = 0
    seconds: float = 0.0
    huge: int = 0


class Bench:
    """The living faults by site, and what became of the others."""

    def __init__(self, faults: Iterable[Fault], settings: Settings) -> None:
        self.settings = settings
        self.sound = load("refgrad")
        self.judge = SharedJudge(self.sound, load("torch"))
        self.beside = SharedJudge(self.sound, self.sound)
        self.reach = Reach()
        self.alive: dict[Site, dict[str, Fault]] = {}
        self.broken: dict[str, Broken] = {}
        for fault in faults:
            self.alive.setdefault(site_of(fault), {})[fault.id] = fault
        self.kills: dict[str, Kill] = {}
        self.costs: dict[Site, Cost] = {}
        self.fired: dict[str, int] = {}
        self.passed: dict[str, set[Site]] = {}
        self.unsound = 0

    def ask(self, questions: Sequence[Question], reach: Reached | None = None) -> None:
        """Puts the questions to all living faults, in order; where it is known what sites they reach, those alone that
        reach one."""
        for question in questions if reach is None else ranked(questions, reach):
            if not any(self.alive.values()):
                return
            if reach is not None:
                self.passed[question.id] = set(reach.get(question.id, ())) & self.alive.keys()
                if not self._is_worth(question.id, self.passed[question.id]):
                    continue
            found = asked(question, self.settings)
            if found.blames:
                self.judge.at_kinks = found.convention
                with collecting_warnings():
                    self._ask(found)

    def _ask(self, found: Asked) -> None:
        seed = (self.settings.seed, zlib.crc32(found.id.encode()))
        passed = self.passed.setdefault(found.id, set())
        for index in range(found.examples):
            if index >= PROBES and not self._is_worth(found.id, passed):
                return
            started, source = time.perf_counter(), Stream(mix(*seed, index))
            try:
                self._put(found, source)
            except Rejected:
                continue
            passed |= self.reach.events.keys() & self.alive.keys()
            spent = time.perf_counter() - started
            for site in passed:
                cost = self._cost(site)
                cost.programs += 1
                cost.huge += found.id.endswith(HUGE)
                cost.seconds += spent

    def _is_worth(self, question: str, passed: set[Site]) -> bool:
        """Whether a living fault may yet be caught: one of size only where the programs are huge."""
        is_huge = question.endswith(HUGE)
        return any(
            is_huge and self._cost(site).huge < MOST_HUGE if id.endswith(SIZED) else self._is_tried(site, id)
            for site in passed
            for id in self.alive.get(site, ())
        )

    def _is_tried(self, site: Site, id: str) -> bool:
        """Whether a fault is still worth a program."""
        return self.fired.get(id, 0) < ENOUGH and self._cost(site).programs < MOST

    def _cost(self, site: Site) -> Cost:
        return self.costs.setdefault(site, Cost())

    def _put(self, found: Asked, source: Stream) -> None:
        """One draw of a question, on the sound engine and on every broken one that it concerns."""
        if found.scene is not None:
            self._observe(found, found.scene, source)
        elif found.draw is not None:
            program = found.draw(source)
            with self.reach:
                trace = self.sound.execute(program)
            self._try(found, program, trace, source.log)

    def _observe(self, found: Asked, scene: Scenario, source: Stream) -> None:
        """Runs the scenario on every living fault that fires in it."""
        data = scene.draw(Builder(source))
        with self.reach:
            mine = shown(self.sound, scene.run, data)
        firing = list(self._firing(self.reach.events))
        theirs = shown(self.judge.oracle, scene.run, data) if firing else mine
        self.unsound += mine != theirs
        for fault in firing if mine == theirs else ():
            started = time.perf_counter()
            self.fired[fault.id] = self.fired.get(fault.id, 0) + 1
            seen = shown(self._engine(fault), scene.run, data)
            if seen != theirs:
                self._note(fault, found.id, OBSERVATION, seen, source.log, time.perf_counter() - started)

    def _try(self, found: Asked, program: Program, sound: Trace, log: list[int]) -> None:
        """Runs the program on every living fault that fires in it."""
        firing = list(self._firing(self.reach.events))
        if not firing:
            return
        self.judge.take(program)
        found_sound = self.judge.weigh_current(sound, found.law).status
        if found_sound != "same":
            self.unsound += 1
            if found_sound != "different":
                return
            self.beside.take(program)
        for fault in firing:
            started = time.perf_counter()
            self.fired[fault.id] = self.fired.get(fault.id, 0) + 1
            trace = self._engine(fault).execute(program)
            judgement = self.judge.weigh_current(trace, found.law)
            seen = judgement.divergence
            if judgement.status != "different" or seen is None:
                continue
            if found_sound == "same" or self._is_blamed(found, program, trace, judgement):
                self._note(fault, found.id, seen.kind, seen.message, log, time.perf_counter() - started)

    def _is_blamed(self, found: Asked, program: Program, trace: Trace, judgement: Judgement) -> bool:
        """Where the sound engine differs from the oracle too: whether the broken one differs from the sound one, and
        the arbiter rules against it."""
        beside = self.beside.weigh_current(trace, found.law)
        if beside.status != "different" or judgement.divergence is None:
            return False
        from ..judging.arbitrate import arbitrate

        return arbitrate(program, judgement.divergence, found.convention).verdict in ("backend", "both")

    def _engine(self, fault: Fault) -> Broken:
        engine = self.broken.get(fault.id)
        if engine is None:
            engine = self.broken[fault.id] = Broken(fault, self.sound)
        return engine

    def _firing(self, events: dict[Site, list[Event]]) -> Iterator[Fault]:
        for site, seen in events.items():
            for fault in self.alive.get(site, {}).values():
                if any(map(fires_of(fault), seen)):
                    yield fault

    def _note(self, fault: Fault, question: str, kind: str, message: str, log: list[int], spent: float) -> None:
        site = site_of(fault)
        cost = self._cost(site)
        self.kills[fault.id] = Kill(question, cost.programs + 1, cost.seconds + spent, message[:200], kind, list(log))
        del self.alive[site][fault.id]
        self.broken.pop(fault.id, None)

    def survivors(self) -> list[Fault]:
        return [fault for living in self.alive.values() for fault in living.values()]


def ranked(questions: Sequence[Question], reach: Reached) -> list[Question]:
    """The questions in the order in which they are likeliest to catch something cheaply: small programs of few sites
    first, huge ones last."""
    return sorted(questions, key=lambda q: (q.id.endswith(HUGE), not q.id.startswith("op/"), len(reach.get(q.id, ()))))


def site_of(fault: Fault) -> Site:
    return getattr(fault, "site", ("", "", ""))


def fires_of(fault: Fault) -> Callable[[Event], bool]:
    return getattr(fault, "fires", lambda event: True)
