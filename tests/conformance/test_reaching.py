"""The places that programs reach, and those that none does, by name."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance.promises.check import Settings
from conformance.promises.questions import questions
from conformance.proof.faults.sites import Site
from conformance.proof.faults.systematic import faults_of
from conformance.proof.reaching import Reaching, measure_reach, reaching
from conformance.proof.trials import Bench

SETTINGS = Settings("standard", 50, 0)
SIN: Site = ("SinBackward0", "vjp", "self")
LOST: Site = ("NoneBackward0", "jvp", "")


def test_what_one_property_reaches_counts_for_all_of_its_operator() -> None:
    found = measure_reach(SETTINGS, 1, ("sin",))
    assert all(SIN in sites for sites in found.values())
    assert {"op/sin/forward", "op/sin/second", "op/sin/huge"} <= found.keys()


def test_unreached_places_are_listed_with_their_faults() -> None:
    found = Reaching(Counter({SIN: 20, LOST: 15}), {SIN: ["op/sin/vjp"]})
    lines = list(found.lines())
    assert lines == [
        "  unreached: NoneBackward0/jvp: 15 faults",
        "1 of 2 sites, 15 of 35 faults, are reached by no program",
    ]
    assert found.summary()["by_site"][0]["questions"] == ["op/sin/vjp"]


def test_an_unknown_row_is_named() -> None:
    with pytest.raises(LookupError, match="no row 'NoneBackward0'"):
        reaching(["NoneBackward0"], SETTINGS, 1)


def test_a_scenario_kills_a_generated_fault() -> None:
    fault = next(f for f in faults_of("GatherSparseBackward0") if f.id.endswith("vjp.self/negated"))
    bench = Bench([fault], Settings("standard", 10, 0))
    bench.ask([q for q in questions() if q.id == "op.gather-sparse-grad"])
    assert bench.kills[fault.id].kind == "observation"


def test_a_comparison_has_no_result_that_a_factor_makes_wrong() -> None:
    assert {f.site[1] for f in faults_of("EqBackward1")} == {"vjp", "jvp"}
