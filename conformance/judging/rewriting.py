"""Programs put in the form that the arbiter reads: without writes, where they can be told from their results; and of
one element, where each is computed for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .. import catalogue
from ..programs.leafdata import leaf_array
from ..programs.program import Backward, Call, Grad, Item, Leaf, Observe, Program, Ref, Region, Step, Transform, refs
from .aliases import meaning, renamed, without_shared_writes

ELEMENTWISE = frozenset({"pointwise", "special", "activation"})
SINGLE_LOSSES = frozenset({"nn.functional.binary_cross_entropy", "nn.functional.binary_cross_entropy_with_logits"})
"""Losses that, without a reduction, are computed element by element."""
JOINING = frozenset({"nn.functional.glu", "nn.functional.prelu", "nn.functional.softmax"})
"""Lines of those families in which an element of the result hangs on several."""


def without_writes(program: Program) -> Program:
    """The program with each in-place call on a fresh clone or result made a call that returns: from there on, what names
    the clone means the result, and so do its views. In the functions that its transforms run, only where there are no
    views. Other writes stay as they are."""
    return Program(_returning(without_shared_writes(program, _is_new).steps, 0)[0])


def _returning(given: tuple[Step, ...], first: int) -> tuple[tuple[Step, ...], dict[int, Ref]]:
    """Steps without writes, the first of them numbered so, and what the clones' names mean at the end."""
    steps: list[Step] = []
    newest: dict[int, Ref] = {}
    for index, step in enumerate(given):
        moved = renamed(step, newest)
        if isinstance(moved, Transform) and moved.region is not None:
            moved = replace(moved, region=_returning_region(moved.region))
        if isinstance(step, Call) and step.form == "inplace" and isinstance(step.args[0], Ref):
            target = step.args[0].index
            if _is_fresh(given[:index], target - first, Ref(target)):
                moved = replace(moved, form="function")
                newest[target] = Ref(first + index)
        steps.append(moved)
    return tuple(steps), newest


def _returning_region(region: Region) -> Region:
    steps, newest = _returning(region.steps, region.params)
    return replace(region, steps=steps, results=meaning(region.results, newest))


def _is_fresh(before: tuple[Step, ...], place: int, target: Ref) -> bool:
    """Whether a value, the step at a place, is a clone, or was computed, and nothing that may be a view was made of it."""
    if place < 0 or not _is_new(before[place]):
        return False
    users = [s for s in before if isinstance(s, Call) and target in s.args]
    return all(s.form == "inplace" or _is_new(s) for s in users)


def _is_new(step: Step) -> bool:
    return isinstance(step, Call) and step.form != "inplace" and (step.op == "clone" or _is_computed(step.op))


def _is_computed(op: str) -> bool:
    """Whether results are new numbers: ``positive`` returns its operand."""
    line = catalogue.find(op)
    return line.family in ELEMENTWISE and not line.view and op != "positive"


def at_element(program: Program, shape: tuple[int, ...], element: int) -> Program | None:
    """The program on one element alone, of shape (1,), if every step computes each element for itself and all that is
    differentiated has the shape of the result; else None."""
    if len(shape) == 0 or not all(_is_elementwise(s, shape) or _is_last_sum(program, s) for s in program.steps):
        return None
    place = np.unravel_index(element, shape)
    steps = [_picked(step, place) if isinstance(step, Leaf) else step for step in program.steps]
    return Program(tuple(steps))


def _is_last_sum(program: Program, step: Step) -> bool:
    """Whether a step adds up what no call reads further: of one element's derivative that leaves this element."""
    read = {r.index for call in program.steps if isinstance(call, Call) for r in refs(call.args)}
    return isinstance(step, Call) and step.op == "sum" and program.steps.index(step) not in read


def _is_elementwise(step: Step, shape: tuple[int, ...]) -> bool:
    if step.modes and not isinstance(step, Transform):
        return False
    if isinstance(step, Leaf):
        fits = len(step.shape) <= len(shape) and all(n in (1, m) for n, m in zip(step.shape[::-1], shape[::-1]))
        return step.shape in (shape, ()) or (fits and not step.requires_grad)
    if isinstance(step, Call):
        line = catalogue.find(step.op)
        if step.op in SINGLE_LOSSES and dict(step.attrs).get("reduction") == "none":
            return True
        return line.family in ELEMENTWISE and step.op not in JOINING and step.form != "inplace"
    if isinstance(step, Transform):
        whole = step.region is not None and step.kind in ("jvp", "vjp")
        return whole and all(_is_elementwise(inner, shape) for inner in step.region.steps)  # type: ignore[union-attr]
    return isinstance(step, (Item, Grad, Backward, Observe))


def _picked(leaf: Leaf, place: Any) -> Leaf:
    """A leaf's element where it meets a place of the full shape."""
    array = leaf_array(leaf)
    own = tuple(i if n > 1 else 0 for i, n in zip(place[len(place) - array.ndim :], array.shape))
    return replace(leaf, data=np.asarray(array[own]).tobytes(), shape=(1,), layout="contiguous")
