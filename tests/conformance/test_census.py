"""Whole-language programs really hold what they are said to mix: floors per 1000 programs."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from conformance.drawing.census import census, drawn
from conformance.drawing.language import language
from conformance.programs.program import TRANSFORMS, WRITES, Step

PROGRAMS = 1000
FLOORS = {
    "Backward": 600,
    "Backward create_graph": 15,
    "Backward from several": 25,
    "Backward to inputs": 25,
    "Call in place": 250,
    "Drop": 60,
    "Flag detach_": 20,
    "Flag requires_grad": 20,
    "Flag requires_grad_": 20,
    "Grad create_graph": 100,
    "Grad of several": 30,
    "GradOf": 300,
    "Hook node_post": 40,
    "Hook node_pre": 40,
    "Hook post_accumulate": 50,
    "Hook tensor": 80,
    "Item": 300,
    "MultiHook all": 40,
    "MultiHook any": 40,
    "RemoveHook": 50,
    "RetainGrad": 60,
    "SetGrad None": 50,
    "SetGrad value": 25,
    "Transform function": 150,
    "mode enable_grad": 60,
    "mode no_grad": 60,
    "mode saved_hooks:copy": 60,
    "mode saved_hooks:count": 120,
    "mode saved_hooks:identity": 60,
    "mode set_grad_enabled:False": 50,
}
RARE = 5
"""The floor of every other transform, and of every kind of write."""
OF_OPERATORS = {"jvp_of_vjp", "vjp_of_jvp"}
"""What each operator's own second derivative is taken by, rather than whole programs."""


@cache
def counted() -> Counter[str]:
    return census(drawn(language, PROGRAMS))


@pytest.mark.parametrize("kind", sorted(FLOORS))
def test_kind_arises(kind: str) -> None:
    assert counted()[kind] >= FLOORS[kind]


@pytest.mark.parametrize("kind", sorted(set(TRANSFORMS) - OF_OPERATORS))
def test_transform_arises(kind: str) -> None:
    assert counted()[f"Transform {kind}"] >= RARE


@pytest.mark.parametrize("kind", WRITES)
def test_write_arises(kind: str) -> None:
    assert counted()[f"Write {kind}"] >= RARE


def test_every_step_arises() -> None:
    assert all(counted()[kind.__name__] > 0 for kind in Step.__args__)


def test_programs_are_of_middle_length() -> None:
    lengths = sorted(len(program.steps) for program in drawn(language, 200))
    assert 10 <= lengths[100] <= 30
