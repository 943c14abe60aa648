"""Versions that count a kernel's own writes are no part of a comparison; every other version is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.backends import load
from conformance.judging.compare import Divergence
from conformance.judging.inner_writes import counted_within, recorded_within
from conformance.judging.judge import Judge
from conformance.programs.program import (
    Backward,
    Call,
    Item,
    Leaf,
    Observe,
    Program,
    Ref,
    Region,
    Transform,
    Write,
)
from conformance.programs.trace import Observed, Trace

DATA = np.ones(3).tobytes()
INSIDE = ("inference_mode",)


def _program(*leaf_modes: str, call_modes: tuple[str, ...] = ()) -> Program:
    """The version of a sum, and of the sum of a leaf that was made elsewhere."""
    leaf = Leaf(DATA, "float64", (3,), modes=leaf_modes)
    total = Call("sum", (Ref(0),), modes=call_modes)
    return Program((leaf, total, Observe(Ref(1), ("version",))))


def test_a_call_on_an_inference_tensor_counts_within() -> None:
    assert counted_within(_program(*INSIDE)) == {2}
    judge = Judge(load("refgrad"), load("torch"))
    assert judge.judge(_program(*INSIDE)).status == "unspecified"


def test_elsewhere_versions_are_compared() -> None:
    assert not counted_within(_program())
    assert not counted_within(_program(call_modes=INSIDE))
    assert not counted_within(_program(*INSIDE, "inference_mode:False"))
    judge = Judge(_Miscounting(), load("torch"))
    assert judge.judge(_program()).status == "different"


def test_an_ordinary_operand_ends_it() -> None:
    """Autograd takes part where one operand is an ordinary tensor."""
    leaves = Leaf(DATA, "float64", (3,), modes=INSIDE), Leaf(DATA, "float64", (3,))
    call = Call("add", (Ref(0), Ref(1)))
    assert not counted_within(Program((*leaves, call, Observe(Ref(2), ("version",)))))


def test_what_is_written_and_viewed_counts_on() -> None:
    steps = (*_program(*INSIDE).steps[:2], Call("view_as", (Ref(1), Ref(1))), Write(Ref(1), "zero_"))
    assert counted_within(Program((*steps, Observe(Ref(2), ("version",))))) == {4}


def test_history_within_a_kernel_is_nobodys_promise() -> None:
    """A flip of nothing is a copy in PyTorch, which is recorded; a sum isn't. With an ordinary operand both engines
    record, and are compared."""
    leaf = Leaf(DATA, "float64", (3, 1), requires_grad=True, modes=INSIDE)
    flip = Call("flip", (Ref(0), (1,)))
    judge = Judge(load("refgrad"), load("torch"))
    assert judge.judge(Program((leaf, flip))).status == "unspecified"
    outside = replace(leaf, modes=())
    for program in (Program((outside, flip)), Program((replace(leaf, requires_grad=False), flip))):
        assert judge.judge(program).status == "same"
    judge = Judge(_Miscounting(), load("torch"))
    steps = (outside, replace(leaf, requires_grad=False), Call("add", (Ref(0), Ref(1))))
    assert judge.judge(Program(steps)).status == "different"


def _flag(place: tuple[str, int, tuple[int, ...]], kind: str = "flag") -> Divergence:
    return Divergence(kind, place, "")


def test_a_vague_history_excuses_what_hangs_on_it_and_nothing_else() -> None:
    """Step 2 is of an inference leaf that requires grad, 3 of an ordinary one, 4 of both; 5 of an ordinary one."""
    inner, outer = (Leaf(DATA, "float64", (3,), requires_grad=True, modes=modes) for modes in (INSIDE, ()))
    calls = Call("neg", (Ref(0),)), Call("neg", (Ref(1),)), Call("add", (Ref(2), Ref(3))), Call("sum", (Ref(3),))
    program = Program((inner, outer, *calls, Backward((Ref(5),))))
    excused = [k for k in range(len(program.steps)) if recorded_within(program, _flag(("step", k, ())))]
    assert excused == [2, 4]
    assert not recorded_within(program, _flag(("step", 4, ()), "value"))
    assert recorded_within(program, _flag(("gradient", 0, ()), "value"))
    assert not recorded_within(program, _flag(("gradient", 1, ()), "value"))
    assert not recorded_within(program, _flag(("warning", 0, ()), "warning"))


def test_what_a_vague_value_is_written_into_is_vague() -> None:
    inner, outer = Leaf(DATA, "float64", (3,), requires_grad=True, modes=INSIDE), Leaf(DATA, "float64", (3,))
    steps = Call("neg", (Ref(0),)), Write(Ref(1), "copy_", (Ref(2),)), Observe(Ref(1))
    assert recorded_within(Program((inner, outer, *steps)), _flag(("step", 4, ())))
    assert not recorded_within(Program((inner, outer, steps[0], steps[2])), _flag(("step", 3, ())))


def test_a_pushed_tangent_counts_within() -> None:
    """So does what is written into it; the primal of a reverse pass doesn't."""
    leaf = Leaf(DATA, "float64", (3,))
    region = Region(1, (Call("cos", (Ref(0),)),), (Ref(1),))
    for kind, option, counts in (("jvp", "tangents", {5}), ("vjp", "cotangents", set[int]())):
        pushed = Transform(kind, region, (Ref(0),), options=((option, (Ref(1),)),))
        program = Program((leaf, leaf, pushed, Item(Ref(2), 1), Write(Ref(3), "zero_"), Observe(Ref(4))))
        assert counted_within(program) == counts
        assert Judge(load("refgrad"), load("torch")).judge(program).status in ("same", "unspecified")


class _Miscounting:
    """refgrad, whose third step shows a version that is one too high, or nothing at all that requires grad."""

    def __init__(self) -> None:
        self.sound = load("refgrad")
        self.name, self.version, self.family = self.sound.name, self.sound.version, self.sound.family
        self.claims = self.sound.claims

    def execute(self, program: Program, noise: int | None = None) -> Trace:
        trace = self.sound.execute(program, noise)
        seen = trace.steps[2]
        assert isinstance(seen, Observed)
        wrong = replace(seen, version=(seen.version or 0) + 1, requires_grad=False)
        return replace(trace, steps=[*trace.steps[:2], wrong])

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        return self.sound.call(run, drawn)
