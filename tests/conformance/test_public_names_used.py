"""Every public name that PyTorch documents in torch.autograd, torch.func and torch.utils.checkpoint is used by a clause:
a clause's module reads it, or a program's steps are run by it."""

from __future__ import annotations

import ast
import importlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.documented import MODULES

torch = pytest.importorskip("torch")
CONFORMANCE = Path(__file__).parents[2] / "conformance"
RUNNERS = ("run", "modes", "hooking", "aspects", "transforms", "torchlike")
"""What runs a program's steps on an engine with PyTorch's surface."""


def words(path: Path) -> set[str]:
    """The attributes, names and strings of a module: how it may read a name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(node.value.split("."))
    return found


@cache
def used() -> set[str]:
    """What clauses and programs' steps read."""
    runners = [CONFORMANCE / "backends" / f"{name}.py" for name in RUNNERS]
    return set().union(*map(words, [*(CONFORMANCE / "clauses").glob("test_*.py"), *runners]))


def public(name: str) -> list[str]:
    importlib.import_module(f"torch.{name}")
    module: Any = sys.modules[f"torch.{name}"]
    return sorted(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_every_name_is_used(name: str) -> None:
    assert len(public(name)) > 1
    assert [member for member in public(name) if member not in used()] == []
