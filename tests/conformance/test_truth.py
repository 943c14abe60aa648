"""The law of 60 digits tells of a fault that two engines share, and says nothing at a kink."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from conformance.backends import Backend, collecting_warnings, load
from conformance.catalogue import find, operators
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Rejected, Stream, mix
from conformance.judging.definitions import REFERENCES
from conformance.judging.judge import Judge
from conformance.programs.leafdata import leaf_array
from conformance.programs.program import Leaf, Program
from conformance.programs.trace import Observed
from conformance.promises.properties import PROPERTIES
from conformance.promises.truth import derivative, is_defined
from conformance.promises.undefined import UNDEFINED
from conformance.proof.faults import find as find_fault
from conformance.proof.faults.fault import Broken
from conformance.proof.faults.systematic import systematic_fault


def judged(engine: Backend, name: str, examples: int = 12) -> list[str]:
    """The statuses of programs of an operator on an engine whose oracle is the engine itself."""
    line, kind = find(name), PROPERTIES["truth"]
    draw, judge, statuses = one_operator(line, kind.build, kind.dtypes(line)), Judge(engine, engine), list[str]()
    with collecting_warnings():
        for index in range(examples):
            try:
                statuses.append(judge.judge(draw(Stream(mix(index, 5))), kind.law).status)
            except Rejected:
                continue
    return statuses


def test_a_sound_engine_keeps_the_law() -> None:
    for name in ("sin", "matmul", "relu", "prod.dim"):
        assert set(judged(load("refgrad"), name)) == {"same"}


def test_two_engines_that_fail_alike_are_told() -> None:
    for site, name in (("sys/SinBackward0/vjp.self/doubled", "sin"), ("sys/MmBackward0/vjp.self/negated", "mm")):
        statuses = judged(Broken(systematic_fault(site), load("refgrad")), name)
        assert statuses.count("different") >= len(statuses) // 2


def test_a_formula_that_cancels_is_told_though_the_noise_of_its_kernels_excuses_it() -> None:
    broken = Broken(find_fault("sinc_cancel_jax"), load("refgrad"))
    assert "different" in judged(broken, "sinc", 60)
    assert set(judged(load("refgrad"), "sinc", 60)) == {"same"}


def test_most_programs_have_data_near_zero() -> None:
    line, kind = find("sin"), PROPERTIES["truth"]
    draw, sizes = one_operator(line, kind.build, ("float64",)), list[float]()
    for index in range(100):
        leaf = next(step for step in draw(Stream(mix(index, 5))).steps if isinstance(step, Leaf))
        if (array := np.abs(leaf_array(leaf))).size:
            sizes.append(float(array.max()))
    assert 40 < sum(0 < size < 0.4 for size in sizes) < 90


def test_what_is_random_or_has_no_derivative_is_not_asked() -> None:
    applies = PROPERTIES["truth"].applies
    assert [applies(find(name)) for name in ("sin", "bernoulli", "gt")] == [True, False, False]


@pytest.mark.parametrize("name", [line.name for line in operators().values() if is_defined(line)][::11])
def test_most_programs_have_a_truth(name: str) -> None:
    line, kind = find(name), PROPERTIES["truth"]
    draw, found, programs = one_operator(line, kind.build, kind.dtypes(line)), list[bool](), list[Program]()
    for index in range(8):
        with suppress(Rejected):
            programs.append(draw(Stream(mix(index, 3))))
    assert len(programs) > 4
    for program in programs:
        trace = load("refgrad").execute(program)
        seen = [(leaf, outcome) for leaf, outcome in trace.gradients.items() if isinstance(outcome, Observed)]
        found += [derivative(program, leaf, (0,) * g.array.ndim) is not None for leaf, g in seen if g.array.size]
    assert sum(found) > len(found) // 2


def test_the_list_of_operators_without_a_definition_is_exact() -> None:
    lines = [line for line in operators().values() if line.differentiable and not line.random]
    assert {line.name for line in lines if line.name not in REFERENCES} == UNDEFINED
