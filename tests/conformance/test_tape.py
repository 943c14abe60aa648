"""A tape of three lines: programs that write run on it, and a view that an engine copies is no finding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.backends.tape import Tape
from conformance.programs.program import Backward, Call, Leaf, Observe, Program, Ref
from conformance.programs.trace import Observed, Raised

LEAF = Leaf(np.array([1.0, 2.0]).tobytes(), "float64", (2,), "contiguous", True)
SEED = Leaf(np.array([3.0, -1.0]).tobytes(), "float64", (2,))


class Cell:
    """An array with the factor by which it depends on a leaf."""

    def __init__(self, array: np.ndarray, leaf: Cell | None = None, factor: float = 1.0) -> None:
        self.array, self.leaf, self.factor = array, leaf, factor
        self.grad: np.ndarray | None = None


def _twice(x: Cell, factor: float) -> Cell:
    x.array *= factor
    x.factor *= factor
    return x


def _backward(roots: list[Any], seeds: list[Any]) -> None:
    for root, seed in zip(roots, seeds):
        root.leaf.grad = seed.array * root.factor


def engine(select: Any = lambda x, dim, index: Cell(x.array[index], x.leaf, x.factor)) -> Tape:
    return Tape(
        "cells",
        "1",
        {"clone": lambda x: Cell(x.array.copy(), x), "select": select},
        lambda function, args, seeds: args,
        leaf=lambda array, tracked: Cell(array.copy()),
        writes={"mul": _twice},
        backward=_backward,
        gradient=lambda x: x.grad,
        shares=lambda x, y: np.shares_memory(x.array, y.array),
        numpy=lambda x: x.array if isinstance(x, Cell) else x,
    )


def test_a_program_that_writes_runs_on_the_tape() -> None:
    written = (LEAF, Call("clone", (Ref(0),)), Call("mul", (Ref(1), 2.0), form="inplace"), Observe(Ref(1)), SEED)
    trace = engine().execute(Program((*written, Backward((Ref(2),), (Ref(4),)))))
    assert isinstance(trace.steps[1], Observed)
    assert isinstance(trace.steps[3], Observed)
    assert trace.steps[1].array.tolist() == [1, 2], "what a step made is seen before it is written to"
    assert trace.steps[3].array.tolist() == [2, 4]
    gradient = trace.gradients[0]
    assert isinstance(gradient, Observed)
    assert gradient.array.tolist() == [6, -2]


def _through_a_view() -> Program:
    return Program(
        (LEAF, Call("clone", (Ref(0),)), Call("select", (Ref(1), 0, 1)), Call("mul", (Ref(2), 2.0), form="inplace"))
    )


def test_a_copy_where_pytorch_has_a_view_is_not_claimed() -> None:
    copied = engine(lambda x, dim, index: Cell(x.array[index].copy())).execute(_through_a_view()).steps[3]
    assert isinstance(copied, Raised)
    assert copied.kind == "Unclaimed"


def test_an_operator_that_has_no_form_in_place_is_not_claimed() -> None:
    program = Program((LEAF, Call("sin", (Ref(0),), form="inplace"), Observe(Ref(1))))
    seen = engine().execute(program).steps
    assert isinstance(seen[1], Raised)
    assert seen[1].kind == "Unclaimed"
    assert not any(isinstance(step, Observed) for step in seen)


def test_noise_is_for_oracles() -> None:
    with pytest.raises(NotImplementedError):
        engine().execute(_through_a_view(), noise=1)


def test_a_leaf_that_comes_after_a_refusal_has_no_gradient() -> None:
    trace = engine().execute(Program((LEAF, Call("sin", (Ref(0),), form="inplace"), LEAF)))
    assert trace.gradients == {}
