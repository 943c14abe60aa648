"""The notebook that started the project: every cell prints and raises on refgrad what it does on PyTorch."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import pathlib
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

import pytest

NOTEBOOK = pathlib.Path(__file__).with_name("notebook.txt").read_text()


def is_code(line: str) -> bool:
    """Whether a line after a cell's mark still belongs to its code: what follows is output or prose."""
    return bool(re.match(r"(import|for|print|yy?\b|xx?\b|np\.|#|\s)", line)) or not line.strip()


def cells(text: str) -> list[str]:
    """The code of each cell, in order."""
    found = []
    for part in re.split(r"^In \[\d+\]:\n", text, flags=re.M)[1:]:
        lines: list[str] = []
        for line in part.splitlines():
            if not is_code(line) or re.match(r"\s+print\(y.grad\)$", line):
                break
            lines.append(line)
        found.append(without_output("\n".join(lines)))
    return found


def without_output(code: str) -> str:
    """Drops trailing lines that are output: the longest prefix that parses and whose next line is not code."""
    lines = code.splitlines()
    while lines:
        try:
            ast.parse("\n".join(lines))
            break
        except SyntaxError:
            lines.pop()
    return "\n".join(line for line in lines if not re.match(r"(xx=tensor|yy = tensor)", line))


@dataclass
class Seen:
    """What a cell shows: printed text, the last expression's repr, warnings, the error."""

    printed: str = ""
    shown: str = ""
    warned: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""


def run(code: str, scope: dict[str, Any]) -> Seen:
    """Runs one cell as a notebook does."""
    seen, out = Seen(), io.StringIO()
    body = ast.parse(code).body
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None  # type: ignore[attr-defined]
    with contextlib.redirect_stdout(out), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(ast.Module(body, []), "<cell>", "exec"), scope)
            value = eval(compile(last, "<cell>", "eval"), scope) if last else None
            seen.shown = "" if value is None else repr(value)
        except Exception as error:
            seen.error = f"{type(error).__name__}: {error}"
    seen.printed = out.getvalue()
    seen.warned = [(w.category.__name__, str(w.message)) for w in caught]
    return seen


def run_all(module: str) -> list[Seen]:
    importlib.import_module(module)
    scope: dict[str, Any] = {}
    return [run(code.replace("import torch", f"import {module} as torch"), scope) for code in cells(NOTEBOOK)]


def test_the_cells_are_found() -> None:
    found = cells(NOTEBOOK)
    assert len(found) == 11
    assert found[0].startswith("import torch") and "for i in range(5):" in found[-1]


def test_every_cell_equals_pytorch() -> None:
    pytest.importorskip("torch")
    for code, mine, theirs in zip(cells(NOTEBOOK), run_all("refgrad"), run_all("torch"), strict=True):
        assert mine == theirs, code


def test_what_the_notebook_shows() -> None:
    """The figures that the notebook recorded, without PyTorch."""
    seen = run_all("refgrad")
    text = "".join(s.printed for s in seen)
    assert "tensor([20.0855], dtype=torch.float64)" in text
    assert "tensor([0., 1., 4., 9.], grad_fn=<PowBackward0>)" in text
    assert "tensor([  0.,   1.,  20., 300.])" in text
    assert any("grad can be implicitly created only for scalar outputs" in s.error for s in seen)
    assert any("second time" in s.error for s in seen)
    assert any(category == "UserWarning" for s in seen for category, _ in s.warned)
