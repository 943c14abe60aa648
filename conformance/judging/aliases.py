"""Writes into memory that several names see, told as calls that return: the base is put together anew from what was
written, and each view of it is taken once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from .. import catalogue
from ..programs.program import Backward, Call, Grad, Leaf, Observe, Program, Ref, Step, refs
from .references import REFERENCES, NoReference

Fresh = Callable[[Step], bool]
Members = dict[int, tuple[int, np.ndarray]]
"""The names of one memory: the name that each was made from, and where its elements lie in the base."""


PARTS = {"real": "imag", "imag": "real", "view_as_real": "view_as_complex", "view_as_complex": "view_as_real"}
"""Views of a complex number's parts, which are no elements of the base, and what gives the rest of it or takes it back."""


def without_shared_writes(program: Program, is_fresh: Fresh) -> Program:
    """The program with each write into a fresh base that has views, or into such a view, told by values. Steps keep
    their numbers; what is put together anew stands behind the last. Other writes stay as they are."""
    steps, newest = list(program.steps), dict[int, Ref]()
    for index, step in enumerate(program.steps):
        steps[index] = renamed(step, newest)
        members = _shared(program.steps[:index], step, is_fresh)
        base = _written_by_part(program.steps[:index], step, is_fresh)
        if base is not None:
            steps[index] = replace(steps[index], form="function")
            _rejoin(program.steps, steps, step.args[0], base, index, newest)  # type: ignore[union-attr]
        elif members is not None:
            steps[index] = replace(steps[index], form="function")
            _renew(program.steps, steps, members, step.args[0].index, index, newest)  # type: ignore[union-attr]
    return Program(tuple(steps))


def _shared(before: tuple[Step, ...], step: Step, is_fresh: Fresh) -> Members | None:
    """Who sees the memory that a step writes to, if it is fresh, seen by several, and all of them are known."""
    if not isinstance(step, Call) or step.form != "inplace" or not isinstance(step.args[0], Ref):
        return None
    base = _base(before, step.args[0].index)
    shape = _shape(before, base) if is_fresh(before[base]) else None
    members = None if shape is None else _members(before, base, shape, is_fresh)
    known = members is not None and step.args[0].index in members and len(members) > 1
    return members if known else None


def _written_by_part(before: tuple[Step, ...], step: Step, is_fresh: Fresh) -> int | None:
    """The fresh base that a step writes to through the only view of it, one of a complex number's parts."""
    if not isinstance(step, Call) or step.form != "inplace" or not isinstance(step.args[0], Ref):
        return None
    view = before[step.args[0].index]
    if not isinstance(view, Call) or view.op not in PARTS or not isinstance(view.args[0], Ref):
        return None
    base = view.args[0].index
    seeing = [s for s in before[base + 1 :] if any(Ref(base) in refs(getattr(s, f.name)) for f in fields(s))]
    others = (s for s in before if s is not view and isinstance(s, Call) and step.args[0] in s.args)
    alone = is_fresh(before[base]) and all(s is view or isinstance(s, Observe) or is_fresh(s) for s in seeing)
    return base if alone and all(map(is_fresh, others)) else None


def _rejoin(
    given: tuple[Step, ...], steps: list[Step], view: Ref, base: int, index: int, newest: dict[int, Ref]
) -> None:
    """Makes the base of its parts, one of which was written, behind the last step."""
    made = given[view.index]
    assert isinstance(made, Call)
    if made.op in ("real", "imag"):
        steps.append(Call(PARTS[made.op], (newest.get(base, Ref(base)),), (), "function"))
        parts = Ref(index), Ref(len(steps) - 1)
        steps.append(Call("complex", parts if made.op == "real" else parts[::-1], (), "function"))
    else:
        steps.append(Call(PARTS[made.op], (Ref(index),), (), "function"))
    newest[base], newest[view.index] = Ref(len(steps) - 1), Ref(index)


def _base(before: tuple[Step, ...], index: int) -> int:
    step = before[index]
    while isinstance(step, Call) and (step.form == "inplace" or _is_view(step)) and isinstance(step.args[0], Ref):
        index = step.args[0].index
        step = before[index]
    return index


def _is_view(step: Call) -> bool:
    return catalogue.find(step.op).view


def _shape(before: tuple[Step, ...], index: int) -> tuple[int, ...] | None:
    step = before[index]
    if isinstance(step, Leaf):
        return step.shape
    copied = isinstance(step, Call) and step.op == "clone" and isinstance(step.args[0], Ref)
    return _shape(before, step.args[0].index) if copied else None  # type: ignore[union-attr]


def _members(before: tuple[Step, ...], base: int, shape: tuple[int, ...], is_fresh: Fresh) -> Members | None:
    """None where someone sees the memory in a way that isn't known here."""
    members = {base: (base, np.arange(int(np.prod(shape))).reshape(shape))}
    for index, step in enumerate(before[base + 1 :], base + 1):
        touched = [r.index for f in fields(step) for r in refs(getattr(step, f.name)) if r.index in members]
        if not touched or isinstance(step, (Observe, Backward, Grad)) or is_fresh(step):
            continue
        if not isinstance(step, Call) or step.args[0] != Ref(touched[0]):
            return None
        found = _seen(before, step, members[touched[0]][1])
        if found is None:
            return None
        members[index] = (touched[0], found)
    return members


def _seen(before: tuple[Step, ...], step: Call, places: np.ndarray) -> np.ndarray | None:
    """Where in the base the elements of a view, or of what a write returns, lie."""
    if step.form == "inplace":
        return places
    if not _is_view(step) or step.op not in REFERENCES or any(refs(step.attrs)):
        return None
    # Where a view is told by another tensor (`view_as`), it is by that one's shape.
    shapes = {ref: _shape(before, ref.index) for ref in refs(step.args[1:])}
    likes = {ref: np.empty(shape, dtype=bool) for ref, shape in shapes.items() if shape is not None}
    if len(likes) < len(shapes):
        return None
    try:
        others = [likes[given] if isinstance(given, Ref) else given for given in step.args[1:]]
        found = REFERENCES[step.op](places, *others, **dict(step.attrs))
    except (NoReference, TypeError, ValueError, IndexError):
        return None
    moved = np.asarray(found)
    # Parts of complex numbers, and conjugates, are no elements of the base.
    return moved if moved.dtype.kind == "i" else None


def _renew(
    given: tuple[Step, ...], steps: list[Step], members: Members, target: int, index: int, newest: dict[int, Ref]
) -> None:
    """Puts the base together behind the last step, and gives each name of it what it now means."""
    base = next(iter(members))
    if target != base and members[target][1].size:
        whole = newest.get(base, Ref(base))
        steps.append(Call("as_strided_scatter", (whole, Ref(index), *_geometry(members[target][1])), (), "function"))
        newest[base] = Ref(len(steps) - 1)
    newest[target] = Ref(index)
    for name, (source, _) in members.items():
        if name in (base, target):
            continue
        made = given[name]
        assert isinstance(made, Call)
        if made.form == "inplace":
            newest[name] = newest.get(source, Ref(source))
        else:
            steps.append(replace(made, args=(newest.get(source, Ref(source)), *made.args[1:])))
            newest[name] = Ref(len(steps) - 1)


def _geometry(places: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Size, strides and offset of a view, from where its elements lie."""
    first = int(places.reshape(-1)[0])
    steps = (places.take(1, d).reshape(-1)[0] - first if n > 1 else 0 for d, n in enumerate(places.shape))
    return places.shape, tuple(map(int, steps)), first


def renamed(step: Any, newest: dict[int, Ref]) -> Any:
    """The step with its arguments in the meaning that they have by now."""
    if not newest:
        return step
    return replace(step, **{f.name: meaning(getattr(step, f.name), newest) for f in fields(step)})


def meaning(value: Any, newest: dict[int, Ref]) -> Any:
    """An argument, with each name in the meaning that it has by now."""
    if isinstance(value, Ref):
        return newest.get(value.index, value)
    return tuple(meaning(part, newest) for part in value) if isinstance(value, tuple) else value
