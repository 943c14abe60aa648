"""A recorded fault of the oracle hides no fault of the backend at the same operator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import refgrad
from conformance import backends
from conformance.backends.torchlike import Torchlike
from conformance.drawing.build import Builder
from conformance.drawing.source import Stream
from conformance.judging.isolating import is_wrong_alone, isolated, verdict_at_call, verdicts
from conformance.judging.judge import Judge
from conformance.programs.program import Program
from conformance.searching.excuse import ClauseExcuse, LanguageExcuse

IDENTITY = {
    "id": "language/00",
    "operator": None,
    "property": None,
    "sentence": "…",
    "source": "…",
    "profile": "tape",
}


class Wrong:
    """refgrad with a digamma that is off by one part in a thousand, or whose gradient is."""

    Tensor = refgrad.Tensor

    def __init__(self, what: str) -> None:
        self.what = what

    def __getattr__(self, name: str) -> Any:
        return getattr(refgrad, name)

    def digamma(self, x: Any) -> Any:
        y = refgrad.digamma(x)
        return y * 1.001 if self.what == "value" else y.detach() + (y - y.detach()) * 1.001


def program() -> Program:
    """digamma and a write: no value program, so that the arbiter has no opinion on the whole."""
    b = Builder(Stream(0), "float64")
    x = b.given((1.0, 2.5, 0.75), (3,))
    y = b.call("digamma", x)
    y = b.call("sin", y, form="inplace")
    b.backward(y, gradient=b.given((1.0, 1.0, 1.0), (3,), requires_grad=False))
    return b.program()


def excused(backend: Any) -> bool:
    judge = Judge(backend, backends.load("torch"))
    judgement = judge.judge(program())
    assert judgement.status == "different"
    return LanguageExcuse(IDENTITY, judge)(program(), judgement)


def test_the_recorded_fault_is_excused() -> None:
    assert excused(backends.load("refgrad"))


@pytest.mark.parametrize("what", ["value", "gradient"])
def test_a_fault_beside_it_is_not(what: str) -> None:
    assert not excused(Torchlike(Wrong(what), "wrong", "0"))


def test_a_call_alone_has_the_operands_of_its_time() -> None:
    b = Builder(Stream(0), "float64")
    x = b.given((1.0, 2.0), (2,), requires_grad=False)
    b.write(x, "fill_", 3)
    b.call("digamma", x)
    alone = isolated(b.program(), 2, backends.load("torch"))
    assert alone is not None
    assert np.frombuffer(alone.steps[0].data).tolist() == [3.0, 3.0]  # type: ignore[union-attr]


def test_verdicts_go_on_beside_a_pole() -> None:
    b = Builder(Stream(0), "float64")
    b.call("digamma", b.given((-10.0, 1.0), (2,)))
    torch = backends.load("torch")
    alone = isolated(b.program(), 1, torch)
    assert alone is not None
    assert "oracle" in set(verdicts(Judge(backends.load("refgrad"), torch), alone))


@pytest.mark.parametrize(
    ("backend", "wrong"), [(backends.load("refgrad"), False), (Torchlike(Wrong("value"), "w", "0"), True)]
)
def test_a_value_that_the_oracle_refuses_is_weighed(backend: Any, wrong: bool) -> None:
    b = Builder(Stream(0), "float64")
    b.call("digamma", b.given((1.0, 2.5), (2,)))
    mine = backend.execute(b.program())
    theirs = backend.execute(Program(b.program().steps[:1]))
    assert is_wrong_alone(b.program(), mine, theirs) is wrong


@pytest.mark.parametrize(("backend", "excused"), [(refgrad, True), (Wrong("value"), False)])
def test_a_clause_is_excused_by_the_fault_of_an_operator_it_calls(backend: Any, excused: bool) -> None:
    judge = Judge(Torchlike(backend, "mine", "1"), backends.load("torch"))
    judgement = judge.judge(program())
    assert ClauseExcuse({**IDENTITY, "id": "backward.accumulates"}, judge)(program(), judgement) is excused


def test_the_value_of_a_call_is_weighed_on_its_own_operands() -> None:
    """gelu's tail, which PyTorch cancels away; after it a write: no value program."""
    b = Builder(Stream(0), "float32")
    b.call("sin", b.call("nn.functional.gelu", b.given((-5.0, 1.0, 2.0), (3,))), form="inplace")
    torch, mine = backends.load("torch"), Torchlike(refgrad, "mine", "1")
    found = Judge(mine, torch).judge(b.program()).divergence
    assert found is not None
    assert verdict_at_call(b.program(), found, torch) == "oracle"
    swapped = replace(found, backend=found.oracle, oracle=found.backend)
    assert verdict_at_call(b.program(), swapped, torch) == "backend"
