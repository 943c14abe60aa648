"""What a planted fault is, and the engine that has it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass
from typing import Any

from ...backends import Backend, load
from ...programs.program import Program
from ...programs.trace import Trace

Plant = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """``plant()`` gives a context in which refgrad has the fault. ``expects``: prefixes of the ids of clauses and
    operator properties that a reader would expect to catch it. ``report``: the public report it restates.
    ``control``: no fault, must not be blamed (or be filed as convention). ``is_convention``: another choice at a tie or
    a kink, which counts as caught when it is filed as such. ``blind``: the oracle has it too, so that only a law or the
    arbiter can catch it. ``elements``: it shows in operands of so many elements alone."""

    id: str
    title: str
    kind: str
    plant: Plant
    expects: tuple[str, ...] = ()
    report: str | None = None
    control: bool = False
    is_convention: bool = False
    blind: bool = False
    elements: int = 0


class Broken:
    """A backend whose programs run with a fault planted."""

    def __init__(self, fault: Fault, sound: Backend | None = None) -> None:
        # It finds its functions anew: a broken one must not be kept among the sound engine's.
        self.sound = copy(sound or load("refgrad"))
        if hasattr(self.sound, "_calls"):
            self.sound._calls = {}  # type: ignore[attr-defined]
        self.planted, self.blind = fault.plant(), fault.blind
        self.name, self.version, self.family = f"refgrad with {fault.id}", self.sound.version, self.sound.family
        self.claims = self.sound.claims
        self.ns = getattr(self.sound, "ns", None)

    def execute(self, program: Program, noise: int | None = None) -> Trace:
        """The trace of the broken engine."""
        with self.planted:
            return self.sound.execute(program, noise)

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        """A scenario on the broken engine."""
        with self.planted:
            return self.sound.call(run, drawn)
