"""The soak: resumable, counts what nothing explains, and finds a fault when there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.backends import load
from conformance.backends.torchlike import Torchlike
from conformance.programs.program import Hook, Program
from conformance.programs.trace import Trace
from conformance.proof import soak
from conformance.proof.soak import Cell
from conformance.proof.workers import Note, results

CELLS = (Cell("torch", "float32", 2), Cell("refgrad", "float64", 1))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "CHUNK", 4)


def test_a_cut_soak_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "soak.jsonl"
    first = soak.soak(file, 16, jobs=1, cells=CELLS)
    whole = file.read_text().splitlines()
    file.write_text("\n".join(whole[:2]) + "\n" + whole[2][:40])
    again = soak.soak(file, 16, jobs=1, cells=CELLS)
    assert first["total"]["programs"] == again["total"]["programs"] == 16
    assert first["total"]["statuses"] == again["total"]["statuses"]
    assert file.read_text().splitlines()[:2] == whole[:2]
    assert any("torch/float32/2" in line for line in soak.lines(again))


def test_another_seed_needs_another_file(tmp_path: Path) -> None:
    file = tmp_path / "soak.jsonl"
    soak.soak(file, 4, jobs=1, cells=CELLS[:1])
    with pytest.raises(ValueError, match="seed 0, not 1"):
        soak.soak(file, 4, jobs=1, seed=1, cells=CELLS[:1])


def test_a_fault_is_an_unexplained_difference() -> None:
    found = soak.soak_chunk(Cell(f"{__name__}:forgetful", "float64", 1), 0, 0, 30)
    assert found.statuses["unexplained"] >= 3
    assert {d["kind"] for d in found.differences} == {"type"}
    assert found.line()["statuses"] == found.statuses


def forgetful() -> Torchlike:
    """PyTorch that leaves no gradient."""
    made = load("torch")
    assert isinstance(made, Torchlike)
    made.execute = lambda program, noise=None: _forgotten(type(made).execute(made, program, noise))
    return made


def _forgotten(trace: Trace) -> Trace:
    trace.gradients.clear()
    return trace


def test_a_program_that_ends_the_process_is_reported_and_the_soak_goes_on(tmp_path: Path) -> None:
    """The crash is in the summary with its smallest program; the rest of the chunk, and the next, are judged."""
    cell = Cell(f"{__name__}:deadly", "float64", 1)
    file = tmp_path / "soak.jsonl"
    found = soak.soak(file, 24, jobs=2, cells=(cell,))
    crashes = [d for d in found["differences"] if d["kind"] == "crash"]
    assert found["total"]["programs"] == 24
    assert 0 < found["total"]["unexplained"] < 10
    assert {d["verdict"] for d in crashes} == {"backend"}
    assert all("exit code 7" in d["message"] and "hook" in d["script"] for d in crashes)
    assert min(len(d["program"]["steps"]) for d in crashes) <= 4
    assert soak.soak(file, 24, jobs=1, cells=(cell,)) == found


def deadly() -> Torchlike:
    """PyTorch that ends the process where a program registers a hook."""
    made = load("torch")
    assert isinstance(made, Torchlike)
    made.execute = lambda program, noise=None: _unless_deadly(made, program, noise)
    return made


def _unless_deadly(engine: Torchlike, program: Program, noise: int | None) -> Trace:
    if any(isinstance(step, Hook) for step in program.steps):
        os._exit(7)
    return type(engine).execute(engine, program, noise)


def test_what_a_job_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(results(_divided, [1, 0, 2], 1))


def test_a_process_that_ends_before_its_first_part_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        list(results(_gone, [1], 1))


def _divided(work: int, ended: dict[int, str], note: Note) -> float:
    return 1 / work


def _gone(work: int, ended: dict[int, str], note: Note) -> None:
    os._exit(3)
