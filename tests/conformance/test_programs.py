"""Programs: drawn alike everywhere, and equal after a trip through JSON."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest

from conformance import catalogue
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.language import language
from conformance.drawing.source import Rejected, Replay, Stream, mix
from conformance.programs import codec
from conformance.programs.needs import needs
from conformance.programs.program import Call, Leaf, Program, Ref
from conformance.promises.clause import clause_functions
from conformance.promises.properties import PROPERTIES, properties_of
from conformance.searching.script import script


def drawn(name: str, index: int = 0) -> Program:
    """The first program of a property from a seed on that isn't rejected for its size."""
    op, kind = name.split("/")
    draw = one_operator(catalogue.find(op), PROPERTIES[kind].build)
    for attempt in range(index, index + 1000, 100):
        with suppress(Rejected):
            return draw(Stream(mix(7, attempt)))
    raise AssertionError(f"{name} draws nothing")


CASES = [f"{line.name}/{p.name}" for line in catalogue.operators().values() for p in properties_of(line)]


GOLDEN: dict[str, str] = {
    "sin/vjp": "adc145c8fd3d7383",
    "add/vjp": "2cf4dd2ef4fd2577",
    "add/broadcast": "a794aae09c8de2df",
    "pow/double": "379adef752c343a6",
    "log/convention": "867cca4d49e018f0",
    "where/vjp": "5f32c808a7beb1d3",
    "max.dim/vjp": "3c436efbd42ebbfb",
    "sum.dim/layout": "95e87a60a3f23138",
    "cat/vjp": "3deb769e53a425cd",
    "__getitem__/view-write": "e735283d2eb14475",
    "reshape/forward": "8700926dc92c28a9",
    "permute/jvp": "f34e5241a361bb47",
    "matmul/double": "c9eaf31020af43f8",
    "mm/vjp": "d18a8f4c2251d81c",
    "softmax/edge": "f2de9da1561979c8",
    "expand/vjp": "8c6df270008061f5",
    "cumprod/vjp": "601605a4b0c534e7",
    "mul/inplace": "dc352d5c4d88ecbf",
    "var.dim/create-graph": "92c99f0eb565c17e",
    "nn.functional.softplus/forward": "81388e42b955edfd",
}
"""Digests of drawn programs: whoever changes a generator or the format changes them, and says so."""


@pytest.mark.parametrize("name", GOLDEN)
def test_the_same_seed_draws_the_same_program_everywhere(name: str) -> None:
    assert drawn(name).digest()[:16] == GOLDEN[name]


@pytest.mark.parametrize("name", CASES[::7])
def test_json_round_trip(name: str) -> None:
    program = drawn(name)
    assert codec.decode_program(json.loads(program.canonical())) == program


@pytest.mark.parametrize("name", CASES[::7])
def test_a_log_replays_to_the_same_program(name: str) -> None:
    op, kind = name.split("/")
    draw = one_operator(catalogue.find(op), PROPERTIES[kind].build)
    try:
        source = Stream(11)
        program = draw(source)
    except Rejected:
        source = Stream(12)
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


@pytest.mark.parametrize("seed", range(40))
def test_a_whole_language_program_prints_as_python(seed: int) -> None:
    program = language(Stream(seed))
    compile(script(program), "script", "exec")
    assert codec.decode_program(json.loads(program.canonical())) == program


@pytest.mark.parametrize("name", ["inplace.copy_-gradients", "inplace.setitem-gradients", "inplace.setitem-mask"])
@pytest.mark.parametrize("index", range(4))
def test_writes_round_trip_and_print(name: str, index: int) -> None:
    function = next(f for f in clause_functions() if f.clause.id == name)  # type: ignore[attr-defined]
    (programs,) = function.__defaults__ or ()
    program = programs.draw(Stream(mix(3, index)))
    assert codec.decode_program(json.loads(program.canonical())) == program
    exec(compile(script(program), name, "exec"), {})


@pytest.mark.parametrize("shape", [(2, 3), (0, 4), (1,), (3, 0, 5)])
def test_a_grown_shape_is_just_beyond_65536_elements_in_huge_programs_only(shape: tuple[int, ...]) -> None:
    b = Builder(Stream(0))
    assert b.grown(shape, -1) == shape
    b.sizes = "huge"
    for dim in range(len(shape)):
        grown = b.grown(shape, dim)
        others = math.prod(grown) // grown[dim]
        assert 65536 < math.prod(grown) <= 65536 + others
        assert all(n == (m or 1) for k, (n, m) in enumerate(zip(grown, shape)) if k != dim)


WIDE = frozenset(
    [
        "activation",
        "chance",
        "fft",
        "image",
        "index",
        "normalise",
        "reflected",
        "sampling",
        "signal",
        "special",
        "variants",
        "window",
    ]
)


def test_these_families_are_asked_for_huge_operands_line_by_line() -> None:
    lines = [line for line in catalogue.operators().values() if line.family in WIDE and line.name != "cdist.product"]
    assert [line.name for line in lines if PROPERTIES["huge"] not in properties_of(line)] == []
