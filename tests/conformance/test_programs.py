"""Programs: drawn alike everywhere, and equal after a trip through JSON."""

from __future__ import annotations

import json

import pytest

from conformance import catalogue, codec
from conformance.generate import one_operator
from conformance.program import Call, Leaf, Program, Ref, needs
from conformance.properties import PROPERTIES, properties_of
from conformance.source import Replay, Stream, mix


def drawn(name: str, index: int = 0) -> Program:
    op, kind = name.split("/")
    return one_operator(catalogue.find(op), PROPERTIES[kind].build)(Stream(mix(7, index)))


CASES = [f"{line.name}/{p.name}" for line in catalogue.operators().values() for p in properties_of(line)]


@pytest.mark.parametrize("name", CASES[::7])
def test_json_round_trip(name: str) -> None:
    program = drawn(name)
    assert codec.decode_program(json.loads(program.canonical())) == program


@pytest.mark.parametrize("name", CASES[::7])
def test_a_log_replays_to_the_same_program(name: str) -> None:
    op, kind = name.split("/")
    draw = one_operator(catalogue.find(op), PROPERTIES[kind].build)
    source = Stream(11)
    program = draw(source)
    assert draw(Replay(source.log)) == program


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"steps": [{"step": "eval"}]},
        {"steps": [{"step": "item", "value": {"ref": 0}, "index": 0, "modes": []}]},
        {"steps": [{"step": "item", "value": {"ref": -1}, "index": 0, "modes": []}]},
        {"steps": [{"step": "drop", "values": [], "modes": ["evil"]}]},
        {"steps": [{"step": "drop", "values": []}]},
        {"steps": 3},
    ],
)
def test_reading_refuses_what_is_no_program(damage: dict[str, object]) -> None:
    with pytest.raises(codec.BadProgram):
        codec.decode_program({"format": 1, "steps": [], **damage})


def test_needs_name_the_operators_and_dtypes() -> None:
    program = Program((Leaf(b"\0" * 4, "float32", ()), Call("sin", (Ref(0),), form="inplace")))
    assert needs(program) == {"op:sin", "dtype:float32", "inplace"}
