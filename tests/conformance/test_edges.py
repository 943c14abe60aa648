"""One rounding decides between a number and an infinity at the edge of a domain; nowhere else may one be the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from conformance.judging.judge import Judge
from conformance.programs import program as p
from conformance.programs.needs import CAPABILITIES
from conformance.programs.trace import NOTHING, Observed, Trace

INF, NAN = np.inf, np.nan


@dataclass
class Two:
    """An engine that gives the values of two steps; under noise perhaps another second one."""

    first: float
    second: float
    noisy: float | None = None
    name: str = "two"
    version: str = "1"
    family: str = "torchlike"
    claims: frozenset[str] = field(default=CAPABILITIES)

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        second = self.second if noise is None or self.noisy is None else self.noisy
        values = [Observed(np.array([v]), "float64", (1,), False) for v in (self.first, second)]
        trace = Trace()
        trace.steps = [NOTHING, *values[: len(program.steps) - 1]]
        return trace

    def call(self, run: Any, drawn: Any) -> Any:
        raise NotImplementedError


def status(mine: Two, theirs: Two, data: float = 2.0, ops: tuple[str, ...] = ("exp", "log")) -> str:
    leaf = p.Leaf(np.array([data]).tobytes(), "float64", (1,))
    calls = [p.Call(op, (p.Ref(k),)) for k, op in enumerate(ops)]
    return Judge(mine, theirs).judge(p.Program((leaf, *calls))).status


def test_an_infinity_for_a_number_is_a_fault() -> None:
    assert status(Two(1.0, INF), Two(1.0, 3.0)) == "different"
    assert status(Two(1.0, 3.0), Two(1.0, INF)) == "different"


@pytest.mark.parametrize("lost", [INF, -INF, NAN])
def test_what_rounding_decides_is_no_fault(lost: float) -> None:
    assert status(Two(1.0, lost), Two(1.0, 3.0, noisy=lost)) == "ill-posed"
    assert status(Two(1.0, 3.0, noisy=lost), Two(1.0, lost)) == "ill-posed"


def test_past_an_infinity_that_both_have_nothing_is_promised() -> None:
    assert status(Two(INF, NAN), Two(INF, 3.0)) == "ill-posed"
    assert status(Two(INF, 4.0), Two(INF, 3.0)) == "different"


def test_of_one_operator_and_of_data_at_the_edge_all_is_compared() -> None:
    assert status(Two(INF, NAN), Two(INF, 3.0), data=INF) == "different"
    assert status(Two(INF, NAN), Two(INF, 3.0), ops=("exp", "exp")) == "different"
