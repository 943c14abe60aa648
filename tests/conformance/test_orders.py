"""The order in which the operands of one call get their gradients, of composites too: a hook that raises shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from conformance.backends import Backend, load
from conformance.catalogue import Operator, operators
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Rejected, Stream, mix
from conformance.programs.leafdata import is_differentiable
from conformance.programs.program import Backward, Call, Hook, Item, Leaf, Program, Ref, Step
from conformance.programs.trace import Observed

DRAWS = 2


def _build(b: Builder, line: Operator) -> None:
    b.apply(line, None if line.plain_forms else line.forms[0])


def _programs(line: Operator) -> Iterator[Program]:
    dtypes = [d for d in line.dtypes if d in ("float64", "complex128")]
    for seed in range(DRAWS):
        try:
            program = one_operator(line, _build, dtypes or line.dtypes)(Stream(mix(seed, 7)))
        except Rejected:
            continue
        watched = _watched(program)
        if watched is not None:
            yield watched


def _watched(program: Program) -> Program | None:
    """The call, a hook on each operand, and a backward from its results."""
    steps: list[Step] = [
        replace(s, requires_grad=is_differentiable(s.dtype)) if isinstance(s, Leaf) else s for s in program.steps
    ]
    leaves = [i for i, s in enumerate(steps) if isinstance(s, Leaf) and s.requires_grad]
    call = max(i for i, s in enumerate(steps) if isinstance(s, Call))
    made = load("torch").execute(Program(tuple(steps))).steps[call]
    results = [(Ref(call), made)]
    if isinstance(made, tuple):
        results = [(Ref(len(steps) + k), part) for k, part in enumerate(made)]
        steps += [Item(Ref(call), k) for k in range(len(made))]
    seen = [(ref, part) for ref, part in results if isinstance(part, Observed) and part.requires_grad]
    if len(leaves) < 2 or not seen:
        return None
    seeds = tuple(Ref(len(steps) + k) for k in range(len(seen)))
    steps += [Leaf(np.ones(part.shape, part.array.dtype).tobytes(), part.dtype, part.shape) for _, part in seen]
    steps += [Hook(Ref(i), "tensor", "record", f"h{i}") for i in leaves]
    return Program((*steps, Backward(tuple(ref for ref, _ in seen), seeds, None, None, False)))


def _order(backend: Backend, program: Program) -> list[str]:
    return [call.tag for call in backend.execute(program).hooks]


@pytest.mark.parametrize("name", [name for name, line in operators().items() if line.differentiable])
def test_operands_get_their_gradients_in_the_same_order(name: str) -> None:
    for program in _programs(operators()[name]):
        assert _order(load("refgrad"), program) == _order(load("torch"), program)
