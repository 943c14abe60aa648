"""Layers import one way: walked with ``ast``, so that an import inside a function counts too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "conformance"
ENGINES = {"torch", "refgrad", "autograd", "jax", "mlx", "mygrad", "paddle", "tensorflow", "tinygrad"}
ORDER = (
    ("__init__",),
    ("programs",),
    ("drawing", "catalogue"),
    ("backends",),
    ("judging",),
    ("searching",),
    ("recording",),
    ("promises",),
    ("running", "plugin"),
    ("conftest", "test_operators", "test_language", "test_claims", "clauses"),
    ("proof",),
    ("certifying",),
    ("commands",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(module, level) of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or alias.name, node.level) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)


FILES = sorted(p for p in ROOT.rglob("*.py") if "__pycache__" not in p.parts)


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_layer_knows_a_later_one(path: Path) -> None:
    depth = len(path.relative_to(ROOT).parts)
    mine = layer(path)
    for module, level in imports(path):
        if level == 0:
            continue
        theirs = module.partition(".")[0] if level == depth else mine
        if theirs in RANK:
            assert RANK[theirs] <= RANK[mine], f"{mine} imports {theirs}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_backends_import_engines(path: Path) -> None:
    if layer(path) in ("backends", "proof"):
        return
    named = {module.partition(".")[0] for module, level in imports(path) if level == 0}
    assert not named & ENGINES


def test_every_module_is_ranked() -> None:
    assert {layer(path) for path in FILES} <= {*RANK}
