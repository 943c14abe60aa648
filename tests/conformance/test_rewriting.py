"""Programs without writes, as the arbiter reads them; and the list of the oracle's faults."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from conformance.backends import load
from conformance.drawing.build import Builder
from conformance.drawing.source import Stream
from conformance.judging.evaluation import Evaluation
from conformance.judging.references import DIGITS
from conformance.judging.rewriting import at_element, without_writes
from conformance.programs.leafdata import leaf_array
from conformance.programs.program import Call, Leaf, Observe, Program, Ref, Slice
from conformance.programs.trace import Observed
from conformance.searching.oracle_faults import OracleFault, recorded


def drawn(view: bool, op: str = "clone") -> Program:
    b = Builder(Stream(1))
    x = b.leaf((2, 3))
    copy = b.call(op, x, form="function")
    if view:
        b.call("transpose", copy, 0, 1)
    written = b.call("sin", copy, form="inplace")
    b.observe(copy)
    b.backward(written, gradient=b.like(copy))
    return b.program()


@pytest.mark.parametrize("op", ["clone", "exp"])
def test_a_write_into_a_fresh_value_is_a_call_that_returns(op: str) -> None:
    steps = without_writes(drawn(view=False, op=op)).steps
    assert isinstance(steps[2], Call) and steps[2].form == "function" and steps[2].args == (Ref(1),)
    assert isinstance(steps[3], Observe) and steps[3].value == Ref(2)


def test_a_view_of_what_is_written_is_taken_anew() -> None:
    program = drawn(view=True)
    steps = without_writes(program).steps
    assert isinstance(steps[3], Call) and steps[3].form == "function"
    assert steps[-1] == Call("transpose", (Ref(3), 0, 1), (), "function") and len(steps) == len(program.steps) + 1


VIEWS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("view", ((3, 2),)),
    ("transpose", (0, 1)),
    ("__getitem__", ((1, Slice(0, None, 2)),)),
    ("diagonal", ()),
    ("unsqueeze", (1,)),
)


@pytest.mark.parametrize(("op", "args"), VIEWS)
@pytest.mark.parametrize("later", [False, True])
def test_a_write_through_a_view_is_what_torch_makes_of_it(op: str, args: tuple[Any, ...], later: bool) -> None:
    """Values of every name of the memory, and the gradient of what was there before."""
    b = Builder(Stream(5))
    x = b.leaf((2, 3), "float64")
    base = b.call("clone", x, form="function")
    other = b.call("transpose", base, 0, 1)
    view = b.call(op, base, *args, form="operator" if op == "__getitem__" else "method")
    written = b.call("sin", view, form="inplace")
    b.call("mul", written if later else other, 3, form="inplace")
    seen = [b.observe(value, "value") for value in (base, other, view, written)]
    b.backward(base, gradient=b.like(base))
    program = b.program()
    trace, plain = load("torch").execute(program), without_writes(program)
    with mpmath.workdps(DIGITS):
        for place, value in enumerate(trace.steps):
            if isinstance(program.steps[place], Observe):
                assert isinstance(value, Observed)
                exact = Evaluation(plain).value(place, {}, 0)
                np.testing.assert_allclose(value.array, exact.astype(float), rtol=1e-13)
        mine = Evaluation(plain).gradient(0, len(plain.steps), {}, 0)
    gradient = trace.gradients[0]
    assert isinstance(gradient, Observed) and len(seen) == 4
    np.testing.assert_allclose(gradient.array, mine.astype(float), rtol=1e-13)


@pytest.mark.parametrize("part", ["real", "imag", "view_as_real", "view_as_complex"])
def test_a_write_into_parts_of_complex_numbers_is_told_by_values(part: str) -> None:
    b = Builder(Stream(1))
    copy = b.call("clone", b.leaf((3, 2), "float64" if part == "view_as_complex" else "complex128"), form="function")
    view = b.call(part, copy, form="function")
    for factor in (2, 3):
        b.call("mul", view, factor, form="inplace")
    for seen in (copy, view):
        b.observe(seen)
    program = b.program()
    plain = without_writes(program)
    assert not any(isinstance(step, Call) and step.form == "inplace" for step in plain.steps)
    trace = load("torch").execute(program)
    with mpmath.workdps(DIGITS):
        for place, value in enumerate(trace.steps):
            if isinstance(program.steps[place], Observe):
                assert isinstance(value, Observed)
                exact = Evaluation(plain).value(place, {}, 0)
                np.testing.assert_allclose(value.array, exact.astype(value.dtype), rtol=1e-13)


@pytest.mark.parametrize("other", ["imag", "conj", "add"])
def test_a_write_into_parts_that_others_see_stays(other: str) -> None:
    b = Builder(Stream(1))
    copy = b.call("clone", b.leaf((2,), "complex128"), form="function")
    view = b.call("real", copy, form="function")
    if other == "add":  # writes the base too
        b.call("add", copy, 1, form="inplace")
    else:
        b.call(other, copy, form="function")
    b.observe(b.call("mul", view, 2, form="inplace"))
    program = b.program()
    assert without_writes(program).steps[-2] == program.steps[-2]


def test_a_view_may_be_told_by_another_tensor() -> None:
    b = Builder(Stream(1))
    copy = b.call("clone", b.leaf((2, 3)), form="function")
    b.call("mul", b.call("view_as", copy, b.leaf((3, 2)), form="method"), 2, form="inplace")
    b.observe(copy)
    steps = without_writes(b.program()).steps
    assert steps[-1] == Call("as_strided_scatter", (Ref(1), Ref(4), (3, 2), (2, 1), 0), (), "function")


def test_a_write_seen_in_a_way_that_is_not_known_stays() -> None:
    b = Builder(Stream(1))
    copy = b.call("clone", b.leaf((2, 3)), form="function")
    b.call("reshape", copy, (3, 2))
    b.observe(b.call("sin", copy, form="inplace"))
    program = b.program()
    assert without_writes(program).steps[3] == program.steps[3]


@pytest.mark.parametrize("op", ["positive", "reshape_as"])
def test_a_write_into_what_may_be_an_operand_stays(op: str) -> None:
    b = Builder(Stream(1))
    x = b.leaf((2, 3))
    same = b.call(op, x, *([x] if op == "reshape_as" else []), form="function")
    b.observe(b.call("sin", same, form="inplace"))
    program = b.program()
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


def test_one_element_of_an_elementwise_program() -> None:
    b = Builder(Stream(3))
    x, y, g = b.leaf((2, 3)), b.leaf((3,), requires_grad=False), b.leaf((2, 3), requires_grad=False)
    b.backward(b.call("mul", b.call("sin", x), y), gradient=g)
    whole = b.program()
    small = at_element(whole, (2, 3), 4)
    assert small is not None
    for step, before, place in zip(small.steps[:3], whole.steps[:3], ((1, 1), (1,), (1, 1))):
        assert isinstance(step, Leaf) and isinstance(before, Leaf)
        assert step.shape == (1,) and leaf_array(step)[0] == leaf_array(before)[place]


def test_a_sum_has_no_elements_of_its_own() -> None:
    b = Builder(Stream(3))
    x, y = b.leaf((2, 3)), b.leaf((3,))
    b.call("mul", x, y)
    assert at_element(b.program(), (2, 3), 4) is None, "the gradient of y is a sum over rows"
    b = Builder(Stream(3))
    b.call("sin", b.call("sum", b.leaf((2, 3))))
    assert at_element(b.program(), (2, 3), 4) is None
