"""Every task on each engine of this interpreter; pytest-benchmark's JSON feeds the report. `across` does any engine."""

from __future__ import annotations

from typing import Any

import pytest

from .players import NotPlayed, Start, step_of
from .tasks import TASKS, Task

WORK = [pytest.param(task, size, id=f"{task.name}-{size}") for task in TASKS for size in task.sizes]


@pytest.mark.parametrize(("task", "size"), WORK)
def test_task(benchmark: Any, engine: tuple[str, Start | None], task: Task, size: int) -> None:
    """The value and the gradients of one task."""
    name, start = engine
    benchmark.group = task.name
    benchmark.extra_info.update(engine=name, size=size, operators=task.operators)
    try:
        step = step_of(task, size, start)
    except NotPlayed as why:
        pytest.skip(f"{name}: {why}")
    benchmark(step)
