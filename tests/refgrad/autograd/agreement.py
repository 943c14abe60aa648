"""Runs one program on PyTorch and on refgrad and compares all that it observes: values, flags, names of nodes,
errors with their texts, and warnings."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

Program = Callable[[Any], Any]


def attempt(function: Callable[[], Any]) -> Any:
    """What a call returns, or the type and text of what it raises."""
    try:
        return function()
    except Exception as error:
        return ("raised", type(error).__name__, text(str(error)))


def text(message: str) -> str:
    """A message without addresses and without the place in C++ that some carry."""
    message = re.sub(r" \(Triggered internally at [^)]*\)", "", message)
    message = re.sub(r"\nException raised from .*", "", message, flags=re.DOTALL)
    return re.sub(r"0x[0-9a-f]+", "0x…", message)


def plain(value: Any) -> Any:
    """An observation as nested Python data."""
    if hasattr(value, "requires_grad") and hasattr(value, "tolist"):
        return _tensor(value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return round_float(value)
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, (bool, int, complex)):
        return value
    if hasattr(value, "next_functions"):
        return ("node", value.name())
    return text(repr(value))


def round_float(value: float) -> Any:
    """Six significant digits; NaN as a word, since it differs from itself."""
    return "nan" if value != value else float(f"{value:.6g}")


def _tensor(t: Any) -> Any:
    values = plain(t.detach().resolve_conj().tolist())
    node = attempt(lambda: (t.requires_grad, t.grad_fn and t.grad_fn.name()))
    return "tensor", str(t.dtype), tuple(t.shape), t.stride(), values, node


def observed(program: Program, torch: Any) -> Any:
    """What a program returns, with the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = plain(attempt(lambda: program(torch)))
    return result, [(w.category.__name__, text(str(w.message))) for w in caught]


def agree(program: Program) -> Callable[[], None]:
    """Makes a test of a program: PyTorch and refgrad observe the same, and the program itself does not raise."""

    def test() -> None:
        torch = pytest.importorskip("torch")
        import refgrad

        torch.set_warn_always(True)
        refgrad.set_warn_always(True)
        try:
            expected, found = observed(program, torch), observed(program, refgrad)
        finally:
            torch.set_warn_always(False)
            refgrad.set_warn_always(False)
        assert expected[0][:1] not in (("raised",), ["raised"]), f"the program itself fails on PyTorch: {expected[0]}"
        assert found == expected

    test.__name__, test.__doc__, test.program = program.__name__, program.__doc__, program  # type: ignore[attr-defined]
    return test
