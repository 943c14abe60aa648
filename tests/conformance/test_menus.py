"""Engines that compile: few structures, many values."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.backends import compiles, load
from conformance.backends.functional import Functional
from conformance.catalogue import find
from conformance.catalogue.loss import SIGNS
from conformance.drawing.domains import draw_data
from conformance.drawing.generate import one_operator
from conformance.drawing.menus import PER_STRUCTURE, kinds, sources
from conformance.drawing.source import Menu, Replay, Source, Stream
from conformance.judging.judge import Judge
from conformance.programs.leafdata import pattern_array
from conformance.programs.program import Leaf, Pattern, Program
from conformance.promises.properties import PROPERTIES
from conformance.searching.search import search

from . import toy_engine as toy

DRAW = one_operator(find("sin"), PROPERTIES["vjp"].build, ("float32", "float64"))
SEED = (7, 11)


def test_a_menu_draws_one_structure_with_other_values() -> None:
    programs = [DRAW(Menu(6, values)) for values in range(4)]
    assert len({program.structure() for program in programs}) == 1
    assert len({program.digest() for program in programs}) == 4
    assert len({DRAW(Menu(structure, 5)).structure() for structure in range(20)}) > 10


def test_its_log_draws_the_same_again() -> None:
    source = Menu(3, 9)
    program = DRAW(source)
    assert DRAW(Replay(source.log)).digest() == program.digest()


@pytest.mark.parametrize("examples", [8, 50, 200])
def test_as_few_structures_as_it_says(examples: int) -> None:
    programs = [DRAW(source) for source in sources(DRAW, SEED, examples)]
    assert len(programs) == examples
    assert len({program.structure() for program in programs}) <= max(2, examples // PER_STRUCTURE) + 1
    assert len({program.digest() for program in programs}) > examples * 3 // 4


def test_the_structures_show_more_than_the_first_ones_drawn() -> None:
    def shown(programs: list[Program]) -> int:
        return len({kind for program in programs for kind in kinds(program)})

    chosen = [DRAW(source) for source in sources(DRAW, SEED, 2)]
    assert shown(chosen) >= shown([DRAW(Stream(1)), DRAW(Stream(2))])
    assert any(0 not in step.shape for program in chosen for step in program.steps if isinstance(step, Leaf))


def test_what_is_not_claimed_is_not_on_the_menu() -> None:
    def draw(source: Source) -> Program | None:
        program = DRAW(source)
        return program if any(isinstance(s, Leaf) and s.dtype == "float64" for s in program.steps) else None

    assert all(draw(source) is not None for source in sources(draw, SEED, 8))


def test_a_search_says_how_many_structures_it_drew() -> None:
    pytest.importorskip("torch")
    engine = Functional("slow", "1", toy.OPERATORS, toy.vjp, array=toy.Var, numpy=lambda x: x.value)
    judge = Judge(engine, load("torch"))
    plain = search(judge, DRAW, lambda trace: True, SEED, 8)
    assert "structures" not in plain.seen.record()
    engine.compiles = "per_shape"
    assert compiles(engine)
    few = search(judge, DRAW, lambda trace: True, SEED, 8)
    assert (few.seen.record()["structures"], few.programs) == (2, 8)


class _Refused(Exception):
    """A jit's word that it can't trace."""


def test_a_program_is_compiled_once_and_run_many_times() -> None:
    traced: list[int] = []

    def jit(function):  # type: ignore[no-untyped-def]
        def run(leaves):  # type: ignore[no-untyped-def]
            traced.append(1)
            return function({index: toy.Var(leaf) for index, leaf in leaves.items()})

        return run

    plain = load(str(Path(toy.__file__)))
    engine = Functional("jitted", "1", toy.OPERATORS, toy.vjp, array=toy.Var, numpy=lambda x: x.value, compiled=jit)
    for values in range(3):
        program = DRAW(Menu(5, values))
        mine, theirs = engine.execute(program), plain.execute(program)
        assert [str(x) for x in mine.steps] == [str(x) for x in theirs.steps]
        assert str(mine.gradients) == str(theirs.gradients)
    assert len(engine._programs) == 1
    assert len(traced) == 3


def test_what_cannot_be_traced_runs_step_by_step() -> None:
    def sin(x):  # type: ignore[no-untyped-def]
        if isinstance(x, _Traced):
            raise _Refused
        return toy.sin(x)

    def jit(function):  # type: ignore[no-untyped-def]
        return lambda leaves: function({index: _Traced(leaf) for index, leaf in leaves.items()})

    engine = Functional(
        "partly", "1", {"sin": sin}, toy.vjp, array=toy.Var, numpy=lambda x: x.value, compiled=jit,
        untraceable=(_Refused,),
    )  # fmt: skip
    program = one_operator(find("sin"), PROPERTIES["forward"].build, ("float64",))(Stream(3))
    assert not list(engine.execute(program).raised())


class _Traced(toy.Var):
    """A value without a number."""


def test_empty_ones_are_on_the_menu_once_where_they_are_what_is_tested() -> None:
    edge = one_operator(find("sin"), PROPERTIES["edge"].build, ("float32",))
    empty = [all(0 in s.shape for s in edge(source).steps if isinstance(s, Leaf)) for source in sources(edge, SEED, 8)]
    assert empty == [False] * 7 + [True]


def test_many_signs_are_signs() -> None:
    """A target of -1 and 1 stays one where it is too large to be written out."""
    data = draw_data(Stream(3), SIGNS, "float32", (600,))
    assert isinstance(data, Pattern)
    assert set(pattern_array(data, "float32", (600,)).tolist()) == {-1.0, 1.0}
