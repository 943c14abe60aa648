"""One call of a whole-language program by itself, and what mathematics says of it.

The arbiter judges value programs only. So a call whose operator has a recorded fault of the oracle is taken out, with
its operands as they were by then, and its value and gradients are weighed alone: what the oracle's fault hides in the
program is looked at there, and an engine that is wrong as well isn't excused by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..backends import Backend
from ..programs.leafdata import DTYPES, is_differentiable
from ..programs.program import Call, Grad, Item, Leaf, Observe, Program, Ref, Step, refs
from ..programs.trace import Observed, Raised, Trace
from .compare import Closeness, Divergence, Place
from .judge import Judge
from .tracing import values

WRONG = frozenset({"backend", "both"})
MOVED = 1.001
ELEMENTS = 32


def isolated(program: Program, index: int, oracle: Backend) -> Program | None:
    """The call at a step alone, and the gradients of its outputs; None where an operand is no tensor."""
    call = program.steps[index]
    assert isinstance(call, Call)
    wanted = tuple(dict.fromkeys(refs((call.args, tuple(value for _, value in call.attrs)))))
    before = Program((*program.steps[:index], *(Observe(ref, ()) for ref in wanted)))
    seen = oracle.execute(before).steps[index:]
    if not all(isinstance(outcome, Observed) for outcome in seen):
        return None
    places = {ref.index: Ref(k) for k, ref in enumerate(wanted)}
    attrs = tuple((name, _moved(value, places)) for name, value in call.attrs)
    leaves = [_leaf(outcome) for outcome in seen if isinstance(outcome, Observed)]
    alone = replace(call, args=_moved(call.args, places), attrs=attrs, form="function", modes=())
    if type(oracle.execute(Program((*leaves, alone))).steps[-1]) is Raised:
        # One of the operands may not require grad: a loss's target, say.
        leaves = [leaves[0], *(replace(leaf, requires_grad=False) for leaf in leaves[1:])]
    return _with_gradients([*leaves, alone], oracle)


def _verdict(program: Program, found: Divergence) -> str:
    from .arbitrate import arbitrate

    return arbitrate(program, found).verdict


def _moved(argument: Any, places: dict[int, Ref]) -> Any:
    if isinstance(argument, Ref):
        return places[argument.index]
    return tuple(_moved(part, places) for part in argument) if isinstance(argument, tuple) else argument


def _leaf(seen: Observed) -> Leaf:
    data = np.ascontiguousarray(seen.array).tobytes()
    return Leaf(data, seen.dtype, seen.shape, "contiguous", is_differentiable(seen.dtype))


def _with_gradients(steps: list[Step], oracle: Backend) -> Program:
    """The program with one pass from its outputs to its leaves, the cotangents quarters from 1 to 2."""
    inputs = tuple(Ref(i) for i, step in enumerate(steps) if isinstance(step, Leaf) and step.requires_grad)
    call = len(steps) - 1
    made = oracle.execute(Program(tuple(steps))).steps[call]
    outputs = [Ref(call)]
    if isinstance(made, tuple):
        outputs = [Ref(len(steps) + k) for k in range(len(made))]
        steps += [Item(Ref(call), k) for k in range(len(made))]
    found = [
        (ref, part)
        for ref, part in zip(outputs, made if isinstance(made, tuple) else (made,))
        if isinstance(part, Observed) and part.requires_grad
    ]
    if not found or not inputs:
        return Program(tuple(steps))
    seeds = tuple(Ref(len(steps) + k) for k in range(len(found)))
    steps += [_cotangent(part) for _, part in found]
    steps.append(Grad(tuple(ref for ref, _ in found), inputs, seeds, allow_unused=True))
    return Program(tuple(steps))


def _cotangent(seen: Observed) -> Leaf:
    array = (1 + np.arange(seen.array.size) % 5 / 4).reshape(seen.shape).astype(DTYPES[seen.dtype])
    return Leaf(array.tobytes(), seen.dtype, seen.shape)


def verdicts(judge: Judge, program: Program) -> Iterator[str]:
    """Who is right, value by value, wherever the two engines part by more than rounding."""
    mine, theirs = dict(values(judge.backend.execute(program))), judge.oracle.execute(program)
    close = judge.closeness(program, theirs)
    for place, value in values(theirs):
        other = mine.get(place)
        if other is None or other.shape != value.shape or other.dtype != value.dtype:
            yield "backend"
            continue
        for found in _apart(other, value, place, close):
            yield _verdict(program, found)


def verdict_at_call(program: Program, found: Divergence, oracle: Backend) -> str:
    """Who is right about the value of a call that differs, on the operands that it had."""
    kind, index, path = found.place
    step = program.steps[index] if kind == "step" else None
    alone = isolated(program, index, oracle) if isinstance(step, Call) else None
    if alone is None:
        return "undecided"
    call = next(k for k, step in enumerate(alone.steps) if isinstance(step, Call))
    return _verdict(alone, replace(found, place=("step", call, path)))


def _apart(mine: Observed, theirs: Observed, place: Place, close: Closeness) -> Iterator[Divergence]:
    """The elements that part, the worst first: at a pole, say, the arbiter has no opinion, but beside it it has."""
    rest = mine.array.copy()
    for _ in range(ELEMENTS):
        error = close.error(rest, theirs.array, theirs.dtype, place)
        if error is None:
            return
        yield Divergence("value", place, "", mine, theirs, *error, close.element)
        rest.reshape(-1)[close.element] = theirs.array.reshape(-1)[close.element]


def is_wrong_alone(program: Program, mine: Trace, theirs: Trace) -> bool:
    """Whether mathematics contradicts a value that the oracle doesn't give."""
    given = {place for place, _ in values(theirs)}
    return any(
        _verdict(program, Divergence("value", place, "", value, _beside(value))) in WRONG
        for place, value in values(mine)
        if place not in given and _is_weighed(place, value)
    )


def _is_weighed(place: Place, value: Observed) -> bool:
    return place[0] != "hook" and bool(value.array.size) and is_differentiable(value.dtype)


def _beside(value: Observed) -> Observed:
    """A value a thousandth away, to stand where the oracle has none: the arbiter weighs a value against another."""
    array = value.array
    return replace(value, array=(array * MOVED + (array == 0) * (MOVED - 1)).astype(array.dtype))
