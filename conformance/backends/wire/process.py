"""A child process with lines in and lines out, watched for silence and for the memory it takes."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

POLL = 0.05
MAX_LINE = 1 << 28
PATIENCE = 8
"""How many times its limit a program may wait for a processor that others use."""
IDLE = 0.02
"""A share of a processor below which a process is asleep, not waiting for its turn."""
_PAGE, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


class Gone(Exception):
    """The process gave no answer. ``kind``: crash, hang or memory."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Process:
    """Lines to and from a command. It is killed when it is silent for too long or takes too much memory."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        try:
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True
            )
        except OSError as error:
            self._errors.close()
            raise Gone("crash", f"{command[0]}: {error.strerror or error}") from None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()
        self._idle_memory: int | None = None

    def _read(self) -> None:
        assert self._child.stdout is not None
        while line := self._child.stdout.readline(MAX_LINE):
            self._lines.put(line)
        self._lines.put(b"")

    def _write(self) -> None:
        # A thread of its own: a process that is busy answering doesn't read, and must not stop the judge.
        assert self._child.stdin is not None
        try:
            while (line := self._outbox.get()) is not None:
                self._child.stdin.write(line)
                self._child.stdin.flush()
        except (BrokenPipeError, OSError, ValueError):
            return

    def send(self, line: bytes) -> None:
        """Queues a line; whether it arrived shows when its answer comes."""
        self._outbox.put(line)

    def receive(self, seconds: float, memory: int | None) -> bytes:
        """The next line. Raises Gone when the process ends, grows by ``memory`` bytes, or is silent for ``seconds``: of its
        own time where it computes on a machine that is busy with other things."""
        if self._idle_memory is None and memory is not None:
            self._idle_memory = self._resident()
        started, spent = time.monotonic(), self._spent()
        while True:
            try:
                line = self._lines.get(timeout=POLL)
            except queue.Empty:
                self._watch(time.monotonic() - started, self._spent() - spent, seconds, memory)
                continue
            if line:
                return line
            raise Gone("crash", self._how_it_ended())

    def _watch(self, waited: float, spent: float, seconds: float, memory: int | None) -> None:
        if waited > seconds and not (IDLE * waited < spent < seconds and waited < PATIENCE * seconds):
            self.kill()
            raise Gone("hang", f"no answer within {seconds:g} s")
        if memory is not None and self._resident() - (self._idle_memory or 0) > memory:
            self.kill()
            raise Gone("memory", f"took more than {memory >> 20} MiB")

    def _spent(self) -> float:
        """Seconds of processor time, its ended children's too; 0 where the system doesn't say."""
        try:
            with open(f"/proc/{self._child.pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            return sum(map(int, fields[11:15])) / _TICKS
        except (OSError, ValueError):
            return 0.0

    def _resident(self) -> int:
        try:
            with open(f"/proc/{self._child.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * _PAGE
        except (OSError, ValueError, IndexError):
            return 0

    def _how_it_ended(self) -> str:
        status = self._child.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        words = self.last_words()
        return f"the engine's process ended: {how}{words and ': ' + words}"

    def last_words(self) -> str:
        """The last line on standard error, if there was one."""
        self._errors.seek(max(self._errors.seek(0, os.SEEK_END) - 2000, 0))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def kill(self) -> None:
        """Kills the process and whatever it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def end(self) -> None:
        """Ends the process, and waits for it."""
        self._outbox.put(None)
        self.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue
        self._errors.close()
