"""Benchmarks of engines side by side: the tasks mean the same everywhere, and bad input is one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import across, players
from benchmarks.tasks import TASKS, Task
from conformance import benching
from reports import timings

WITH_FLOOR = [task for task in TASKS if task.by_hand is not None]


@pytest.mark.parametrize("name", ["refgrad", "torch"])
@pytest.mark.parametrize("task", WITH_FLOOR, ids=lambda task: task.name)
def test_engines_and_the_floor_compute_the_same(task: Task, name: str) -> None:
    arrays = task.arrays(task.sizes[1])
    _, by_hand = task.by_hand(*arrays)
    _, found = players.PLAYERS[name]()(task.function, arrays, 1)()
    assert len(by_hand) == len(found) == len(arrays)
    for mine, theirs in zip(by_hand, found):
        np.testing.assert_allclose(np.asarray(theirs), mine, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_engines_agree_on_every_task(task: Task) -> None:
    arrays = task.arrays(task.sizes[0])
    mine, theirs = (players.PLAYERS[name]()(task.function, arrays, task.order)()[1] for name in ("refgrad", "torch"))
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-3, atol=1e-4)


def test_a_run_is_what_the_report_reads(tmp_path: Path) -> None:
    output = tmp_path / "across.json"
    assert across.main(["numpy", "refgrad", "--rounds", "2", "--task", "perceptron step", "-o", str(output)]) == 0
    read = timings.read([json.loads(output.read_text())])
    assert {(timing.engine, timing.size) for timing in read.all} == {
        (name, size) for name in ("numpy", "refgrad") for size in (16, 64, 256)
    }
    assert all(timing.rounds == 2 and timing.low <= timing.median <= timing.high for timing in read.all)
    assert read.machine


def test_the_command_runs_engines_apart(tmp_path: Path) -> None:
    output = tmp_path / "apart.json"
    words = ("numpy,refgrad", output, ("--rounds", "1", "--task", "chain"))
    assert benching.run_apart("benchmarks", *words) == 0
    read = timings.read([json.loads(output.read_text())])
    assert {timing.engine for timing in read.all} == {"numpy", "refgrad"} and len(read.all) == 8


def test_an_unknown_engine_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert across.main(["refgrat"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "refgrat" in said and "mygrad" in said


@pytest.mark.parametrize("python", ["/nowhere/python", "false"])
def test_an_engine_that_cannot_start_is_one_line(python: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert across.main([f"torch={python}", "--task", "deep graph"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("torch: ")


def test_what_an_engine_cannot_do_is_left_out_and_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output = tmp_path / "across.json"
    assert across.main(["numpy", "--rounds", "1", "--task", "deep graph", "-o", str(output)]) == 0
    assert json.loads(output.read_text())["benchmarks"] == []
    assert "no floor is written" in capsys.readouterr().err
