"""The example engine in C, and the schema of what engines answer."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from conformance.backends import UNCLAIMED, load
from conformance.backends.wire import Wire, traces
from conformance.catalogue import find
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Rejected, Stream, mix
from conformance.judging.compare import Closeness, compare
from conformance.programs.needs import needs
from conformance.programs.program import Program, Ref
from conformance.promises.properties import PROPERTIES

FOLDER = Path(__file__).parents[2] / "conformance" / "backends" / "wire"
VALIDATOR = jsonschema.Draft202012Validator(json.loads((FOLDER / "wire.schema.json").read_text()))


def programs(op: str, kind: str, count: int = 30) -> list[Program]:
    found = []
    for index in range(count):
        try:
            found.append(one_operator(find(op), PROPERTIES[kind].build, ("float64",))(Stream(mix(7, index))))
        except Rejected:
            continue
    return found


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    binary = tmp_path_factory.mktemp("engine") / "engine"
    words = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(binary), str(FOLDER / "engine.c"), "-lm"]
    subprocess.run(words, check=True)
    found = load(f"wire:{binary}")
    assert isinstance(found, Wire)
    return found


def test_the_engine_in_c_computes_what_refgrad_does(engine: Wire) -> None:
    refgrad, judged = load("refgrad"), 0
    for op in ("add", "mul", "neg", "sin", "sum"):
        for kind in ("forward", "vjp", "edge", "layout"):
            for program in programs(op, kind):
                if needs(program) <= engine.claims:
                    judged += 1
                    assert (
                        compare(engine.execute(program), refgrad.execute(program), frozenset(), Closeness(64)) is None
                    )
    assert judged > 300


def test_what_it_answers_fits_the_schema(engine: Wire) -> None:
    for program in programs("mul", "vjp"):
        if needs(program) <= engine.claims:
            trace = traces.encode(engine.execute(program))
            VALIDATOR.validate({"type": "trace", "id": 0, "trace": trace})


def test_what_refgrad_shows_fits_the_schema() -> None:
    refgrad = load("refgrad")
    for op in ("mul", "max.dim", "fft.fft", "sort"):
        for kind in ("forward", "graph", "vjp", "jvp"):
            for program in programs(op, kind, 8):
                message = {"type": "trace", "id": 0, "trace": traces.encode(refgrad.execute(program))}
                VALIDATOR.validate(json.loads(json.dumps(message)))


def test_the_schema_refuses_what_is_no_answer() -> None:
    for bad in ({}, {"type": "trace", "id": 0}, {"type": "trace", "id": 0, "trace": {"steps": [{"tensor": 3}]}}):
        assert not VALIDATOR.is_valid(bad)


def test_a_step_that_it_has_not_is_not_claimed(engine: Wire) -> None:
    b = Builder(Stream(1), "float64")
    b.item(b.call("max.dim", b.leaf((2, 3)), 0, form="function"), 0)
    steps = b.program().steps
    program = Program((steps[0], replace(steps[2], value=Ref(0))))
    assert [raised.kind for _, raised in engine.execute(program).raised()] == [UNCLAIMED]
