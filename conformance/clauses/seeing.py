"""What scenarios share: draws of plain data, tensors made from them, and what an action came to."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..drawing.build import Builder

TEXT = 80


def numbers(b: Builder, low: int = 1, high: int = 4) -> list[float]:
    """A drawn list of round numbers."""
    return [b.integer(-8, 8) / 4 for _ in range(b.integer(low, high))]


def attempt(action: Callable[[], Any]) -> Any:
    """What the action returns, or the type and first line of what it raises."""
    try:
        return action()
    except Exception as error:
        lines = str(error).splitlines() or [""]
        return [type(error).__name__, lines[0]]


def warned(action: Callable[[], Any]) -> tuple[Any, list[list[str]]]:
    """What the action came to, and the warnings it gave: category and the beginning of the text."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        result = attempt(action)
    return result, [[w.category.__name__, str(w.message)[:TEXT]] for w in given]


def facts(tensor: Any) -> Any:
    """Values, dtype and flags of a tensor; None stays None."""
    if tensor is None:
        return None
    node = tensor.grad_fn
    flags = [tensor.requires_grad, tensor.is_leaf, None if node is None else node.name()]
    return [tensor.detach().tolist(), str(tensor.dtype).rpartition(".")[2], *flags]
