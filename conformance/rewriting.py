"""Programs put in the form that the arbiter reads: without writes, where they can be told from their results."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from . import catalogue
from .program import Call, Program, Ref, Step


def without_writes(program: Program) -> Program:
    """The program with each in-place call on a fresh clone made a call that returns: from there on, what names the
    clone means the result. Other writes stay as they are."""
    steps: list[Step] = []
    newest: dict[int, Ref] = {}
    for index, step in enumerate(program.steps):
        moved = _renamed(step, newest)
        if isinstance(step, Call) and step.form == "inplace" and isinstance(step.args[0], Ref):
            target = step.args[0].index
            if _is_fresh(program, target, index):
                moved = replace(moved, form="function")
                newest[target] = Ref(index)
        steps.append(moved)
    return Program(tuple(steps))


def _is_fresh(program: Program, target: int, end: int) -> bool:
    """Whether a value is a clone of which nothing made a view before a step."""
    step = program.steps[target]
    if not isinstance(step, Call) or step.op != "clone":
        return False
    users = [s for s in program.steps[:end] if isinstance(s, Call) and Ref(target) in s.args]
    return not any(catalogue.find(s.op).view for s in users)


def _renamed(step: Any, newest: dict[int, Ref]) -> Any:
    if not newest:
        return step
    return replace(step, **{f.name: _replaced(getattr(step, f.name), newest) for f in fields(step)})


def _replaced(value: Any, newest: dict[int, Ref]) -> Any:
    if isinstance(value, Ref):
        return newest.get(value.index, value)
    return tuple(_replaced(part, newest) for part in value) if isinstance(value, tuple) else value
