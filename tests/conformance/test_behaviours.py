"""Each documented behaviour has a clause, each drift is stated by one, and clauses draw: no fixed examples."""

from __future__ import annotations

import inspect
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from conformance.drawing.build import Builder
from conformance.drawing.source import Rejected, Stream, mix
from conformance.promises.clause import Programs, Scenario, clause_functions

HERE = Path(__file__).parent
BEHAVIOURS = [line for line in (HERE / "behaviours.txt").read_text().splitlines() if line and line[0] != "#"]
DRIFT = HERE.parents[1] / "conformance" / "drift.toml"
DRAWS, DIFFERENT = 8, 5
ONE_CASE = {
    "node.creation-hook": "whether a module has a name is one question",
    "function.nested-io-is-a-function": "what a class derives from is one question",
}
"""Clauses whose draws don't vary, and why."""


@cache
def clauses() -> dict[str, Any]:
    """What each clause draws from, by id."""
    found: dict[str, Any] = {}
    for function in clause_functions():
        stated = function.clause
        drawn = [p.default for p in inspect.signature(function).parameters.values()]
        found[stated.id] = next((d for d in drawn if isinstance(d, (Programs, Scenario))), None)
    return found


def variety(drawn: Programs | Scenario) -> int:
    """How many of a few draws differ."""
    seen: set[str] = set()
    for index in range(DRAWS):
        source = Stream(mix(5, index))
        try:
            seen.add(drawn.draw(source).digest() if isinstance(drawn, Programs) else repr(drawn.draw(Builder(source))))
        except Rejected:
            continue
    return len(seen)


def test_every_behaviour_has_a_clause() -> None:
    assert len(BEHAVIOURS) == len(set(BEHAVIOURS)) == 754
    assert [id for id in BEHAVIOURS if clauses().get(id) is None] == []


def test_every_drift_is_stated_by_a_clause() -> None:
    entries = tomllib.loads(DRIFT.read_text(encoding="utf-8"))["drift"]
    assert len(entries) >= 32
    assert all(entry["documented"] and entry["seen"] for entry in entries)
    assert [entry["id"] for entry in entries if entry["id"] not in clauses()] == []


def test_clauses_draw() -> None:
    few = {id for id, drawn in clauses().items() if drawn is not None and variety(drawn) < DIFFERENT}
    assert few == ONE_CASE.keys()
