"""Whether a fault that survived changes anything at all: the broken engine beside the sound one, bit by bit.

A fault that never fires is a hole (nothing makes it matter, or nothing can); one that fires in many programs and never
changes a bit of what they show is equivalent. All survivors of a row share their programs, and whatever more programs
can't decide ends early.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..backends import Backend, collecting_warnings
from ..drawing.source import Rejected, Stream, mix
from ..judging.compare import FACTS, Closeness, compare
from ..programs.program import Program
from ..programs.trace import Trace
from ..promises.check import Settings
from ..promises.questions import Question
from .faults.changes import Event
from .faults.fault import Broken
from .faults.sites import Reach, Site
from .faults.systematic import SiteFault
from .trials import HUGE, Asked, asked

DRAWS = 10_000
BLOCK, ENOUGH = 50, 400
"""Programs of a question at a time; and of a site before a fault that fired in none, though it might, is left."""
NEEDS_MATRIX, NEEDS_SEVERAL = ("transposed",), ("some-element", "large", "one-of-65536")
"""Faults of what has two dimensions, and of what has several elements."""
EXACT = Closeness(ulps=0.0)
FIRST = ("edge", "convention", "vjp", "jvp", "inplace", "forward", "layout")
"""The properties that are asked first: special points, then what is cheap."""


@dataclass(slots=True)
class Comparison:
    """``draws``: programs that reach the site; ``fired``: in how many the fault fired; ``dtypes``: of what it fired on;
    ``differs``: the question that first showed a difference; ``rank``, ``size``: the largest of what passed the site."""

    fault: str
    draws: int = 0
    fired: int = 0
    dtypes: set[str] = field(default_factory=set)
    differs: str = ""
    rank: int = 0
    size: int = 0

    @property
    def is_void(self) -> bool:
        """Whether what passes the site is too small for the fault ever to be one: a number has no second element."""
        mutation = self.fault.rpartition("/")[2]
        return (mutation in NEEDS_MATRIX and self.rank < 2) or (mutation in NEEDS_SEVERAL and self.size < 2)

    def is_settled(self, draws: int) -> bool:
        """Whether further programs would say nothing new."""
        is_idle = not self.fired and not self.is_void
        return bool(self.differs) or self.draws >= draws or (is_idle and self.draws >= ENOUGH)

    @property
    def reason(self) -> str:
        """One line, made from the counts."""
        if self.differs:
            return f"not equivalent: {self.differs} shows a difference that rounding excuses"
        kinds = ", ".join(sorted(self.dtypes))
        if not self.fired and self.is_void:
            most = "a number" if self.size < 2 else "a vector"
            return f"in {self.draws} programs what passes its site is never more than {most} ({kinds})"
        if not self.fired:
            return f"never fires in {self.draws} programs that reach its site"
        return f"identical in {self.draws} programs, in {self.fired} of which it fires ({kinds})"

    @property
    def equivalent(self) -> bool:
        fits = self.fired > 0 or self.is_void
        return not self.differs and self.draws >= DRAWS and fits and len(self.dtypes) >= 2


class Comparator:
    """Compares broken engines of one row with the sound one on the same programs."""

    def __init__(self, faults: Sequence[SiteFault], sound: Backend) -> None:
        self.sound = sound
        self.reach = Reach()
        self.faults: dict[Site, list[SiteFault]] = {}
        for fault in faults:
            self.faults.setdefault(fault.site, []).append(fault)
        self.engines = {fault.id: Broken(fault, sound) for fault in faults}
        self.found = {fault.id: Comparison(fault.id) for fault in faults}

    def run(self, questions: Sequence[Question], settings: Settings, draws: int = DRAWS) -> list[Comparison]:
        """Draws until every fault is settled, or the questions reach no site any more."""
        asking = [found for q in cheapest_first(questions) if (found := asked(q, settings)).draw is not None]
        idle: set[str] = set()
        with collecting_warnings():
            for start in range(0, draws, BLOCK):
                for found in asking:
                    if all(c.is_settled(draws) for c in self.found.values()) or len(idle) == len(asking):
                        return list(self.found.values())
                    if found.id not in idle and not self._ask(found, range(start, start + BLOCK), draws):
                        idle.add(found.id)
        return list(self.found.values())

    def _ask(self, found: Asked, places: range, draws: int) -> int:
        """How many programs of a block reached a site with an unsettled fault."""
        reached = 0
        assert found.draw is not None
        for index in places:
            # Draws of their own: those of the trials are known to show nothing.
            try:
                program = found.draw(Stream(mix(1, zlib.crc32(found.id.encode()), index)))
            except Rejected:
                continue
            reached += self._compare(found.id, program, draws)
        return reached

    def _compare(self, id: str, program: Program, draws: int) -> bool:
        with self.reach:
            sound = self.sound.execute(program)
        useful = False
        for site, events in self.reach.events.items():
            for fault in self.faults.get(site, ()):
                comparison = self.found[fault.id]
                if comparison.is_settled(draws):
                    continue
                useful = True
                if self._fires(fault, comparison, events) and self._differs(fault, program, sound):
                    comparison.differs = id
        return useful

    def _differs(self, fault: SiteFault, program: Program, sound: Trace) -> bool:
        return compare(self.engines[fault.id].execute(program), sound, FACTS, EXACT) is not None

    def _fires(self, fault: SiteFault, comparison: Comparison, events: Sequence[Event]) -> bool:
        """Counts a program that reaches the fault's site; whether the fault fires in it."""
        comparison.draws += 1
        comparison.rank = max(comparison.rank, *(len(e.shape) for e in events))
        comparison.size = max(comparison.size, *(e.size for e in events))
        firing = [e for e in events if fault.fires(e)]
        comparison.fired += bool(firing)
        comparison.dtypes |= {e.dtype.name for e in (events if comparison.is_void else firing)}
        return bool(firing)


def cheapest_first(questions: Sequence[Question]) -> Iterator[Question]:
    """The questions without the huge ones: of operators by what their programs cost, then the others."""
    by_kind: dict[str, list[Question]] = {}
    for question in questions:
        if not question.id.endswith(HUGE):
            kind = question.id.rpartition("/")[2] if question.id.startswith("op/") else ""
            by_kind.setdefault(kind, []).append(question)
    later = [kind for kind in by_kind if kind and kind not in FIRST]
    for kind in (*FIRST, *later, ""):
        yield from by_kind.get(kind, ())
