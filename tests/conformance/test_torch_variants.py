"""torch.compile and torch.func as engines, and what drawing for engines that compile costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.backends import BrokenBackend, load
from conformance.backends.torch_compile import TorchCompile, stretches
from conformance.catalogue import find
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Menu, Rejected, Stream, mix
from conformance.judging.judge import Judge
from conformance.programs import program as p
from conformance.programs.program import Leaf, Program
from conformance.promises.properties import PROPERTIES
from conformance.searching.native import native_script


@pytest.fixture(scope="module")
def oracle() -> Any:
    return load("torch")


def programs(op: str, kind: str, count: int) -> list[Program]:
    found: list[Program] = []
    draw = one_operator(find(op), PROPERTIES[kind].build)
    for index in range(count):
        try:
            found.append(draw(Stream(mix(3, index))))
        except Rejected:
            continue
    return found


def statuses(engine: str, oracle: Any, op: str, kind: str, count: int) -> set[str]:
    judge = Judge(load(engine), oracle)
    return {judge.judge(program).status for program in programs(op, kind, count) if judge.claimed(program)}


@pytest.mark.parametrize(("op", "kind"), [("sin", "vjp"), ("max.dim", "vjp"), ("mul", "double"), ("add", "broadcast")])
def test_functions_batched_and_transformed_do_as_the_tape(oracle: Any, op: str, kind: str) -> None:
    assert statuses("torch:func", oracle, op, kind, 6) == {"same"}


def test_what_has_no_batching_rule_is_not_claimed(oracle: Any) -> None:
    assert "op:masked_select" not in load("torch:func").claims
    assert "unclaimed" in statuses("torch:func", oracle, "nn.functional.one_hot", "forward", 12)


def test_a_stretch_ends_where_the_program_differentiates() -> None:
    b = Builder(Stream(1), "float64")
    x = b.leaf((2,))
    y = b.call("sin", x)
    z = b.call("cos", y)
    b.call("exp", z)
    b.grad([z], [y], [b.leaf((2,))])
    kinds = [[type(step) is not Leaf for _, step in stretch] for stretch in stretches(b.program())]
    assert [len(stretch) for stretch in kinds] == [1, 1, 2, 1, 1]


def test_the_compiler_does_as_pytorch(oracle: Any) -> None:
    assert statuses("torch:compile", oracle, "max.dim", "vjp", 2) == {"same"}


def test_a_wrong_compiler_is_found(oracle: Any) -> None:
    engine = "torch:compile=tests.conformance.wrong_compiler:doubling"
    assert "different" in statuses(engine, oracle, "sin", "vjp", 3)
    assert statuses(engine, oracle, "cos", "forward", 1) == {"same"}


def test_no_such_compiler_is_one_line() -> None:
    with pytest.raises(BrokenBackend, match="has no backend 'nonsense'"):
        load("torch:compile=nonsense")


def test_programs_that_differ_in_data_alone_are_compiled_once(oracle: Any) -> None:
    engine = load("torch:compile")
    assert isinstance(engine, TorchCompile)
    draw = one_operator(find("mul"), PROPERTIES["forward"].build, ("float64",))
    for variation in range(4):
        engine.execute(draw(Menu(5, variation)))
    assert len(engine._compiled) == 1


def test_what_a_compiled_step_made_is_shown_before_it_is_written_to(oracle: Any) -> None:
    assert statuses("torch:compile", oracle, "mul", "inplace", 3) == {"same"}


def test_a_script_for_the_compiler_runs_the_program_whole(capsys: pytest.CaptureFixture[str]) -> None:
    leaf = p.Leaf(np.array([0.5]).tobytes(), "float64", (1,))
    text = native_script(p.Program((leaf, p.Call("sin", (p.Ref(0),)))), "torch:compile", 1, "sin(0.5)")
    exec(text, {})
    assert "0.479" in capsys.readouterr().out
