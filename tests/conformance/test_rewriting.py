"""Programs without writes, as the arbiter reads them; and the list of the oracle's faults."""

from __future__ import annotations

import pytest

from conformance.build import Builder
from conformance.oracle_faults import OracleFault, recorded
from conformance.program import Call, Observe, Program, Ref
from conformance.rewriting import without_writes
from conformance.source import Stream


def drawn(view: bool) -> Program:
    b = Builder(Stream(1))
    x = b.leaf((2, 3))
    copy = b.call("clone", x, form="method")
    if view:
        b.call("transpose", copy, 0, 1)
    written = b.call("sin", copy, form="inplace")
    b.observe(copy)
    b.backward(written, gradient=b.like(copy))
    return b.program()


def test_a_write_into_a_fresh_clone_is_a_call_that_returns() -> None:
    steps = without_writes(drawn(view=False)).steps
    assert isinstance(steps[2], Call) and steps[2].form == "function" and steps[2].args == (Ref(1),)
    assert isinstance(steps[3], Observe) and steps[3].value == Ref(2)


def test_a_write_that_a_view_sees_stays() -> None:
    program = drawn(view=True)
    assert without_writes(program) == program


def test_a_fault_that_is_no_value_says_what_it_shows() -> None:
    with pytest.raises(ValueError, match="shows"):
        OracleFault("torch", "2", "pow", ("vjp",), "raises", kind="error")
    with pytest.raises(ValueError, match="shows"):
        OracleFault("torch", "2", "pow", ("vjp",), "is wrong", shows="text")


def test_a_fault_explains_its_own_divergences_only() -> None:
    fault = OracleFault("torch", "2.13", "pow", ("vjp",), "raises", kind="error", shows="oracle gave RuntimeError: Sub")
    assert fault.explains("error", "None where the oracle gave RuntimeError: Subtraction")
    assert not fault.explains("error", "None where the oracle gave IndexError: out of range")
    assert not fault.explains("value", "None where the oracle gave RuntimeError: Subtraction")
    assert fault.covers("torch", "2.13.0", "pow", "vjp") and not fault.covers("torch", "2.13.0", "pow", "double")


def test_every_recorded_fault_has_a_script() -> None:
    for fault in recorded():
        assert "import torch" in fault.script, fault.operator
        assert len(fault.script.strip().splitlines()) <= 12, fault.operator
