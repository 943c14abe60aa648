"""What a finding shows: small sizes, the fault it failed by, a script that runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from conformance.programs.program import Call, Leaf, Pattern, Program, Ref, Region, Transform
from conformance.searching.oracle_faults import OracleFault, recorded
from conformance.searching.resizing import resized
from conformance.searching.script import script
from conformance.searching.shrink import shrink_steps


def large(rows: int, columns: int) -> Program:
    pattern = Leaf(Pattern("dyadic", 1, -4.0, 4.0), "float64", (rows, columns))
    literal = Leaf(np.arange(rows * columns, dtype=np.float64).tobytes(), "float64", (rows, columns))
    return Program((pattern, literal, Call("add", (Ref(0), Ref(1)))))


def shapes(program: Program) -> list[tuple[int, ...]]:
    return [step.shape for step in program.steps if isinstance(step, Leaf)]


def test_a_fault_of_any_size_is_shown_at_a_small_one() -> None:
    found = shrink_steps(large(512, 3), lambda p: len(p.steps) == 3 and shapes(p)[0] == shapes(p)[1])
    assert max(math.prod(shape) for shape in shapes(found)) <= 256


def test_a_fault_of_size_keeps_its_size() -> None:
    found = shrink_steps(large(512, 3), lambda p: len(p.steps) == 3 and math.prod(shapes(p)[0]) > 1030)
    assert shapes(found) == [(512, 3), (512, 3)]


def test_literal_values_are_cut_with_their_shape() -> None:
    cut = next(p for p in resized(large(512, 3)) if shapes(p) == [(2, 3), (2, 3)])
    literal = cut.steps[1]
    assert isinstance(literal, Leaf) and isinstance(literal.data, bytes)
    assert np.frombuffer(literal.data).tolist() == list(range(6))


def test_small_programs_are_left_to_their_draws() -> None:
    assert list(resized(large(5, 3))) == []


def test_a_captured_value_keeps_its_meaning_in_a_script() -> None:
    """Inside, v1 is the captured v0; both names are taken outside."""
    region = Region(2, (Call("mul", (Ref(0), Ref(1))),), (Ref(2),))
    leaves = tuple(Leaf(np.array([value]).tobytes(), "float64", (1,)) for value in (3.0, 5.0))
    for captured, expected in ((0, 15.0), (1, 25.0)):
        step = Transform("vjp", region, (Ref(1),), (Ref(captured),), (("cotangents", (Ref(1),)),))
        names: dict[str, Any] = {}
        exec(script(Program((*leaves, step)), "refgrad").replace("print", "str"), names)
        assert [float(v.item()) for v in names["v2"]] == [expected, 25.0 if captured else 15.0]


def test_a_recorded_fault_may_show_in_several_texts() -> None:
    fault = OracleFault("torch", "2", "mul", ("jvp",), "is wide", kind="dtype", shows=("one text", "another"))
    assert fault.explains("dtype", "it shows another text") and not fault.explains("dtype", "neither")
    assert all(isinstance(fault.shows, (str, tuple)) for fault in recorded())
