"""Layers import one way: walked with ``ast``, so that an import inside a function counts too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "conformance"
ENGINES = {"torch", "refgrad", "autograd", "jax", "mlx", "mygrad", "paddle", "tensorflow", "tinygrad"}
ORDER = (
    ("program", "source", "trace", "known", "record", "oracle_faults", "functions", "__init__"),
    ("environments", "speaking", "progress", "notebook"),
    ("codec", "leafdata", "promotion", "needs"),
    ("shapes", "domains"),
    ("catalogue", "references", "definitions"),
    ("build", "rewriting"),
    ("backends", "compare", "script", "differences"),
    ("tracing", "native"),
    ("widening", "evaluation", "unspecified"),
    ("rounding",),
    ("arbitrate", "judge"),
    ("shrink", "menus", "foreign"),
    ("search", "finding", "results", "kept"),
    ("generate", "clause", "vocabulary"),
    ("moves", "passes", "tangents"),
    ("language",),
    ("properties", "isolating", "census", "probing"),
    ("excuse",),
    ("check", "resuming", "running"),
    ("plugin", "questions"),
    ("conftest", "test_operators", "test_language", "test_claims", "clauses"),
    ("trials",),
    ("qualify", "explaining", "replaying", "soak"),
    ("equivalence", "against", "guarding", "ruling"),
    ("campaign", "scoring"),
    ("sampling",),
    ("shares",),
    ("qualifying",),
    ("causes",),
    ("listing", "certificate", "certifying", "benching", "accuracy", "gate"),
    ("wire_cost", "search_rate", "badge", "engine_table", "recertifying", "spec_changes"),
    ("repeating",),
    ("engine_commands", "measure_commands", "proof_commands"),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
LAZY = {
    ("program", "codec"),
    ("program", "notebook"),
    ("notebook", "codec"),
    ("catalogue", "build"),
    ("build", "catalogue"),
}
"""``Program.canonical`` asks the codec; strategies and the builder know each other by type and by name."""


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
        if theirs in RANK and mine in RANK and (mine, theirs) not in LAZY:
            assert RANK[theirs] <= RANK[mine], f"{mine} imports {theirs}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_backends_import_engines(path: Path) -> None:
    if layer(path) in ("backends", "faults"):
        return
    named = {module.partition(".")[0] for module, level in imports(path) if level == 0}
    assert not named & ENGINES


def test_every_module_is_ranked() -> None:
    assert {layer(path) for path in FILES} <= {*RANK, "faults"}
