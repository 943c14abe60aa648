"""Planted faults are caught by the clauses a reader would expect; harmless changes aren't blamed."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.promises.check import Settings
from conformance.proof import scoring
from conformance.proof.faults import QUICK, entries, find
from conformance.proof.faults.planting import part, row
from conformance.proof.qualify import Effort, Verdict, try_fault

SETTINGS = Settings("quick", 8, 0)
EXPECTED = Effort(within=10.0, matrix=False, expected_only=True)
FAULTS = [id for id in QUICK if not entries()[id].control]
CONTROLS = [id for id in QUICK if entries()[id].control]
verdicts: dict[str, Verdict] = {}


def tried(id: str) -> Verdict:
    if id not in verdicts:
        effort = EXPECTED if id in FAULTS else Effort(within=1.5, matrix=False, expected_only=True)
        verdicts[id] = try_fault(id, SETTINGS, effort)
    return verdicts[id]


@pytest.mark.parametrize("id", FAULTS)
def test_a_fault_is_caught_by_an_expected_clause(id: str) -> None:
    verdict = tried(id)
    assert verdict.caught and verdict.expected, verdict
    assert verdict.oracle_blamed == 0


@pytest.mark.parametrize("id", CONTROLS)
def test_a_control_is_not_blamed(id: str) -> None:
    verdict = tried(id)
    assert not verdict.caught, verdict.message
    assert verdict.asked


def test_twelve_classes_and_five_controls_are_tried() -> None:
    assert len({entries()[id].kind for id in FAULTS}) >= 12 and len(CONTROLS) >= 5


def test_the_score_counts_what_was_caught() -> None:
    some = [tried("sqdiff_ignores_g_tfnet"), tried("control_nothing")]
    found = scoring.score(some)
    assert (found["planted"], found["caught"], found["controls"], found["blamed_controls"]) == (1, 1, 1, [])
    assert any("sqdiff_ignores_g_tfnet" in line for line in scoring.matrix_lines(some))


def test_an_uncaught_fault_survives_and_a_caught_control_is_blamed() -> None:
    found = scoring.score([Verdict("a", "k", False), Verdict("b", "k", True, caught_by=["op/x/vjp"])])
    assert found["survivors"] == ["a"] and found["blamed_controls"] == ["b"]


def test_planting_restores_everything() -> None:
    import refgrad

    def gradient() -> Any:
        x = refgrad.tensor([1.0, 2.0], requires_grad=True)
        x.sin().sum().backward()
        return x.grad.tolist()

    before, rules = gradient(), row("SinBackward0").rules
    with find("sqdiff_ignores_g_tfnet").plant():
        assert row("SinBackward0").rules is not rules
    assert row("SinBackward0").rules is rules and part("_modes").state.plain
    assert gradient() == before
