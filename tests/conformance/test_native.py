"""Scripts in an engine's own terms do what the program does, and findings of other engines are real ones."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.backends import EngineDied, load
from conformance.backends.functional import Functional
from conformance.catalogue import find
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Stream
from conformance.judging.compare import Closeness, Divergence
from conformance.judging.judge import Judge, Judgement
from conformance.judging.tracing import values
from conformance.programs.needs import needs
from conformance.programs.program import Call, Grad, Leaf, Program, Ref, Region, Transform
from conformance.programs.trace import Observed
from conformance.promises.check import Check, Outcome, Settings
from conformance.promises.properties import PROPERTIES
from conformance.searching import foreign
from conformance.searching.native import native_script

from . import toy_engine as toy

TOY = str(Path(toy.__file__))


def printed(source: str) -> str:
    """What a script prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(source, "<script>", "exec"), {})
    return out.getvalue()


@pytest.mark.parametrize("operator", ["sin", "exp"])
@pytest.mark.parametrize("kind", ["forward", "vjp", "create-graph", "double"])
def test_a_script_does_what_the_program_does(operator: str, kind: str) -> None:
    program = one_operator(find(operator), PROPERTIES[kind].build)(Stream(3))
    assert not needs(program) - toy.backend.claims
    seen = dict(values(toy.backend.execute(program)))
    last = max(at[1] for at in seen)
    pulled = [at for at in seen if at[0] == "gradient"]
    wanted = [seen[at].array for at in pulled or [at for at in seen if at[1] == last]]
    numbers = np.concatenate([np.ravel(found.value) for found in _results(native_script(program, TOY))])
    assert np.array_equal(numbers, np.concatenate([np.ravel(array) for array in wanted]))


def _results(source: str) -> list[Any]:
    """What the last line of a script shows, as the engine's arrays."""
    body, _, last = source.strip().rpartition("\n")
    names: dict[str, Any] = {}
    exec(compile(f"{body}\nshown = {last.removeprefix('print')}", "<script>", "exec"), names)
    return list(names["shown"]) if isinstance(names["shown"], tuple) else [names["shown"]]


def test_a_program_that_writes_is_written_for_the_tape() -> None:
    b = Builder(Stream(0), "float64")
    x = b.call("clone", b.given((1.0, 2.0), (2,)))
    b.call("mul", x, 2.0, form="inplace")
    b.backward(x, gradient=b.given((1.0, 1.0), (2,), requires_grad=False))
    source = native_script(b.program(), "mygrad")
    assert "engine.writes['mul'](v1, 2.0)" in source and "engine.backward" in source


def test_what_functions_have_no_words_for_runs_through_the_adapter() -> None:
    b = Builder(Stream(0), "float32")
    x = b.given((1.0,), (1,))
    b.hook(x, "double", "tensor")
    b.backward(b.call("sum", b.call("sin", x)))
    assert "Observed" in printed(native_script(b.program(), "refgrad"))


def judged(engine: Any, operator: str, kind: str = "vjp") -> Outcome:
    outcomes: list[Outcome] = []
    line, stated = find(operator), PROPERTIES[kind]
    Check(Judge(engine, load("torch")), Settings(examples=8), outcomes.append).operator(
        line, stated, one_operator(line, stated.build, stated.dtypes(line))
    )
    return outcomes[0]


def engine_of(**operators: Any) -> Functional:
    return Functional("toy", "1.0", operators, toy.vjp, array=toy.Var, numpy=lambda x: x.value)


def test_a_finding_counts_the_programs_that_show_it() -> None:
    outcome = judged(engine_of(sin=lambda x: toy.Var(toy.sin(x).value, ((x, lambda g: g * toy.sin(x)),))), "sin")
    assert outcome.status == "fail" and outcome.findings[0].line["count"] > 1
    assert outcome.findings[0].line["script"].startswith("import numpy as np\nfrom conformance.backends import load")


def rounded(x: Any) -> Any:
    """The exponential with a slope that is off in the last place but one."""
    y = toy.exp(x)
    return toy.Var(y.value, ((x, lambda g: g * y + 6e-7 * float(np.finfo(x.value.dtype).eps > 1e-10)),))


def test_rounding_is_no_fault_and_hides_none() -> None:
    assert judged(engine_of(exp=rounded), "exp").status in ("pass", "convention")

    def wrong(x: Any) -> Any:
        y = rounded(x)
        return y if x.value.size < 3 else toy.Var(y.value, ((x, lambda g: g * 2),))

    assert judged(engine_of(exp=wrong), "exp").status == "fail"


def divergence(program: Program, mine: float, convention: bool = False) -> str | None:
    """What is said of an engine that gives another value in the last step."""
    oracle = load("torch")
    trace = oracle.execute(program)
    place, theirs = list(values(trace))[-1]
    assert isinstance(theirs, Observed)
    array = np.full(theirs.array.shape, mine, theirs.array.dtype)
    other = Observed(array, theirs.dtype, theirs.shape)
    error = float(np.abs(array - theirs.array).max())
    found = Divergence("value", place, "", other, theirs, error, 1e9, 0)
    return foreign.otherwise(program, Judgement("different", trace, found), oracle, oracle, convention)


@pytest.mark.parametrize(
    ("operator", "at", "mine", "excused"),
    [("log", -1.0, 3.0, True), ("log", 1.0, 3.0, False), ("exp", 1.0, float("nan"), False)],
)
def test_only_where_there_is_no_value_any_will_do(operator: str, at: float, mine: float, excused: bool) -> None:
    b = Builder(Stream(0), "float64")
    b.call(operator, b.given((at,), (1,)))
    assert (divergence(b.program(), mine) is not None) is excused


def test_nan_data_excuses_at_a_kink_alone() -> None:
    b = Builder(Stream(0), "float64")
    b.call("relu", b.given((float("nan"),), (1,)))
    assert divergence(b.program(), 1.0, convention=True) is not None
    b = Builder(Stream(0), "float64")
    b.call("relu", b.given((2.0,), (1,)))
    assert divergence(b.program(), 1.0, convention=True) is None


def test_a_derivative_of_a_derivative_is_a_second_one() -> None:
    sine = Region(1, (Call("sin", (Ref(0),), ()),), (Ref(1),))
    once = Region(1, (Transform("grad", sine, (Ref(0),), ()),), (Ref(1),))
    leaf = Leaf(np.ones(()).tobytes(), "float64", ())
    for region, twice in ((sine, False), (once, True)):
        program = Program((leaf, Transform("grad", region, (Ref(0),), ())))
        assert ("double" in needs(program)) is twice


@pytest.mark.parametrize(
    ("layout", "mine", "excused"),
    [
        ("expanded", (2.0, 1.0), True),
        ("expanded", (2.0, 2.0), False),
        ("contiguous", (2.0, 1.0), False),
    ],
)
def test_elements_in_one_place_share_a_gradient_as_they_like(
    layout: str, mine: tuple[float, float], excused: bool
) -> None:
    x = Leaf(np.ones(2).tobytes(), "float64", (2,), layout, requires_grad=True)
    g = Leaf(np.array([1.0, 2.0]).tobytes(), "float64", (2,))
    program = Program((x, Call("clone", (Ref(0),), ()), g, Grad((Ref(1),), (Ref(0),), (Ref(2),))))
    ours, theirs = (Observed(np.array(side), "float64", (2,)) for side in (mine, (1.0, 2.0)))
    found = Divergence("value", ("step", 3, (0,)), "", ours, theirs, 1.0, 1e9, 0)
    oracle = load("torch")
    judgement = Judgement("different", oracle.execute(program), found)
    assert (foreign.otherwise(program, judgement, oracle, oracle, False) is not None) is excused


@pytest.mark.parametrize(
    ("mine", "excused"),
    [
        ((1.0, 0.0, 2.0, 3.0), True),
        ((1.0, 0.5, 2.0, 3.0), False),
        ((1.0, 0.0, 2.5, 3.0), False),
    ],
)
def test_nothing_beside_the_triangle_of_a_factor_is_a_choice(
    mine: tuple[float, float, float, float], excused: bool
) -> None:
    factor = Leaf(np.array([2.0, 0.0, 1.0, 3.0]).tobytes(), "float64", (2, 2), requires_grad=True)
    b, g = (Leaf(np.ones(2).tobytes(), "float64", (2, 1)) for _ in range(2))
    solved = Call("cholesky_solve", (Ref(1), Ref(0)), (("upper", False),))
    program = Program((factor, b, solved, g, Grad((Ref(2),), (Ref(0),), (Ref(3),))))
    ours, theirs = (Observed(np.array(side).reshape(2, 2), "float64", (2, 2)) for side in (mine, (1.0, 4.0, 2.0, 3.0)))
    found = Divergence("value", ("step", 4, (0,)), "", ours, theirs, 1.0, 1e9, 1)
    oracle = load("torch")
    judgement = Judgement("different", oracle.execute(program), found)
    assert (foreign.otherwise(program, judgement, oracle, oracle, False) is not None) is excused


@pytest.mark.parametrize(
    ("operator", "attrs", "mine", "excused"),
    [
        ("cummax", (("dim", 0),), (0, 0, 0), True),
        ("cummax", (("dim", 0),), (0, 2, 1), False),
        ("cummax", (("dim", 0),), (0, 3, 1), False),
        ("cummax", (("dim", 0),), (0, -3, 1), False),
        ("sort.stable", (("dim", 0), ("descending", True), ("stable", True)), (1, 0, 2), False),
        ("sort", (("dim", 0), ("descending", True)), (1, 0, 2), True),
        ("argmax", (("dim", None), ("keepdim", False)), 1, True),
        ("argmax", (("dim", 0), ("keepdim", False)), 1, True),
        ("argmax", (("dim", 0), ("keepdim", True)), (2,), False),
    ],
)
def test_which_of_equals_is_named_is_a_choice(operator: str, attrs: Any, mine: Any, excused: bool) -> None:
    x = Leaf(np.array([2.0, 2.0, 1.0]).tobytes(), "float64", (3,))
    program = Program((x, Call(operator, (Ref(0),), attrs)))
    oracle = load("torch")
    trace = oracle.execute(program)
    made = trace.steps[1]
    path, theirs = ((1,), made[1]) if isinstance(made, tuple) else ((), made)
    assert isinstance(theirs, Observed)
    ours = Observed(np.array(mine), "int64", np.shape(mine))
    found = Divergence("value", ("step", 1, path), "", ours, theirs, 1.0, None, 0)
    judgement = Judgement("different", trace, found)
    assert (foreign.otherwise(program, judgement, oracle, oracle, False) is not None) is excused


class Fragile(Functional):
    """An engine whose process every program ends."""

    def execute(self, program: Program, noise: int | None = None) -> Any:
        raise EngineDied("crash", "gone")


@pytest.mark.parametrize(("shape", "status"), [((2,), "different"), ((3,), "unclaimed")])
def test_a_death_counts_where_the_oracle_has_an_answer(shape: tuple[int, ...], status: str) -> None:
    x = Leaf(np.ones(2).tobytes(), "float64", (2,), requires_grad=True)
    seed = Leaf(np.ones(shape).tobytes(), "float64", shape)
    program = Program((x, Call("sin", (Ref(0),), ()), seed, Grad((Ref(1),), (Ref(0),), (Ref(2),))))
    engine = Fragile("fragile", "1.0", {"sin": toy.sin}, toy.vjp)
    assert Judge(engine, load("torch")).judge(program).status == status


def test_a_lazy_engine_is_told_all_that_is_shown_at_once() -> None:
    told: list[int] = []

    def together(arrays: list[Any]) -> None:
        told.append(len(arrays))
        raise ValueError("what raises here is raised again where it is looked at")

    engine = Functional(
        "toy", "1.0", {"sin": toy.sin}, toy.vjp, array=toy.Var, numpy=lambda x: x.value, together=together
    )
    x = Leaf(np.ones(2).tobytes(), "float64", (2,), requires_grad=True)
    trace = engine.execute(Program((x, Call("sin", (Ref(0),), ()), Call("sin", (Ref(1),), ()))))
    assert told == [2] and isinstance(trace.steps[2], Observed)


def test_the_law_of_create_graph_is_about_two_gradients() -> None:
    law = PROPERTIES["create-graph"].law
    assert law is not None
    program = Program((Leaf(np.ones(2).tobytes(), "float64", (2,)), Call("max.dim", (Ref(0), 0), ())))
    assert law(program, load("torch").execute(program), Closeness()) is None
