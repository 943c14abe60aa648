"""The search: draws programs, judges them, counts what arose, and stops at the first that differs."""

from __future__ import annotations

import hashlib
import itertools
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..backends import collecting_warnings, compiles, missing
from ..drawing import menus
from ..drawing.source import Rejected, Source, Stream, mix
from ..judging.judge import Judge, Judgement, Law
from ..programs.needs import needs
from ..programs.program import Call, Leaf, Program
from ..programs.trace import Trace
from .shrink import shrink

Draw = Callable[[Source], Program]
Witness = Callable[[Trace], bool]
Excuse = Callable[[Program, Judgement], bool]
BLOCK, FIRST = 16, 3
"""How many programs are sent ahead together, and how many first: where those all need what the engine lacks, so do the
others."""
DEATHS = {"crash": 12, "hang": 0, "memory": 8}
"""How an engine's process may end, and how often the shrinker may make it."""
MINIMUM_WITNESSED, SHARE_WITNESSED = 5, 0.2


@dataclass(slots=True)
class Seen:
    """What kinds of things the drawn programs held."""

    dtypes: set[str] = field(default_factory=set)
    ranks: set[int] = field(default_factory=set)
    layouts: set[str] = field(default_factory=set)
    structures: set[str] = field(default_factory=set)
    keywords: dict[str, set[str]] = field(default_factory=dict)

    def add(self, program: Program) -> None:
        for step in program.steps:
            kind = type(step)
            if kind is Leaf:
                self.dtypes.add(step.dtype)
                self.ranks.add(len(step.shape))
                self.layouts.add(step.layout)
            elif kind is Call:
                for name, value in step.attrs:
                    self.keywords.setdefault(f"{step.op}.{name}", set()).add(repr(value))

    def record(self) -> dict[str, Any]:
        return {
            "dtypes": sorted(self.dtypes),
            "ranks": sorted(self.ranks),
            "layouts": sorted(self.layouts),
            "keywords": {name: sorted(values)[:12] for name, values in sorted(self.keywords.items())},
            **({"structures": len(self.structures)} if self.structures else {}),
        }


@dataclass(slots=True)
class Tally:
    """The counts of one search. ``failing`` is the first failing draw's log and judgement, ``failed`` how many failed
    in its way; ``choice`` and ``choices`` the same of what another engine is free in; ``cut``: the search ended early,
    since a recorded fault of the oracle was shown often enough."""

    programs: int = 0
    witnessed: int = 0
    filtered: int = 0
    unclaimed: int = 0
    refused: int = 0
    ill_posed: int = 0
    unspecified: int = 0
    seconds: float = 0.0
    seen: Seen = field(default_factory=Seen)
    lacking: set[str] = field(default_factory=set)
    common: frozenset[str] | None = None
    needs: frozenset[str] = frozenset()
    failing: tuple[list[int], Judgement] | None = None
    failed: int = 0
    choice: tuple[list[int], Judgement] | None = None
    choices: int = 0
    cut: bool = False
    digest: str = ""

    @property
    def hopeless(self) -> bool:
        """Whether the first programs all need a capability that the engine lacks. Operators and dtypes vary."""
        none = self.programs == self.unclaimed == FIRST and self.common is not None
        return none and any(not need.startswith(("op:", "dtype:")) for need in self.common or ())

    @property
    def judged(self) -> int:
        return self.programs - self.unclaimed

    def witness_missing(self, examples: int) -> bool:
        """Whether too few programs showed the situation: max(5, 20 %), or 20 % alone of a handful."""
        share = self.judged / max(self.programs, 1)
        wanted = share * max(min(MINIMUM_WITNESSED, examples // 2), SHARE_WITNESSED * examples)
        return self.failing is None and not self.cut and self.judged > 0 and self.witnessed < wanted


def _never(program: Program, judgement: Judgement) -> bool:
    return False


def search(
    judge: Judge,
    draw: Draw,
    witness: Witness,
    seed: tuple[int, ...],
    examples: int,
    law: Law | None = None,
    excused: Excuse = _never,
    is_choice: Excuse = _never,
) -> Tally:
    """Judges ``examples`` drawn programs. What is only another engine's choice hides no fault: it is shown where there is
    none. After one that differs and isn't excused, the others are counted; where it
    ended the engine's process, there is an end."""
    tally, started, hasher = Tally(), time.perf_counter(), hashlib.sha256()
    with collecting_warnings():
        for program, source in _drawn(judge, draw, seed, examples, tally):
            judgement = _judge(judge, program, law, tally)
            if judgement is None:
                if tally.hopeless:
                    break
                continue
            hasher.update(array("Q", source.log).tobytes() + judgement.status.encode())
            tally.witnessed += judgement.status != "ill-posed" and witness(judgement.oracle)
            if judgement.status != "different":
                continue
            if is_choice(program, judgement):
                tally.choice, tally.choices = tally.choice or (source.log, judgement), tally.choices + 1
                continue
            if not excused(program, judgement):
                if not _goes_on(tally, source.log, judgement):
                    break
                continue
            if getattr(excused, "enough", False):
                tally.cut = True
                break
    if tally.failing is None and tally.choice is not None:
        tally.failing, tally.failed = tally.choice, tally.choices
    tally.seconds = time.perf_counter() - started
    tally.digest = hasher.hexdigest()
    return tally


def _goes_on(tally: Tally, log: list[int], judgement: Judgement) -> bool:
    """Takes note of a program that fails, and says whether the search goes on: a death costs seconds."""
    found = judgement.divergence
    assert found is not None
    if tally.failing is None:
        tally.failing = (log, judgement)
    first = tally.failing[1].divergence
    tally.failed += first is not None and first.kind == found.kind
    return found.kind not in DEATHS


def _drawn(
    judge: Judge, draw: Draw, seed: tuple[int, ...], examples: int, tally: Tally
) -> Iterator[tuple[Program, Stream]]:
    """The programs of a search. An engine in another process is sent a block of them ahead, and works meanwhile."""
    send_ahead = getattr(judge.backend, "send_ahead", None)
    streams, block = _streams(judge, draw, seed, examples), FIRST
    while ahead := list(itertools.islice(streams, block if send_ahead else 1)):
        block = BLOCK
        drawn: list[tuple[Program, Stream]] = []
        for source in ahead:
            try:
                drawn.append((draw(source), source))
            except Rejected:
                tally.filtered += 1
        if send_ahead:
            send_ahead([program for program, _ in drawn if judge.claimed(program)])
        yield from drawn


def _streams(judge: Judge, draw: Draw, seed: tuple[int, ...], examples: int) -> Iterator[Stream]:
    """A source for each example; for an engine that compiles, of few structures that it claims."""
    if not compiles(judge.backend):
        return (Stream(mix(*seed, index)) for index in range(examples))

    def claimed(source: Source) -> Program | None:
        try:
            program = draw(source)
        except Rejected:
            return None
        return program if judge.claimed(program) else None

    return iter(menus.sources(claimed, seed, examples))


def _judge(judge: Judge, program: Program, law: Law | None, tally: Tally) -> Judgement | None:
    tally.programs += 1
    tally.seen.add(program)
    if compiles(judge.backend):
        tally.seen.structures.add(program.structure())
    if tally.programs <= 8:
        tally.needs |= needs(program)
    if not judge.claimed(program):
        lacks = missing(judge.backend, needs(program))
        tally.unclaimed += 1
        tally.lacking.update(lacks)
        tally.common = frozenset(lacks) & (frozenset(lacks) if tally.common is None else tally.common)
        return None
    judgement = judge.judge(program, law)
    if judgement.status == "unclaimed":
        tally.unclaimed += 1
        tally.refused += judgement.refused
        tally.lacking.add(judgement.lacks)
        return None
    tally.ill_posed += judgement.status == "ill-posed"
    tally.unspecified += judgement.status == "unspecified"
    return judgement


def smallest(
    judge: Judge, draw: Draw, log: list[int], kind: str, law: Law | None, is_other: Excuse = _never
) -> Program:
    """The smallest program with a divergence of the same kind that isn't something else."""

    runs_left = DEATHS.get(kind, 1 << 30)

    def fails(program: Program) -> bool:
        nonlocal runs_left
        runs_left -= 1
        if runs_left < 0 or not judge.claimed(program):
            return False
        judgement = judge.judge(program, law)
        found = judgement.divergence
        same = judgement.status == "different" and found is not None and found.kind == kind
        return same and not is_other(program, judgement)

    def guarded(source: Source) -> Program:
        try:
            return draw(source)
        except Rejected:
            return Program(())

    with collecting_warnings(), judge.quickly():
        return shrink(log, guarded, fails)
