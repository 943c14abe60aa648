"""Falsifying programs are kept, and replayed before anything is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.backends import load
from conformance.catalogue import find
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Stream
from conformance.judging.judge import Judge
from conformance.programs.program import Program
from conformance.promises import check as checking
from conformance.promises.check import Check, Outcome, Settings
from conformance.promises.properties import PROPERTIES
from conformance.searching.kept import MOST, Kept
from tests.conformance import broken

ID = "op/sin/vjp"


@pytest.fixture(scope="module")
def oracle() -> Any:
    return load("torch")


def asked(engine: Any, oracle: Any, path: Path, seed: int = 0, **more: Any) -> Outcome:
    """What the suite says of sin's vjp."""
    found: list[Outcome] = []
    settings = Settings(examples=4, seed=seed, kept=Kept(path), **more)
    line, kind = find("sin"), PROPERTIES["vjp"]
    Check(Judge(engine, oracle), settings, found.append).operator(line, kind, one_operator(line, kind.build))
    return found[0]


def a_program(seed: int = 0) -> Program:
    return one_operator(find("sin"), PROPERTIES["vjp"].build)(Stream(seed))


def test_what_failed_is_kept_and_fails_again_unshrunk(
    oracle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.jsonl"
    engine = broken.sin_as_sine()
    first = asked(engine, oracle, path)
    monkeypatch.setattr(checking, "smallest", lambda *_: pytest.fail("shrunk again"))
    again = asked(engine, oracle, path, seed=9)
    assert first.status == again.status == "fail"
    assert [f.line["program"] for f in first.findings] == [f.line["program"] for f in again.findings]
    assert len(path.read_text().splitlines()) == 1


def test_a_kept_program_is_judged_though_no_draw_fails(oracle: Any, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    asked(broken.sin_as_sine(), oracle, path)
    assert asked(oracle, oracle, path).status == "pass"
    kept = Kept(path).of(ID)[0]

    class Rare:
        """Wrong on the kept program alone."""

        def __getattr__(self, name: str) -> Any:
            return getattr(oracle, name)

        def execute(self, program: Program, noise: int | None = None) -> Any:
            return (broken.sin_as_sine() if program == kept else oracle).execute(program, noise)

    assert asked(Rare(), oracle, path).status == "fail"
    assert asked(Rare(), oracle, tmp_path / "none.jsonl").status == "pass"


def test_a_known_deviation_is_neither_shrunk_nor_kept(
    oracle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "smallest", lambda *_: pytest.fail("shrunk"))
    path = tmp_path / "kept.jsonl"
    outcome = asked(broken.sin_as_sine(), oracle, path, known={ID: {"reason": "they know"}})
    assert outcome.status == "known" and not path.exists()


def test_the_newest_few_are_kept_once_each(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "k.jsonl")
    programs = [a_program(seed) for seed in range(MOST + 3)]
    for program in (*programs, programs[-1]):
        kept.keep(ID, program)
    again = Kept(tmp_path / "k.jsonl")
    assert again.of(ID) == programs[:2:-1] == kept.of(ID) and len(again.of(ID)) == MOST


def test_what_is_no_program_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    path.write_text(
        '{"id": "op/sin/vjp"}\nnonsense\n[]\n{"id": 1, "program": {"format": 1, "steps": [{"step": "x"}]}}\n'
    )
    Kept(path).keep(ID, a_program())
    assert len(Kept(path).of(ID)) == 1
