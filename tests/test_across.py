"""Benchmarks of engines side by side: the tasks mean the same everywhere, and bad input is one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import refgrad
from benchmarks import across, players
from benchmarks.tasks import JACOBIAN, TASKS, Task
from conformance.commands import benching
from reports import timings

WITH_FLOOR = [task for task in TASKS if task.by_hand is not None]


@pytest.mark.parametrize("name", ["refgrad", "torch"])
@pytest.mark.parametrize("task", WITH_FLOOR, ids=lambda task: task.name)
def test_engines_and_the_floor_compute_the_same(task: Task, name: str) -> None:
    arrays = task.arrays(task.sizes[1])
    _, by_hand = players.step_of(task, task.sizes[1], None)()
    _, found = players.step_of(task, task.sizes[1], players.PLAYERS[name]())()
    assert len(by_hand) == len(found) == (1 if task.wanted == JACOBIAN else len(arrays))
    for mine, theirs in zip(by_hand, found):
        np.testing.assert_allclose(np.asarray(theirs), mine, rtol=2e-4, atol=2e-4 * max(1, np.abs(mine).max()))


@pytest.mark.parametrize("name", ["refgrad", "autograd", "jax", "jax jit", "mygrad", "tinygrad", "mlx"])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_engines_agree_on_every_task(task: Task, name: str) -> None:
    if name != "refgrad":
        pytest.importorskip(name.split()[0])
    try:
        mine, theirs = (players.step_of(task, task.sizes[0], players.PLAYERS[each]())()[1] for each in (name, "torch"))
    except players.NotPlayed as why:
        pytest.skip(str(why))
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
    assert f"refgrad {refgrad.__version__}" in read.machine and "numpy" in read.machine


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
