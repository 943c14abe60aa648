"""Engines side by side, each in a process of its own; rounds take turns, so that a ratio holds on a noisy machine.

    python -m benchmarks.across refgrad torch autograd=.envs/autograd/bin/python -o across.json

An engine is a name of `players.PLAYERS`, or `numpy`, the floor by hand; `NAME=PYTHON` runs it under that interpreter. The
output has pytest-benchmark's form: `refgrad report RESULTS --benchmarks across.json` draws it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import statistics
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .players import FLOOR, PLAYERS
from .tasks import TASKS, Task

ROOT = Path(__file__).parents[1]
ROUNDS = 9
PATIENCE = 30.0
"""Seconds for one round, compiling included; an engine that takes longer does not play this task at this size."""


class Absent(RuntimeError):
    """An engine's process ended, or never began."""


class Engine:
    """A worker process, started anew after it was too slow."""

    def __init__(self, name: str, python: str) -> None:
        self.name, self.python = name, python
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        words = [self.python, "-m", f"{__package__}.worker", self.name]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=env, cwd=ROOT)
        except OSError as error:
            raise Absent(f"{self.name}: {self.python}: {error.strerror or error}") from None

    def version(self) -> str:
        """The engine's version. Raises Absent when its process has ended."""
        answer = self._ask({}, "its start")
        return "" if answer is None else str(answer["version"])

    def round(self, task: str, size: int) -> float | str:
        """Seconds a step, or why there are none. Raises Absent when the process has ended."""
        answer = self._ask({"task": task, "size": size}, f"{task} at size {size}")
        if answer is None:
            self.close()
            self.process = self._start()
            return f"no answer within {PATIENCE:g} seconds"
        return answer.get("seconds", answer.get("absent"))

    def _ask(self, request: dict[str, Any], during: str) -> Any:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            if not select.select([stdout], [], [], PATIENCE)[0]:
                return None
            return json.loads(stdout.readline())
        except (OSError, ValueError):
            raise Absent(f"{self.name}: its process ended during {during}") from None

    def close(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):  # what was not read before the process ended
                pipe.close()  # type: ignore[union-attr]
        self.process.wait()


def measure(engines: list[Engine], rounds: int, only: frozenset[str] | None = None) -> list[dict[str, Any]]:
    """Every task and size on every engine; the engines take turns within a round."""
    found: list[dict[str, Any]] = []
    for task in TASKS:
        for size in task.sizes if only is None or task.name in only else ():
            seconds = _rounds(engines, task.name, size, rounds)
            found += [_entry(task, size, name, times) for name, times in seconds.items() if times]
    return found


def _rounds(engines: list[Engine], task: str, size: int, rounds: int) -> dict[str, list[float]]:
    """Seconds a step by engine; one that does not answer with a time drops out, and it is said why."""
    seconds: dict[str, list[float]] = {engine.name: [] for engine in engines}
    playing = list(engines)
    for _ in range(rounds):
        for engine in list(playing):
            given = engine.round(task, size)
            if isinstance(given, float):
                seconds[engine.name].append(given)
            else:
                playing.remove(engine)
                print(f"{engine.name}: {task} at {size}: {given}", file=sys.stderr)
    return seconds


def _entry(task: Task, size: int, engine: str, times: list[float]) -> dict[str, Any]:
    low, median, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else (times[0],) * 3
    stats: dict[str, Any] = {
        "median": median,
        "q1": low,
        "q3": high,
        "min": min(times),
        "max": max(times),
        "rounds": len(times),
    }
    stats["data"] = times  # rounds took turns: a report may pair them
    return {
        "group": task.name,
        "name": f"{task.name}[{engine}-{size}]",
        "stats": stats,
        "extra_info": {"engine": engine, "size": size, "operators": task.operators, "paired": True},
    }


def machine(versions: dict[str, str]) -> dict[str, Any]:
    """What pytest-benchmark says of a machine, as far as the report reads it, and the engines' versions."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "python_version": platform.python_version(),
        "cpu": {"brand_raw": _processor()},
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def started(words: Iterable[str]) -> list[Engine]:
    """The engines of `NAME` or `NAME=PYTHON` words. Raises Absent for an unknown name."""
    engines = []
    for word in words:
        name, _, python = word.partition("=")
        if name != FLOOR and name not in PLAYERS:
            raise Absent(f"unknown engine {name!r}; known are {', '.join([FLOOR, *PLAYERS])}")
        engines.append(Engine(name, python or sys.executable))
    return engines


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Times engines side by side.")
    parser.add_argument("engines", nargs="+", help="NAME or NAME=PYTHON")
    parser.add_argument("-o", "--output", type=Path, default=Path("across.json"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--task", action="append", help="only this task; may be repeated")
    given = parser.parse_args(words)
    engines: list[Engine] = []
    try:
        engines = started(given.engines)
        versions = {engine.name: engine.version() for engine in engines}
        found = measure(engines, given.rounds, frozenset(given.task) if given.task else None)
    except Absent as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        for engine in engines:
            engine.close()
    given.output.write_text(
        json.dumps({"machine_info": machine(versions), "benchmarks": found}, indent=1), encoding="utf-8"
    )
    print(f"{given.output}: {len(found)} timings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
