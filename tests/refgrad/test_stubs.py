"""The stubs are current, parse, and name every public operator."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import refgrad
from refgrad._stubs import HERE, stubs

WRITTEN = stubs()


@pytest.mark.parametrize("path", WRITTEN)
def test_the_file_is_current(path: str) -> None:
    assert (Path(HERE) / path).read_text(encoding="utf-8") == WRITTEN[path], "run `python -m refgrad._stubs`"


def test_every_operator_is_in_a_stub() -> None:
    named = {path: {getattr(n, "name", None) for n in ast.walk(ast.parse(text))} for path, text in WRITTEN.items()}
    for name, function in refgrad.PUBLIC.items():
        space, _, base = name.rpartition(".")
        path = f"{space.replace('.', '/')}.pyi" if space else "__init__.pyi"
        if path in named and callable(function) and not isinstance(function, type) and not base.startswith("_"):
            assert base in named[path], name


def test_arguments_are_those_of_the_function() -> None:
    tree = ast.parse(WRITTEN["nn/functional.pyi"])
    (softplus,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "softplus"]
    assert [a.arg for a in softplus.args.args] == ["input", "beta", "threshold"]
