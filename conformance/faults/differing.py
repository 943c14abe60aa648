"""The judge of a planted fault: only what the sound engine gets right counts against the broken one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import Backend
from ..judge import Judge, Judgement, Law
from ..program import Program


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
            return Judgement("same", found.oracle)
        return found

    def observe(self, run: Callable[[Any, Any], Any], data: Any) -> tuple[str, str] | None:
        found = Judge.observe(self, run, data)
        return None if found and self.sound.observe(run, data) else found
