"""The sizes that keep the code readable: modules of at most 400 lines, nine functions of ten of at most 25."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("refgrad", "conformance", "reports", "benchmarks")
LINES, LONG, SHARE = 400, 25, 0.1
NAMELESS = {"utils", "helpers", "core", "common"}


def modules(top: str) -> dict[str, str]:
    paths = (ROOT / top).rglob("*.py")
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def lengths(sources: dict[str, str]) -> list[int]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for source in sources.values() for node in ast.walk(ast.parse(source)))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes if isinstance(node, kinds)]


@pytest.mark.parametrize("top", TOPS)
def test_modules_are_short(top: str) -> None:
    sizes = {name: len(source.splitlines()) for name, source in modules(top).items()}
    assert not {name for name, size in sizes.items() if size > LINES}
    assert statistics.median(sizes.values()) <= 170


@pytest.mark.parametrize("top", TOPS)
def test_functions_are_short(top: str) -> None:
    found = lengths(modules(top))
    assert sum(length > LONG for length in found) <= SHARE * len(found)


@pytest.mark.parametrize("top", TOPS)
def test_modules_are_named_for_what_they_hold(top: str) -> None:
    # PyTorch has torch.utils and torch.nn.utils, so refgrad has them.
    named = [Path(name) for name in modules(top) if not name.startswith(("refgrad/utils/", "refgrad/nn/utils/"))]
    assert not [str(path) for path in named if NAMELESS & {path.stem, *path.parent.parts}]
