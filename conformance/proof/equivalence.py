"""Whether a fault that survived changes anything at all: the broken engine beside the sound one, bit by bit.

A fault that never fires is a hole (nothing makes it matter, or nothing can); one that fires in many programs and never
changes a bit of what they show is equivalent.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..backends import Backend, collecting_warnings
from ..drawing.source import Rejected, Stream, mix
from ..judging.compare import FACTS, Closeness, compare
from ..programs.program import Program
from ..promises.check import Settings
from ..promises.questions import Question
from ..searching.search import Draw
from .faults.fault import Broken
from .faults.sites import Reach
from .faults.systematic import SiteFault
from .trials import asked

DRAWS = 10_000
NEEDS_MATRIX, NEEDS_SEVERAL = ("transposed",), ("some-element", "large", "one-of-65536")
"""Faults of what has two dimensions, and of what has several elements."""
EXACT = Closeness(ulps=0.0)


@dataclass(slots=True)
class Comparison:
    """``draws``: programs that reach the site; ``fired``: in how many the fault fired; ``dtypes``: of what it fired on;
    ``differs``: the question that first showed a difference; ``rank``, ``size``: the largest of what passed the site."""

    fault: str
    draws: int = 0
    fired: int = 0
    dtypes: set[str] | None = None
    differs: str = ""
    rank: int = 0
    size: int = 0

    @property
    def is_void(self) -> bool:
        """Whether what passes the site is too small for the fault ever to be one: a number has no second element."""
        mutation = self.fault.rpartition("/")[2]
        return (mutation in NEEDS_MATRIX and self.rank < 2) or (mutation in NEEDS_SEVERAL and self.size < 2)

    @property
    def reason(self) -> str:
        """One line, made from the counts."""
        if self.differs:
            return f"not equivalent: {self.differs} shows a difference that rounding excuses"
        kinds = ", ".join(sorted(self.dtypes or ()))
        if not self.fired and self.is_void:
            most = "a number" if self.size < 2 else "a vector"
            return f"in {self.draws} programs what passes its site is never more than {most} ({kinds})"
        if not self.fired:
            return f"never fires in {self.draws} programs that reach its site"
        return f"identical in {self.draws} programs, in {self.fired} of which it fires ({kinds})"

    @property
    def equivalent(self) -> bool:
        fits = self.fired > 0 or self.is_void
        return not self.differs and self.draws >= DRAWS and fits and len(self.dtypes or ()) >= 2


class Comparator:
    """Compares broken engines of one site with the sound one on the same programs."""

    def __init__(self, faults: Sequence[SiteFault], sound: Backend) -> None:
        self.sound = sound
        self.reach = Reach()
        self.site = faults[0].site
        self.faults = {fault.id: fault for fault in faults}
        self.engines = {fault.id: Broken(fault, sound) for fault in faults}
        self.found = {fault.id: Comparison(fault.id, dtypes=set()) for fault in faults}

    def run(self, questions: Sequence[Question], settings: Settings, draws: int = DRAWS) -> list[Comparison]:
        """Draws until enough programs have reached the site, or there are no more questions."""
        reached, spread = 0, replace(settings, examples=max(settings.examples, draws // max(len(questions), 1) + 1))
        with collecting_warnings():
            for question in questions:
                found = asked(question, spread)
                if found.draw is not None and reached < draws:
                    reached += self._ask(found.id, found.draw, found.examples)
        return list(self.found.values())

    def _ask(self, id: str, draw: Draw, examples: int) -> int:
        reached = 0
        for index in range(examples):
            # Draws of their own: those of the trials are known to show nothing.
            source = Stream(mix(1, zlib.crc32(id.encode()), index))
            try:
                program = draw(source)
            except Rejected:
                continue
            if index == 8 and not reached:
                return 0
            reached += self._compare(id, program)
        return reached

    def _compare(self, id: str, program: Program) -> int:
        with self.reach:
            sound = self.sound.execute(program)
        events = self.reach.events.get(self.site)
        if events is None:
            return 0
        for name, comparison in self.found.items():
            comparison.draws += 1
            comparison.rank = max(comparison.rank, *(len(e.shape) for e in events))
            comparison.size = max(comparison.size, *(e.size for e in events))
            firing = [e for e in events if self.faults[name].fires(e)]
            if comparison.is_void:
                comparison.dtypes = (comparison.dtypes or set()) | {e.dtype.name for e in events}
            if not firing or comparison.differs:
                continue
            comparison.fired += 1
            assert comparison.dtypes is not None
            comparison.dtypes |= {e.dtype.name for e in firing}
            if compare(self.engines[name].execute(program), sound, FACTS, EXACT) is not None:
                comparison.differs = id
        return 1
