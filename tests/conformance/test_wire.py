"""Engines in processes of their own: whatever they do is the verdict of one program, and the run goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conformance.backends import BrokenBackend, EngineDied, load
from conformance.backends.wire import Wire, isolated, messages, traces
from conformance.backends.wire.client import Limits
from conformance.backends.wire.process import Gone, Process
from conformance.drawing.build import Builder
from conformance.drawing.source import Stream
from conformance.programs.program import Program

UNRULY = str(Path(__file__).with_name("unruly.py"))
LIMITS, IMPATIENT = Limits(seconds=60, memory=1 << 29), Limits(seconds=2)


def program(op: str, seed: int = 0) -> Program:
    """leaf, operator, backward."""
    b = Builder(Stream(seed), "float64")
    b.backward(b.call("sum", b.call(op, b.leaf((2, 3)))))
    return b.program()


@pytest.fixture
def unruly(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    monkeypatch.setenv("UNRULY", request.param)
    engine = isolated(UNRULY, limits=IMPATIENT if request.param == "hang" else LIMITS)
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("unruly", "kind"),
    [
        ("exit", "crash"),
        ("segfault", "crash"),
        ("hang", "hang"),
        ("memory", "memory"),
        ("allocate", "memory"),
        ("kill", "crash"),
    ],
    indirect=["unruly"],
)
def test_a_death_is_the_verdict_of_one_program(unruly: Wire, kind: str) -> None:
    around = [program("cos", i) for i in range(4)]
    block = [*around[:2], program("sin"), *around[2:]]
    unruly.send_ahead(block)
    seen = []
    for one in block:
        try:
            seen.append(len(unruly.execute(one).steps))
        except EngineDied as death:
            seen.append(death.kind)
    assert seen == [4, 4, kind, 4, 4]


@pytest.mark.parametrize("unruly", ["print"], indirect=True)
def test_what_an_engine_prints_is_no_answer(unruly: Wire) -> None:
    assert len(unruly.execute(program("sin")).steps) == 4


@pytest.mark.parametrize("unruly", ["exit"], indirect=True)
def test_a_process_killed_from_outside_is_replaced(unruly: Wire) -> None:
    first = unruly.execute(program("cos"))
    assert unruly._process is not None
    os.killpg(unruly._process._child.pid, signal.SIGKILL)
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(unruly.execute(program("cos")) is not None)
        except EngineDied as death:
            outcomes.append(death.kind)
    assert outcomes[-1] is True and first is not None


def test_garbage_on_standard_output_is_a_crash() -> None:
    script = (
        "import sys, json\n"
        "for line in sys.stdin:\n"
        "    hello = {'type': 'hello', 'protocol': 1, 'name': 'x', 'version': '1', 'family': 'wire', 'claims': []}\n"
        "    print(json.dumps(hello) if 'hello' in line else 'Segmentation fault (not really)', flush=True)\n"
    )
    engine = Wire([sys.executable, "-c", script], LIMITS)
    with pytest.raises(EngineDied, match="garbage") as death:
        engine.execute(program("cos"))
    assert death.value.kind == "crash"
    engine.close()


@pytest.mark.parametrize("command", ["wire:false", "wire:/no/such/engine", "wire:cat"])
def test_a_command_that_does_not_start_is_one_line(command: str) -> None:
    with pytest.raises(BrokenBackend) as broken:
        load(command)
    assert "\n" not in str(broken.value)


def test_traces_come_back_bit_for_bit() -> None:
    engine = load("refgrad")
    b = Builder(Stream(3), "complex64")
    x = b.leaf((2, 2))
    y = b.call("mul", x, x)
    b.observe(y, "flags", "graph", "version", "layout")
    b.call("view", y, (3,), form="method")
    b.backward(y, gradient=b.like(y))
    trace = engine.execute(b.program())
    wired = json.loads(json.dumps(traces.encode(trace)))
    back = traces.decode(wired)
    assert traces.encode(back) == wired
    assert np.array_equal(back.observed(1).array, trace.observed(1).array)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"steps": 3},
        {"steps": [{"tensor": "AAAA", "dtype": "float32", "shape": [7]}]},
        {"steps": [{"tensor": "AAAA", "dtype": "no", "shape": []}]},
        {"steps": [{"raised": 3, "message": ""}]},
        {"steps": [{"float": "many"}]},
        {"steps": [], "hooks": [["h"]]},
        {"steps": [{"unknown": 1}]},
    ],
)
def test_what_is_no_trace_is_refused(bad: object) -> None:
    with pytest.raises(traces.BadTrace):
        traces.decode(bad)


@pytest.mark.parametrize("line", [b"", b"{}\n", b"[1]\n", b'{"type": "odd"}\n', b"\xff\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(messages.BadMessage):
        messages.read(line, messages.ANSWERS)


@pytest.mark.parametrize(
    ("waited", "spent", "stuck"),
    [(1.0, 0.0, False), (3.0, 0.0, True), (3.0, 1.0, False), (3.0, 2.5, True), (17.0, 1.0, True)],
)
def test_a_program_that_waits_for_its_turn_does_not_hang(waited: float, spent: float, stuck: bool) -> None:
    process = Process([sys.executable, "-c", "input()"])
    try:
        with pytest.raises(Gone) if stuck else contextlib.nullcontext():
            process._watch(waited, spent, 2.0, None)
    finally:
        process.end()
