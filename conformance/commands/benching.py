"""Runs the benchmarks for ``refgrad bench`` and compares them with a stored run."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Regression:
    """A work that became slower than the stated factor allows."""

    work: str
    engine: str
    size: float | None
    factor: float


def unknown(package: str, engines: str) -> str | None:
    """What is wrong with the names of engines, in a line; None when all are known."""
    players = importlib.import_module(f"{package}.players")
    known = [players.FLOOR, *players.PLAYERS]
    wrong = [name for name in engines.split(",") if name not in known]
    return f"unknown engine {wrong[0]!r}; known are {', '.join(known)}" if wrong else None


def run(package: str, engines: str, output: Path, more: Sequence[str], quiet: bool = False) -> int:
    """Runs the benchmarks on some engines into a JSON file; returns pytest's exit status."""
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "--pyargs", package, "-q", "-o", "python_files=bench_*.py"]
    command += ["--engines", engines, f"--benchmark-json={output}", *more]
    return subprocess.run(command, stdout=subprocess.DEVNULL if quiet else None).returncode


def run_apart(package: str, engines: str, output: Path, more: Sequence[str], quiet: bool = False) -> int:
    """The same for any engine, each in a process of its own interpreter, rounds in turn; returns the exit status."""
    from ..certifying import environments

    across = importlib.import_module(f"{package}.across")
    output.parent.mkdir(parents=True, exist_ok=True)
    words: list[str] = []
    for name in engines.split(","):
        engine = environments.engines().get(name.partition(" ")[0])
        try:
            python = environments.prepare(engine)[1] if engine else None
        except environments.NotInstalled as error:
            print(error, file=sys.stderr)
            return 1
        words.append(f"{name}={python}" if python else name)
    with redirect_stdout(io.StringIO()) if quiet else nullcontext():
        return across.main([*words, "-o", str(output), *more])


def regressions(before: Any, after: Any, factor: float) -> Iterator[Regression]:
    """Where the median grew by the factor and the quartiles of the two runs don't overlap."""
    old = {(timing.work, timing.engine, timing.size): timing for timing in before.all}
    for timing in after.all:
        earlier = old.get((timing.work, timing.engine, timing.size))
        if earlier and timing.median > factor * earlier.median and timing.low > earlier.high:
            yield Regression(timing.work, timing.engine, timing.size, timing.median / earlier.median)
