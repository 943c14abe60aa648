"""One engine in a process of its own: reads `task size`, does it once more, answers with seconds. See `across`.

python -m benchmarks.worker ENGINE
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from .players import FLOOR, PLAYERS, step_of, version
from .tasks import TASKS

Step = Callable[[], Any]
LEAST = 0.02
"""Seconds that a round takes at least, so that the clock's grain does not count."""


def serve(engine: str, requests: Any, answers: Any) -> None:
    """Answers a line `{}` with `{"version"}`, and each `{"task", "size"}` with `{"seconds"}`, or `{"absent"}` and why."""
    start = None if engine == FLOOR else PLAYERS[engine]()
    steps: dict[tuple[str, int], tuple[Step, int]] = {}
    by_name = {task.name: task for task in TASKS}
    for line in requests:
        asked = json.loads(line)
        if not asked:
            print(json.dumps({"version": version(engine)}), file=answers, flush=True)
            continue
        key = (asked["task"], asked["size"])
        try:
            if key not in steps:
                steps[key] = _calibrated(step_of(by_name[key[0]], key[1], start))
            answer: dict[str, Any] = {"seconds": _timed(*steps[key])}
        except Exception as error:  # an engine's own failure: its cell stays empty, with the reason
            answer = {"absent": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=answers, flush=True)


def _calibrated(step: Step) -> tuple[Step, int]:
    """A step and how often to do it in a round; the first call, which may compile, is not timed."""
    step()
    once = _timed(step, 1)
    return step, max(1, round(LEAST / max(once, 1e-7)))


def _timed(step: Step, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - began) / times


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr
    serve(sys.argv[1], sys.stdin, answers)
