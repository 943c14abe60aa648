"""How many noisy runs a judgement takes, and what the arbiter evaluates of a second derivative."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import pytest

from conformance.judging.arbitrate import Evaluation
from conformance.judging.compare import Divergence
from conformance.judging.judge import Judge
from conformance.judging.references import DIGITS
from conformance.judging.rounding import FEW, MORE, NOISE
from conformance.programs import program as p
from conformance.programs.needs import CAPABILITIES
from conformance.programs.trace import NOTHING, Observed, Trace

EPS = 2.0**-52


@dataclass
class Constant:
    """An engine whose every call gives one value; noise moves it by eps."""

    value: float
    runs: int = 0
    name: str = "constant"
    version: str = "1"
    family: str = "torchlike"
    claims: frozenset[str] = field(default=CAPABILITIES)

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        self.runs += noise is not None
        value = np.array([self.value * (1 if noise is None else 1 + EPS)])
        trace = Trace()
        trace.steps = [NOTHING, Observed(value, "float64", (1,), False)]
        return trace

    def call(self, run: Any, drawn: Any) -> Any:
        raise NotImplementedError


def leaf(*values: float, grad: bool = False) -> p.Leaf:
    return p.Leaf(np.array(values).tobytes(), "float64", (len(values),), requires_grad=grad)


PROGRAM = p.Program((leaf(1.0), p.Call("exp", (p.Ref(0),))))


def judged(value: float, settles: bool = False, at_kinks: bool = False) -> tuple[str, int]:
    """The status where an engine gives the value and the oracle 1, and the noisy runs it took."""
    oracle = Constant(1.0)
    judge = Judge(Constant(value), oracle, at_kinks=at_kinks)
    judge.settled = (lambda program, found: True) if settles else None
    return judge.judge(PROGRAM).status, oracle.runs


@pytest.mark.parametrize(
    ("value", "settles", "at_kinks", "expected"),
    [
        (1 + 8 * EPS, False, False, ("same", 0)),
        (1 + 12 * EPS, False, False, ("different", len(NOISE) + len(MORE))),
        (1 + 16 * EPS, True, False, ("different", len(NOISE) + len(MORE))),
        (1 + 64 * EPS, False, False, ("different", len(NOISE))),
        (1.001, False, False, ("different", len(NOISE))),
        (1.001, True, False, ("different", FEW)),
        (np.inf, False, False, ("different", 0)),
        (np.nan, False, False, ("different", 0)),
        (1.001, False, True, ("different", 1)),
    ],
)
def test_noise_runs_as_long_as_it_can_decide(
    value: float, settles: bool, at_kinks: bool, expected: tuple[str, int]
) -> None:
    assert judged(value, settles, at_kinks) == expected


def second_derivative(count: int) -> p.Program:
    """d/dx of Re⟨w, d⟨v, exp x⟩/dx⟩."""
    points = [i / 8 for i in range(count)]
    return p.Program(
        (
            leaf(*points, grad=True),
            p.Call("exp", (p.Ref(0),)),
            leaf(*[1 + i / 4 for i in range(count)]),
            p.Grad((p.Ref(1),), (p.Ref(0),), (p.Ref(2),), create_graph=True),
            p.Item(p.Ref(3), 0),
            leaf(*[2 - i / 4 for i in range(count)]),
            p.Grad((p.Ref(4),), (p.Ref(0),), (p.Ref(5),)),
        )
    )


def test_a_second_derivative_is_taken_along_its_cotangent() -> None:
    with mpmath.workdps(DIGITS):
        evaluation = Evaluation(second_derivative(40))
        found = evaluation.at(Divergence("value", ("step", 6, (0,)), ""), (3,))
        expected = mpmath.exp(mpmath.mpf(3) / 8) * mpmath.mpf(7) / 4 * mpmath.mpf(5) / 4
    assert abs(found - expected) < 1e-15
    assert evaluation.spent < 150  # one by one, the inner gradient's 40 elements take thousands


@dataclass
class Longer(Constant):
    """An engine that has a second value, of a length of its own; noise moves the first by much."""

    length: int = 1

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        trace = Trace()
        first = np.array([self.value * (1 if noise is None else 1 + 100 * EPS)])
        second = np.full(self.length, self.value)
        trace.steps = [NOTHING, *(Observed(v, "float64", v.shape, False) for v in (first, second))]
        return trace


def test_another_shape_beside_a_rounded_value_is_a_difference() -> None:
    judgement = Judge(Longer(1 + 20 * EPS, length=6), Longer(1.0, length=7)).judge(
        p.Program((*PROGRAM.steps, p.Call("exp", (p.Ref(0),))))
    )
    assert judgement.status == "different"
    assert judgement.divergence is not None and judgement.divergence.kind == "shape"
