"""The soak: resumable, counts what nothing explains, and finds a fault when there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.backends import load
from conformance.backends.torchlike import Torchlike
from conformance.programs.trace import Trace
from conformance.proof import soak
from conformance.proof.soak import Cell

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
