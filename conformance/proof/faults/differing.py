"""The judge of a planted fault: only what the sound engine gets right counts against the broken one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...backends import Backend
from ...judging.judge import Judge, Judgement, Law
from ...programs.program import Program


class FaultJudge(Judge):
    """Excuses a program, or a scenario, on which the sound engine itself differs from the oracle."""

    __slots__ = ("sound",)

    def __init__(self, broken: Backend, sound: Backend, oracle: Backend) -> None:
        Judge.__init__(self, broken, oracle)
        self.sound = Judge(sound, oracle)

    def judge(self, program: Program, law: Law | None = None) -> Judgement:
        found = Judge.judge(self, program, law)
        self.sound.at_kinks = self.at_kinks
        if found.status == "different" and self.sound.judge(program, law).status == "different":
            return found if self._is_blind and self._shows(program, law) else Judgement("same", found.oracle)
        return found

    @property
    def _is_blind(self) -> bool:
        """Whether the oracle has the fault too, so that where it shows the sound engine differs from the oracle."""
        return bool(getattr(self.backend, "blind", False))

    def _shows(self, program: Program, law: Law | None) -> bool:
        """Whether the fault changes anything here: then the arbiter, or the law, has to rule on it."""
        beside = Judge(self.backend, self.sound.backend)
        beside.at_kinks = self.at_kinks
        return beside.judge(program, law).status == "different"

    def observe(self, run: Callable[[Any, Any], Any], data: Any) -> tuple[str, str] | None:
        found = Judge.observe(self, run, data)
        return None if found and self.sound.observe(run, data) else found
