"""An engine that misbehaves on programs with a sine, in the way that the environment variable UNRULY names."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import Any

import numpy as np

from conformance.backends import load
from conformance.programs.program import Call, Program
from conformance.programs.trace import Trace

HELD: list[np.ndarray] = []


def grow() -> None:
    """Takes memory in pieces, and touches it."""
    while True:
        HELD.append(np.ones(1 << 24))


MISDEEDS = {
    "exit": lambda: os._exit(0),
    "segfault": lambda: ctypes.string_at(0),
    "hang": lambda: time.sleep(600),
    "memory": grow,
    "allocate": lambda: np.ones(10 << 30 >> 3),
    "print": lambda: print("garbage", flush=True) or sys.stdout.buffer.write(b"\xff\n") or os.write(1, b"{}\n"),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


class Unruly:
    """refgrad, but for the misdeed."""

    def __init__(self) -> None:
        self.sound: Any = load("refgrad")
        self.name, self.version, self.family = "unruly", "1", self.sound.family
        self.claims, self.ns = self.sound.claims, self.sound.ns

    def execute(self, program: Program, noise: int | None = None) -> Trace:
        if any(isinstance(step, Call) and step.op == "sin" for step in program.steps):
            MISDEEDS[os.environ["UNRULY"]]()
        return self.sound.execute(program, noise)

    def call(self, run: Any, drawn: Any) -> Any:
        return self.sound.call(run, drawn)


backend = Unruly
