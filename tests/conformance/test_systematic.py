"""Systematic faults: generated for every row, caught from shared runs; their smallest programs are locally minimal."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.backends import collecting_warnings, load
from conformance.promises.check import Settings
from conformance.promises.questions import questions
from conformance.proof import against, campaign, qualifying, ruling, sampling, shares
from conformance.proof.equivalence import Comparator
from conformance.proof.faults import entries, find
from conformance.proof.faults.differing import FaultJudge
from conformance.proof.faults.fault import Broken
from conformance.proof.faults.passes import FAULTS as ENGINE
from conformance.proof.faults.sites import is_strided
from conformance.proof.faults.systematic import faults_of, systematic_fault
from conformance.proof.faults.waiting import WAITING
from conformance.proof.qualify import Verdict
from conformance.proof.trials import Bench, asked
from conformance.searching.oracle_faults import recorded
from conformance.searching.search import smallest
from conformance.searching.shrink import without

STANDARD = Settings("standard", 50, 0)
SAMPLE = (
    "sys/ExpBackward0/vjp.self/negated",
    "sys/ExpBackward0/vjp.self/off-by-1e-8",
    "sys/ExpBackward0/vjp.self/some-element",
    "sys/ExpBackward0/vjp.self/second-backward",
    "sys/ExpBackward0/jvp/doubled",
)
HUGE = ("sys/ExpBackward0/vjp.self/large", "sys/ExpBackward0/vjp.self/one-of-65536")


@pytest.fixture(scope="module")
def bench() -> Bench:
    """A bench that was asked all about exp."""
    made = Bench([systematic_fault(id) for id in (*SAMPLE, *HUGE)], STANDARD)
    made.ask([q for q in questions() if q.id.startswith("op/exp/")])
    return made


@pytest.mark.parametrize("id", [*SAMPLE, *HUGE])
def test_it_is_caught(bench: Bench, id: str) -> None:
    assert id in bench.kills


def test_every_row_has_faults_of_every_site() -> None:
    found = {(f.site[0], f.site[1]) for f in faults_of("MulBackward0")}
    assert found == {("MulBackward0", "vjp"), ("MulBackward0", "jvp"), ("MulBackward0", "forward")}
    assert sum(1 for name in campaign.all_rows() for _ in faults_of(name)) > 5000


def test_a_fault_that_changes_nothing_is_shown_equivalent() -> None:
    faults = [systematic_fault("sys/RoundBackward0/forward/narrowed")]
    ask = [q for q in questions() if q.id == "op/round/vjp"]
    (found,) = Comparator(faults, load("refgrad")).run(ask, STANDARD, draws=30)
    assert not found.differs, found


def test_the_small_table_has_scores_and_no_survivors(tmp_path: Path) -> None:
    real = [Verdict("bcast_mul", "broadcasting reduction", False, caught_by=["op/mul/broadcast"] * 9, programs=3)]
    lost = [Verdict("sys/ExpBackward0/vjp.self/negated", "negated", False, message=campaign.UNREACHED)]
    qualifying.Qualification(STANDARD, real, lost).write_table(tmp_path / "proof.json")
    found = json.loads((tmp_path / "proof.json").read_text())
    assert found["faults"][0]["caught"] == ["op/mul/broadcast"] * 5 and "survivors" not in found["systematic"]
    assert found["systematic"]["reasons"] == {campaign.UNREACHED: 1}


def test_a_number_has_no_second_element() -> None:
    faults = [systematic_fault(f"sys/DotBackward0/forward/{name}") for name in ("transposed", "large", "doubled")]
    ask = [q for q in questions() if q.id == "op/dot/forward"]
    swapped, large, doubled = Comparator(faults, load("refgrad")).run(ask, STANDARD, draws=40)
    assert swapped.is_void and large.is_void and "never more than a number" in large.reason
    assert not swapped.equivalent and not doubled.is_void


def test_a_fault_that_changes_something_is_not() -> None:
    faults = [systematic_fault("sys/ExpBackward0/vjp.self/off-by-1e-8")]
    ask = [q for q in questions() if q.id == "op/exp/vjp"]
    (found,) = Comparator(faults, load("refgrad")).run(ask, STANDARD, draws=30)
    assert found.differs


@pytest.mark.parametrize("id", SAMPLE[:4:3])
def test_the_smallest_program_is_locally_minimal(bench: Bench, id: str) -> None:
    kill, fault, sound = bench.kills[id], systematic_fault(id), load("refgrad")
    found = asked(next(q for q in questions() if q.id == kill.question), STANDARD)
    judge = FaultJudge(Broken(fault, sound), sound, load("torch"))
    assert found.draw is not None
    with collecting_warnings():
        program = smallest(judge, found.draw, kill.log, kill.kind, found.law)
        assert _fails(judge, program, kill.kind, found.law)
        for index in range(len(program.steps)):
            shorter = without(program, index)
            assert shorter is None or not _fails(judge, shorter, kill.kind, found.law), (index, program)


def _fails(judge: Any, program: Any, kind: str, law: Any) -> bool:
    judgement = judge.judge(program, law)
    return judgement.status == "different" and judgement.divergence.kind == kind


def test_the_score_names_survivors_and_reasons() -> None:
    verdicts = campaign.try_rows(["SinBackward0"], Settings("quick", 8, 0, shrink=False), 0, ("sin",))
    found = qualifying.summary(verdicts)
    assert found["planted"] == len(verdicts) and found["caught"] > 20
    assert len(found["survivors"]) == found["planted"] - found["caught"]
    assert any("systematic faults caught" in line for line in qualifying.systematic_lines(found))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("took effect in none of the programs", "took effect in none of the programs"),
        ("took effect and no check told: in 12 programs", "took effect and no check told"),
        ("identical in 400 programs, in 31 of which it fires (float64)", "identical"),
        ("equivalent: never fires in 9 programs that reach its site", "equivalent"),
    ],
)
def test_a_reason_is_counted_without_its_numbers(message: str, reason: str) -> None:
    lost = [Verdict(f"sys/ExpBackward0/vjp.self/{name}", name, False, message=message) for name in ("large", "empty")]
    assert qualifying.summary(lost)["reasons"] == {reason: 2}


def test_a_multiple_of_a_zero_gradient_is_no_fault() -> None:
    found = {f.id.rpartition("/")[2]: f.title for f in faults_of("FloorBackward0") if f.site[1] == "vjp"}
    assert "negated" not in found and "is 1 where it should be 0" in found["doubled"]


def test_what_only_refuses_has_no_faults() -> None:
    assert {f.site[1] for f in faults_of("FloorDivideBackward0")} == {"forward"}


def test_shares_are_stored_and_resumed(tmp_path: Path) -> None:
    settings = Settings("quick", 2, 0, shrink=False)
    store, (share,) = shares.Store(tmp_path, settings, 0), shares.shares(["SinBackward0"], [])
    assert store.read(share) is None
    verdicts = campaign.try_rows(share.rows, settings, 0, ("sin",))
    store.write(share, verdicts)
    assert store.read(share) == verdicts
    assert list(shares.run_shares([share], store, 1)) == [(share.name, verdicts)]
    assert shares.Store(tmp_path, Settings("quick", 3, 0), 0).read(share) is None


def test_every_fault_of_the_engine_can_be_planted() -> None:
    assert all(Broken(fault).planted.changes for fault in ENGINE.values())
    assert len(ENGINE) > 50


@pytest.mark.parametrize(("caught", "is_low"), [(20, False), (19, True)])
def test_a_score_below_its_floor_fails(caught: int, is_low: bool) -> None:
    verdicts = [Verdict(f"sys/{k}", "negated", False, caught_by=["op/sin/vjp"] * (k < caught)) for k in range(20)]
    verdicts.append(
        Verdict("sys/even", "negated", False, message=f"{campaign.EQUIVALENT}: identical in 10000 programs")
    )
    done = qualifying.Qualification(STANDARD, systematic=verdicts, bars=qualifying.FLOORS["quick"])
    assert done.failed is is_low
    assert any("the floor is 97.00 %" in words for words in done.lines())


def test_gradcheck_misses_what_the_suite_catches() -> None:
    found = against.compare("sys/ExpBackward0/vjp.self/some-element", ["exp"])
    assert not found.caught["gradcheck fast"]
    assert against.compare("sys/ExpBackward0/vjp.self/negated", ["exp"]).caught["gradcheck fast"]


@pytest.mark.parametrize("id", ["one_of_256", "one_of_65536"])
def test_one_wrong_entry_among_many_is_missed_by_the_usual_checks(id: str) -> None:
    assert not any(against.compare(id, ["exp"]).caught.values())


def test_a_sample_says_how_far_it_may_be_off() -> None:
    def row(name: str, caught: int) -> list[Verdict]:
        return [Verdict(f"sys/{name}/vjp/{k}", "k", False, caught_by=["op/x/vjp"] * (k < caught)) for k in range(20)]

    found = sampling.sample([v for k in range(30) for v in row(f"Row{k}", 20 - k % 3)])
    low, high = found["interval"]
    assert found["rows"] == 30 and 0.92 < low < 0.95 < high < 0.98
    assert sampling.interval([[20, 20]] * 5) == (1.0, 1.0)


def test_the_arbiter_blames_the_oracle_for_a_recorded_fault() -> None:
    fault = next(f for f in recorded() if f.operator == "cumprod")
    found = ruling.rule_on(fault, STANDARD)
    assert found.blamed == ["op/cumprod/second"] and not found.otherwise
    assert ruling.summary([found])["oracle"] == 1


def test_every_real_fault_is_planted_or_says_what_it_waits_for() -> None:
    assert not WAITING.keys() & entries().keys()
    assert len(WAITING) + sum(find(id).report is not None for id in entries()) >= 110


def test_there_are_ten_controls() -> None:
    assert sum(fault.control for fault in entries().values()) >= 10


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="this interpreter has JAX")
def test_an_interpreter_without_jax_is_one_line() -> None:
    with pytest.raises(LookupError, match=r"can't run JAX's check_grads: .*No module named 'jax'"):
        against.elsewhere([("bcast_mul", ["mul"])], sys.executable)


def test_a_method_that_can_not_be_asked_has_not_missed() -> None:
    asked = against.Comparison(
        "bcast_mul", "rule", {"gradcheck fast": True, "fixed samples": False}, dict.fromkeys(against.METHODS, 1.0)
    )
    other = against.Comparison("prod_zero_div", "rule", {"fixed samples": True}, {"fixed samples": 1.0})
    mine = {c.fault: Verdict(c.fault, c.kind, False, caught_by=["op/mul/vjp"]) for c in (asked, other)}
    rows = {name: (row["caught"], row["missed"]) for name, row in against.totals([asked, other], mine).items()}
    assert rows == {"this suite": (2, 0), "gradcheck fast": (1, 0), "fixed samples": (1, 1)}
    assert against.compare("control_nothing", []).caught == {}, "no sample, no question"


def test_a_fault_that_never_fires_is_left_early() -> None:
    faults = [systematic_fault("sys/ExpBackward0/vjp.self/one-of-65536")]
    ask = [q for q in questions() if q.id == "op/exp/vjp"]
    (found,) = Comparator(faults, load("refgrad")).run(ask, STANDARD, draws=2000)
    assert found.draws <= 500 and not found.fired and not found.equivalent, found


def test_the_oracles_own_fault_hides_none() -> None:
    # PyTorch's slope of hardsigmoid is that of float32, so that the sound engine differs from it in each program.
    id = "sys/HardsigmoidBackward0/vjp.self/off-by-1e-8"
    made = Bench([systematic_fault(id)], Settings("standard", 20, 0))
    made.ask([q for q in questions() if q.id == "op/nn.functional.hardsigmoid/vjp"])
    assert made.kills[id].kind == "value" and made.unsound


def test_survivors_are_explained_once(tmp_path: Path) -> None:
    settings, (share,) = Settings("quick", 2, 0), shares.shares(["RoundBackward0"], [])
    store = shares.Store(tmp_path, settings, 60)
    lost = [Verdict("sys/RoundBackward0/forward/narrowed", "forward narrowed", False)]
    reach = {"op/round/vjp": [("RoundBackward0", "forward", "")]}
    (found,) = shares.explain_share(share, lost, store, reach)
    assert found.message.startswith("identical in 60 programs"), found
    assert shares.explain_share(share, lost, store, {}) == [found]


def test_a_list_of_operands_may_be_strided() -> None:
    plain = np.ones((2, 3))
    assert is_strided([[plain, plain.T]]) and not is_strided([[plain], 1])
