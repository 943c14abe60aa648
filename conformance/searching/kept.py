"""Falsifying programs, kept from run to run and replayed first: what failed once is asked again before anything is drawn.

A file of JSON lines, each a result's id and a program; what isn't one is passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..programs.codec import BadProgram, decode_program, encode_program
from ..programs.program import Program

MOST = 4
"""How many are kept for one result: the newest."""


class Kept:
    """The falsifying programs of a file; without one nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._programs: dict[str, list[Program]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            record: Any = json.loads(line)
            program = decode_program(record["program"])
        except (ValueError, KeyError, TypeError, BadProgram, RecursionError):
            return
        if program.steps:
            self._programs.setdefault(str(record.get("id")), []).append(program)

    def of(self, result: str) -> list[Program]:
        """The programs that falsified a result, the newest first."""
        return self._programs.get(result, [])[: -MOST - 1 : -1]

    def keep(self, result: str, program: Program) -> None:
        """Keeps a program, on the disk when this returns; one that is kept already isn't kept twice."""
        known = self._programs.setdefault(result, [])
        if self.path is None or not program.steps or any(p.digest() == program.digest() for p in known):
            return
        known.append(program)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as file:
            file.write(json.dumps({"id": result, "program": encode_program(program)}) + "\n")
