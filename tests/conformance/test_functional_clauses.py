"""How many clauses judge an engine that has only functions: values, vector-Jacobian products and transforms."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from conformance.drawing.source import Rejected, Stream, mix
from conformance.programs.needs import needs
from conformance.programs.program import Program
from conformance.promises.clause import Programs, clause_functions

DRAWS = 6
TAPE_FREE = frozenset({"vjp", "grad", "double"})
"""Derivatives with explicit cotangents, of gradients too: no state is read, so that a program is one function."""
TRANSFORMS = frozenset(f"transform:{kind}" for kind in ("grad", "vjp", "jvp", "vmap", "jacrev", "jacfwd", "hessian"))
POINTS = "non-differentiable-points"
ALL, BESIDE_POINTS = 195, 60


def programs(function: Any) -> Iterator[Program]:
    """A few programs of a clause; none where it is a scenario."""
    for parameter in inspect.signature(function).parameters.values():
        if isinstance(parameter.default, Programs):
            for index in range(DRAWS):
                try:
                    yield parameter.default.draw(Stream(mix(5, index)))
                except Rejected:
                    continue


def is_functional(need: str) -> bool:
    return need in TAPE_FREE or need in TRANSFORMS or need.startswith(("op:", "dtype:"))


@cache
def functional() -> Counter[str]:
    """The clauses all of whose programs a functional engine can run, by area."""
    found: Counter[str] = Counter()
    for function in clause_functions():
        stated = function.clause
        asked = [needs(program) | stated.needs for program in programs(function)]
        found[stated.area] += bool(asked) and all(map(is_functional, frozenset().union(*asked)))
    return found


def test_a_functional_engine_is_judged_by_many_clauses() -> None:
    assert functional().total() >= ALL, +functional()


def test_most_are_not_about_single_points() -> None:
    assert functional().total() - functional()[POINTS] >= BESIDE_POINTS, +functional()
