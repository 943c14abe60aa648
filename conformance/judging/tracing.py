"""Every tensor that a trace holds."""

from __future__ import annotations

from collections.abc import Iterator

from ..programs.trace import Observed, Outcome, Trace
from .compare import Place


def values(trace: Trace) -> Iterator[tuple[Place, Observed]]:
    """Every tensor of a trace, with its place."""
    for step, outcome in enumerate(trace.steps):
        yield from _tensors(outcome, ("step", step, ()))
    for step, outcome in trace.gradients.items():
        yield from _tensors(outcome, ("gradient", step, ()))
    for i, call in enumerate(trace.hooks):
        yield from _tensors(call.grads, ("hook", i, ()))


def _tensors(outcome: Outcome, place: Place) -> Iterator[tuple[Place, Observed]]:
    if isinstance(outcome, Observed):
        yield place, outcome
        if outcome.grad is not None:
            yield from _tensors(outcome.grad, (place[0], place[1], (*place[2], 0)))
        for found in (outcome.more or {}).values():
            yield from _tensors(found, (place[0], place[1], (*place[2], 0)))
    elif isinstance(outcome, tuple):
        for i, part in enumerate(outcome):
            yield from _tensors(part, (place[0], place[1], (*place[2], i)))
