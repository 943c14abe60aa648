"""What PyTorch leaves to an engine is excused where it shows, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.backends import load
from conformance.judging.compare import Divergence
from conformance.judging.judge import Judge
from conformance.judging.unspecified import (
    depends_on_saved_set,
    half_passed,
    is_idle_history,
    specified,
    without_refusal,
)
from conformance.programs.program import (
    Backward,
    Call,
    Grad,
    Item,
    Leaf,
    Program,
    Ref,
    Region,
    RetainGrad,
    Step,
    Transform,
    Write,
)
from conformance.programs.trace import NOTHING, Observed, Raised, Trace

DATA = np.ones(2).tobytes()
X = Leaf(DATA, "float64", (2,), requires_grad=True)
IDENTITY, COPY, REFUSING = ("saved_hooks:identity",), ("saved_hooks:copy",), ("saved_hooks:raise_pack",)
PACKING = Raised("RuntimeError", "raised while packing")


def _written(modes: tuple[str, ...], *last: Step) -> Program:
    """sin, its operand packed by hooks and written then, and what follows."""
    clone, sin = Call("clone", (Ref(0),)), Call("sin", (Ref(1),), modes=modes)
    return Program((X, clone, sin, Write(Ref(1), "zero_"), *last))


PASS = Backward((Ref(2),), (Ref(0),), None, None, False)


def _value(place: tuple[str, int, tuple[int, ...]]) -> Divergence:
    return Divergence("value", place, "")


def test_a_rewritten_operand_excuses_what_a_pass_read() -> None:
    assert depends_on_saved_set(_written(IDENTITY, PASS), _value(("gradient", 0, ())))


def test_it_excuses_nothing_before_a_pass() -> None:
    program = _written(IDENTITY, Call("cos", (Ref(2),)), PASS)
    assert not depends_on_saved_set(program, _value(("step", 2, ())))
    assert not depends_on_saved_set(program, _value(("step", 4, ())))
    assert depends_on_saved_set(program, _value(("gradient", 0, ())))


def test_it_excuses_nothing_where_hooks_copy_or_there_are_none() -> None:
    for modes in ((), COPY):
        assert not depends_on_saved_set(_written(modes, PASS), _value(("gradient", 0, ())))


def test_a_write_before_the_call_excuses_nothing() -> None:
    steps = (X, Call("clone", (Ref(0),)), Write(Ref(1), "zero_"), Call("sin", (Ref(1),), modes=IDENTITY))
    program = Program((*steps, Backward((Ref(3),), (Ref(0),), None, None, False)))
    assert not depends_on_saved_set(program, _value(("gradient", 0, ())))


def test_a_step_that_saves_what_it_likes_excuses_any_write() -> None:
    region = Transform("checkpoint", None, (Ref(0),), modes=IDENTITY)
    steps = (X, Call("clone", (Ref(0),)), region, Write(Ref(1), "zero_"), PASS)
    assert depends_on_saved_set(Program(steps), _value(("gradient", 0, ())))


def test_packing_is_the_affair_of_the_step_that_packs() -> None:
    """A composite elsewhere in the program excuses no other step's pack hook."""
    found = Divergence("error", ("step", 2, ()), "", None, PACKING)
    free = Call("nn.functional.kl_div", (Ref(0), Ref(0)))
    assert not depends_on_saved_set(Program((X, free, Call("sin", (Ref(0),), modes=REFUSING))), found)
    assert depends_on_saved_set(Program((X, X, Call(free.op, (Ref(0), Ref(0)), modes=REFUSING))), found)


def test_two_refusals_are_told_apart_from_a_fault() -> None:
    """A call that is wrong in itself may say so before or after it packs; one that isn't may not raise anything else."""
    short = Leaf(np.ones(3).tobytes(), "float64", (3,), requires_grad=True)
    wrong = Program((X, short, Call("mul", (Ref(0), Ref(1)), modes=REFUSING)))
    right = Program((X, X, Call("mul", (Ref(0), Ref(1)), modes=REFUSING)))
    found = Divergence("message", ("step", 2, ()), "", Raised("RuntimeError", "The size of tensor a"), PACKING)
    judge = Judge(load("refgrad"), load("torch"))
    calm = without_refusal(wrong, found)
    assert calm is not None
    assert calm.steps[2].modes == ()
    assert judge._hangs_on_saving(wrong, found)
    assert not judge._hangs_on_saving(right, found)
    alone = Divergence("error", ("step", 2, ()), "", None, PACKING)
    assert without_refusal(wrong, alone) is None


def test_a_refused_pass_excuses_gradients_and_nothing_else() -> None:
    """How far a pass came that both engines refused hangs on which node keeps what, if a step saves what it likes."""
    modified = Raised("RuntimeError", "one of the variables has been modified by an inplace operation")
    product = Call("linalg.multi_dot", ((Ref(0), Ref(1), Ref(2)),))
    program = Program((X, X, X, product, Backward((Ref(3),))))
    refused = Trace(steps=[*[NOTHING] * 4, modified])
    gradient = Divergence("type", ("gradient", 0, ()), "")
    untold = Trace(steps=[NOTHING] * 5)
    assert half_passed(program, refused, refused, gradient)
    assert not half_passed(program, untold, untold, gradient)
    assert not half_passed(program, refused, refused, Divergence("value", ("step", 3, ()), ""))
    assert not half_passed(
        Program((X, X, X, Call("add", (Ref(0), Ref(1))), program.steps[4])), refused, refused, gradient
    )


@pytest.mark.parametrize("part", [False, True])
def test_a_retained_output_is_not_written_where_that_ends_the_process(part: bool) -> None:
    """Of unsafe_split's parts the first may be written; of the second the whole raises in PyTorch itself, and a part is
    refused before the next backward would crash."""
    write: Step = Write(Ref(2), "setitem", (0, 2.0)) if part else Call("neg", (Ref(2),), form="inplace")
    for number in (0, 1):
        parts = Call("unsafe_split", (Ref(0), 1), attrs=(("dim", 0),))
        program = Program((X, parts, Item(Ref(1), number), RetainGrad(Ref(2)), write))
        seen = load("torch").execute(program).steps[4]
        assert (type(seen) is Raised and "INTERNAL ASSERT FAILED" in seen.message) == (number == 1)


def test_what_is_not_retained_or_not_recorded_is_written() -> None:
    parts = Call("unsafe_split", (Ref(0), 1), attrs=(("dim", 0),))
    steps = (X, parts, Item(Ref(1), 1))
    write = Write(Ref(2), "setitem", (0, 2.0))
    assert type(load("torch").execute(Program((*steps, write))).steps[3]) is not Raised
    quiet = Write(Ref(2), "setitem", (0, 2.0), modes=("no_grad",))
    assert type(load("torch").execute(Program((*steps, RetainGrad(Ref(2)), quiet))).steps[4]) is not Raised


def test_a_phase_is_no_promise_of_what_is_packed() -> None:
    """The eigenvalues are unique, the vectors that they save aren't; how often something is packed is compared."""
    matrix = Leaf(np.eye(2).tobytes(), "float64", (2, 2), requires_grad=True)
    for op, is_bare in (("linalg.eigvalsh", True), ("linalg.inv", False)):
        call = Call(op, (Ref(0),), modes=("saved_hooks:count",))
        program = Program((matrix, call))
        packed = specified(program, load("torch").execute(program)).hooks
        assert packed
        assert all((call.grads == ()) == is_bare for call in packed)


def test_an_idle_history_is_one_of_a_recorded_zero_beside_a_transform() -> None:
    zero, one = (Observed(np.full(2, value), "float64", (2,)) for value in (0.0, 1.0))
    region = Transform("jvp", Region(1, (Call("cos", (Ref(0),)),), (Ref(1),)), (Ref(0),))
    for create in (True, False):
        program = Program((X, region, Grad((Ref(1),), (Ref(0),), create_graph=create)))
        assert is_idle_history(program, Divergence("flag", ("step", 2, (0,)), "", zero, zero)) == create
    program = Program((X, region, Grad((Ref(1),), (Ref(0),), create_graph=True)))
    assert not is_idle_history(program, Divergence("flag", ("step", 2, (0,)), "", one, zero))
    assert not is_idle_history(program, Divergence("flag", ("step", 1, ()), "", zero, zero))
    plain = Program((X, X, Grad((Ref(1),), (Ref(0),), create_graph=True)))
    assert not is_idle_history(plain, Divergence("flag", ("step", 2, (0,)), "", zero, zero))


def test_a_refused_pass_excuses_the_name_of_its_node() -> None:
    modified = Raised("RuntimeError", "one of the variables has been modified by an inplace operation")
    program = Program((X, X, X, Call("linalg.multi_dot", ((Ref(0), Ref(1), Ref(2)),)), Backward((Ref(3),))))
    found = Divergence("warning", ("warning", 0, ()), "")
    named, other, more = (
        Trace(steps=[*[NOTHING] * 4, modified], warnings=[("UserWarning", f"Error detected in {name}."), *rest])
        for name, rest in (("A", ()), ("B", ()), ("B", (("UserWarning", "more"),)))
    )
    assert half_passed(program, named, other, found)
    assert not half_passed(program, named, more, found)
