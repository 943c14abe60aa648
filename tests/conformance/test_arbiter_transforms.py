"""The arbiter's verdicts on transforms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conformance import backends
from conformance.judging.arbitrate import arbitrate
from conformance.judging.compare import Divergence
from conformance.judging.differences import Kink, slope
from conformance.programs.leafdata import DTYPES
from conformance.programs.program import Call, Leaf, Pattern, Program, Ref, Region, Transform
from conformance.programs.trace import Observed

SIN = Region(1, (Call("sin", (Ref(0),)),), (Ref(1),))


def leaf(value: complex, dtype: str = "float64", grad: bool = False) -> Leaf:
    return Leaf(np.full(3, value, DTYPES[dtype]).tobytes(), dtype, (3,), requires_grad=grad)


def program(kind: str, region: Region = SIN, dtype: str = "float64", grad: bool = False) -> Program:
    option = "tangents" if kind == "jvp" else "cotangents"
    x = leaf(0.75 + 0.5j if dtype == "complex128" else 0.75, dtype, grad)
    step = Transform(kind, region, (Ref(0),), options=((option, (Ref(1),)),))
    return Program((x, leaf(1.5 - 2j if dtype == "complex128" else 1.5, dtype), step))


def verdict(run: Program, wrong: str, factor: float = 1 + 1e-9, position: int = 1) -> str:
    """The verdict where the backend's (or the oracle's, or both sides') second value is wrong."""
    right: Any = backends.load("torch").execute(run).steps[2][position]  # type: ignore[index]
    off = replace(right, array=right.array * factor)
    pair = {"backend": (off, right), "oracle": (right, off), "both": (off, replace(off, array=off.array * factor))}
    mine, theirs = pair[wrong]
    return arbitrate(run, Divergence("value", ("step", 2, (position,)), "", mine, theirs, 1.0, 1.0, element=0)).verdict


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("kind", ["jvp", "vjp"])
@pytest.mark.parametrize("wrong", ["backend", "oracle", "both"])
def test_who_is_wrong(kind: str, dtype: str, wrong: str) -> None:
    assert verdict(program(kind, dtype=dtype), wrong) == wrong


def test_the_value_beside_is_judged_too() -> None:
    assert verdict(program("jvp"), "oracle", position=0) == "oracle"


def test_one_element_of_a_large_pointwise_program_is_enough() -> None:
    x, t = (Leaf(Pattern("uniform", seed, 0.5, 1.0), "float64", (65536,)) for seed in (1, 2))
    step = Transform("jvp", SIN, (Ref(0),), options=(("tangents", (Ref(1),)),))
    assert verdict(Program((x, t, step)), "backend") == "backend"


@pytest.mark.parametrize(("op", "expected"), [("sin", "oracle"), ("neg", "backend")])
def test_a_tangent_that_moves_has_a_history(op: str, expected: str) -> None:
    """An oracle whose tangent doesn't require grad is wrong where it changes with the operand, right where not."""
    run = program("jvp", Region(1, (Call(op, (Ref(0),)),), (Ref(1),)), grad=True)
    array = np.zeros(3)
    mine, theirs = (Observed(array, "float64", (3,), requires_grad=flag) for flag in (True, False))
    assert arbitrate(run, Divergence("flag", ("step", 2, (1,)), "", mine, theirs)).verdict == expected


def test_a_flat_point_is_no_kink() -> None:
    assert slope(lambda h: h * h, 1e-18) == 0
    with pytest.raises(Kink):
        slope(abs, 1e-18)
