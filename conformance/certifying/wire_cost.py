"""What it costs to have an engine in a process of its own: processor time, against the same programs in this process.

    python -m conformance.certifying.wire_cost refgrad

Exit code 1 where the cost is above the bar. Starting the engine is not counted: a standard run takes minutes.
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..backends import Backend, load
from ..backends.wire import isolated
from ..catalogue import operators
from ..drawing.generate import one_operator
from ..judging.judge import Judge
from ..promises.properties import properties_of
from ..searching.search import search

BAR = 1.3
EVERY, EXAMPLES, ROUNDS = 24, 25, 3
_TICK = os.sysconf("SC_CLK_TCK")


def measure(engine: str, oracle: str = "torch", every: int = EVERY) -> dict[str, float]:
    """Processor seconds of a slice in this process, in two processes, and their ratio."""
    reference, here, there = load(oracle), load(engine), isolated(engine)
    child = there._process._child.pid if there._process else 0
    spent: dict[str, list[float]] = {"here": [], "there": []}
    for number in range(ROUNDS + 1):
        for name, backend, pid in (("here", here, 0), ("there", there, child)):
            seconds = _spent(backend, reference, pid, every)
            if number:  # The first round warms caches up.
                spent[name].append(seconds)
    there.close()
    best = {name: min(times) for name, times in spent.items()}
    return {**best, "ratio": best["there"] / best["here"]}


def _spent(backend: Backend, oracle: Backend, pid: int, every: int) -> float:
    judge, start = Judge(backend, oracle), time.process_time() + _of_process(pid)
    for line, kind in _slice(every):
        seed = (0, zlib.crc32(f"{line.name}/{kind.name}".encode()))
        draw = one_operator(line, kind.build, kind.dtypes(line))
        judge.at_kinks = kind.convention
        search(judge, draw, lambda trace: True, seed, EXAMPLES)
    return time.process_time() + _of_process(pid) - start


def _slice(every: int) -> Iterator[tuple[Any, Any]]:
    cases = ((line, kind) for line in operators().values() for kind in properties_of(line) if kind.rarity == 1)
    return (case for index, case in enumerate(cases) if index % every == 0)


def _of_process(pid: int) -> float:
    """Processor seconds of another process so far; 0 for none."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def main(words: list[str]) -> int:
    """Prints the measurement; 0 if it is within the bar."""
    found = measure(words[0] if words else "refgrad")
    print(
        f"{found['here']:.2f} s in one process, {found['there']:.2f} s in two: {found['ratio']:.2f} times (bar {BAR})"
    )
    return int(found["ratio"] > BAR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
