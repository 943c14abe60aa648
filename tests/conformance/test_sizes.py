"""What the catalogue says of a result's shape and dtype is what PyTorch gives: a wrong word would draw a cotangent that
does not fit, an unknown one has its result summed."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import backends, catalogue
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Rejected, Stream, mix
from conformance.programs.trace import Observed

UNKNOWN = {"__getitem__.mask", "masked_select"}
"""How many elements a mask takes hangs on its data."""
DRAWS = 16
FAMILIES = sorted({line.family for line in catalogue.operators().values()})


def inferred(line: Any, sizes: str, seed: int) -> tuple[Any, Any]:
    """What the catalogue says of a drawn call's results, and the program that makes them."""
    said: list[Any] = []

    def build(b: Builder, line: Any) -> None:
        b.sizes = sizes
        args, attrs = line.strategy.draw(b)
        result = b.call(line.name, *args, form=line.plain_forms[0], **attrs)
        said.append(line.strategy.infer(args, attrs))
        for k in range(len(line.outputs or ())):
            b.item(result, k)

    return said, one_operator(line, build, line.dtypes)(Stream(mix(seed, 11)))


@pytest.mark.parametrize("family", FAMILIES)
def test_inferred_shapes_are_those_of_pytorch(family: str) -> None:
    oracle = backends.load("torch")
    lines = [line for line in catalogue.operators().values() if line.family == family and line.plain_forms]
    for line in lines:
        for seed in range(DRAWS):
            try:
                (said,), program = inferred(line, "edge" if seed % 4 == 3 else "any", seed)
            except Rejected:
                continue
            assert said is not None or line.name in UNKNOWN or not line.differentiable, line.name
            outcomes = oracle.execute(program).steps[-max(len(line.outputs or ()), 1) :]
            for word, outcome in zip(said or (), outcomes):
                if word is not None and isinstance(outcome, Observed):
                    assert (outcome.shape, outcome.dtype) == word, (line.name, program)
