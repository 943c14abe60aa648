"""The judge's side: an engine in a process of its own, that may crash, hang or grow without harm to the run.

Programs may be sent ahead in blocks. Answers come in order, so the first that is missing when the process dies names the
program that killed it; the others are sent again, to a fresh process.
"""

from __future__ import annotations

import ast
import atexit
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...programs.codec import encode_program
from ...programs.program import Program
from ...programs.trace import Trace
from .. import BrokenBackend, EngineDied
from . import messages, traces
from .process import Gone, Process

MEMORY, SECONDS, START_SECONDS = 4 << 30, 20.0, 300.0
COMPILING = 6
"""How many times longer an engine may take that compiles."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use: seconds of wall time, bytes of memory beyond the idle engine's."""

    seconds: float = SECONDS
    memory: int = MEMORY
    start_seconds: float = START_SECONDS


class Wire:
    """A backend over a command that speaks the protocol. The process starts at once, since it says who it is."""

    def __init__(self, command: Sequence[str], limits: Limits = Limits(), name: str | None = None) -> None:
        self.command, self.limits, self.spec = list(command), limits, name or command[0]
        self._numbers = itertools.count()
        self._waiting: dict[int, bytes] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._ahead: dict[int, int] = {}
        self._unwanted: set[int] = set()
        self._programs: list[Program] = []
        self._process: Process | None = None
        hello = self._start()
        self.name, self.version, self.family = (str(hello[key]) for key in ("name", "version", "family"))
        self.name = name or self.name
        self.claims = frozenset(map(str, hello["claims"]))
        self.module = hello.get("module")
        self.compiles = str(hello.get("compiles", "no"))
        self._seconds = limits.seconds * (1 if self.compiles == "no" else COMPILING)

    # What a backend does

    def execute(self, program: Program, noise: int | None = None) -> Trace:
        """The trace. Raises EngineDied when the process crashed, hung or ran out of memory on this program."""
        number = self._ahead.pop(id(program), None) if noise is None else None
        if number is None:
            number = self._send({"type": "run", "program": encode_program(program), "noise": noise})
        answer = self._answer(number)
        try:
            return traces.decode(answer["trace"])
        except (KeyError, traces.BadTrace) as error:
            raise EngineDied("crash", f"the engine's process sent no trace: {error}") from None

    def send_ahead(self, programs: Iterable[Program]) -> None:
        """Sends programs that will be executed soon, so that the engine works while the judge does."""
        self._unwanted.update(self._ahead.values())
        self._programs = list(programs)  # held, so that no identity is given twice
        self._ahead = {
            id(program): self._send({"type": "run", "program": encode_program(program), "noise": None})
            for program in self._programs
        }

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        raise NotImplementedError("the process runs scenarios by name: ask `shown`")

    def shown(self, run: Callable[[Any, Any], Any], drawn: Any) -> str:
        """What a scenario shows, as text. Raises NotImplementedError for one that has no name or takes no literal."""
        if "<" in run.__qualname__ or not is_literal(drawn):
            raise NotImplementedError("a scenario in another process is a named function of literal data")
        where = f"{run.__module__}:{run.__qualname__}"
        text = self._answer(self._send({"type": "scenario", "run": where, "data": repr(drawn)})).get("text")
        return str(text)

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    # The process

    def _start(self) -> dict[str, Any]:
        try:
            self._process = Process(self.command)
            self._process.send(messages.write({"type": "hello", "memory": self.limits.memory}))
            hello = messages.read(self._process.receive(self.limits.start_seconds, None), ("hello",))
        except (Gone, messages.BadMessage) as error:
            self.close()
            raise BrokenBackend(f"backend {self.spec!r} did not start: {error}") from None
        if hello.get("protocol") != messages.VERSION or not isinstance(hello.get("claims"), list):
            self.close()
            raise BrokenBackend(f"backend {self.spec!r} speaks protocol {hello.get('protocol')!r}, not 1")
        return hello

    def _send(self, request: dict[str, Any]) -> int:
        number = next(self._numbers)
        line = messages.write({**request, "id": number})
        if self._process is None:
            self._send_again()
        assert self._process is not None
        self._waiting[number] = line
        self._process.send(line)
        return number

    def _send_again(self) -> None:
        self._start()
        assert self._process is not None
        for line in self._waiting.values():
            self._process.send(line)

    def _answer(self, number: int) -> dict[str, Any]:
        while number not in self._answers:
            if self._process is None:
                self._send_again()
            self._receive()
        answer = self._answers.pop(number)
        if answer["type"] == "died":
            raise EngineDied(str(answer["kind"]), str(answer["message"]))
        return answer

    def _receive(self) -> None:
        """Takes one answer, or gives the first program that has none the blame for the process's end."""
        assert self._process is not None
        first = next(iter(self._waiting))
        try:
            answer = messages.read(self._process.receive(self._seconds, self.limits.memory), messages.ANSWERS)
            if answer.get("id") != first:
                raise messages.BadMessage(f"an answer to {answer.get('id')!r:.20}, not to {first}")
            if answer["type"] == "died" or answer.get("last"):
                # It lives on, but what it holds may be full or broken; or it says so itself.
                self.close()
        except messages.BadMessage as error:
            answer = {"type": "died", "kind": "crash", "message": f"garbage on standard output: {error}"}
            self.close()
        except Gone as gone:
            answer = {"type": "died", "kind": gone.kind, "message": str(gone)}
            self.close()
        del self._waiting[first]
        if first in self._unwanted:
            self._unwanted.discard(first)
        else:
            self._answers[first] = answer


def is_literal(data: Any) -> bool:
    """Whether data can be written down as a Python literal and read back."""
    try:
        return bool(ast.literal_eval(repr(data)) == data)
    except (ValueError, SyntaxError):
        return False


def isolated(spec: str, python: str = sys.executable, limits: Limits = Limits(), imports: Sequence[str] = ()) -> Wire:
    """A Python engine in a process of its own, run by an interpreter that may have other packages than this one."""
    root = __name__.partition(".")[0]
    package = sys.modules[root].__path__[0]
    path = os.pathsep.join(filter(None, (lent(package), os.environ.get("PYTHONPATH"))))
    command = ["/usr/bin/env", f"PYTHONPATH={path}", python, "-m", f"{root}.backends.wire.server", spec, *imports]
    return Wire(command, limits, name=spec)


@cache
def lent(package: str) -> str:
    """The folder that lends this package, and refgrad, to another interpreter: not one with other packages in it,
    which are built for this one."""
    home = Path(package)
    if not any(home.parent.glob("*.dist-info")):
        return str(home.parent)
    folder = Path(tempfile.mkdtemp(prefix="refgrad-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in (home.name, "refgrad"):
        if (home.parent / name).is_dir():
            (folder / name).symlink_to(home.parent / name)
    return str(folder)
