"""Faults generated from refgrad's source: compiled, planted, taken off again; clauses kill them."""

from __future__ import annotations

import pytest

from conformance.promises.check import Settings
from conformance.proof import guarding
from conformance.proof.faults.guards import KINDS, Guard, Recoded, function_of, guards
from conformance.proof.faults.idle import IDLE


def test_each_kind_is_generated() -> None:
    found = {g.kind for module in ("_hooks", "_views", "_graph", "autograd.backward") for g in guards(module)}
    assert found == {"ignored", *(kind.name for kind in KINDS)}


def test_a_guard_is_planted_and_taken_off() -> None:
    import refgrad

    guard = next(g for g in guards("autograd.backward") if (g.function, g.kind) == ("_backward_inputs", "unraised"))
    x = refgrad.tensor(1.0, requires_grad=True)
    with Recoded(guard):
        (x * x).backward(inputs=[])
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * x).backward(inputs=[])


def test_a_reworded_error_keeps_its_kind() -> None:
    import refgrad

    guard = next(g for g in guards("autograd.backward") if (g.function, g.kind) == ("_backward_inputs", "reworded"))
    x = refgrad.tensor(1.0, requires_grad=True)
    with Recoded(guard), pytest.raises(RuntimeError, match="something is wrong"):
        (x * x).backward(inputs=[])


def test_a_function_that_is_gone_can_not_be_broken() -> None:
    guard = Guard("autograd.backward", "backward", "unset", 10**6)
    assert function_of(guard) is not None
    with pytest.raises(IndexError):
        Recoded(guard)


def test_a_clause_kills_a_fault_in_a_line_that_it_passes() -> None:
    (trial,) = guarding.try_clauses(["thook.order-of-registration"], Settings("quick", 3, 0), tries=20)
    assert trial.lines > 100 and len(trial.killed) == 1 and trial.killed[0] in trial.tried
    found = guarding.summary([trial])
    assert found["idle"] == [] and found["clauses"] == 1
    assert any("killed no generated fault" in line for line in guarding.lines(found))


def test_idle_clauses_are_clauses() -> None:
    known = {question.id for question in guarding.clauses()}
    assert IDLE.keys() <= known and len(IDLE) <= 0.05 * len(known)
