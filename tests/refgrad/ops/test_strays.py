"""Operands that are no tensor and no number are refused; NumPy would make arrays of them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

import refgrad as torch

STRAYS = (None, [1, 2], (1, 1), "text", {})


@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("tracked", [False, True])
def test_comparison_with_something_else_is_pythons(stray: Any, tracked: bool) -> None:
    x = torch.ones(2, requires_grad=tracked)
    assert (x == stray) is False and (x != stray) is True


@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("action", [operator.add, operator.mul, operator.lt, operator.pow, torch.eq, torch.add])
def test_others_raise_type_error(action: Callable[..., Any], stray: Any) -> None:
    with pytest.raises(TypeError):
        action(torch.ones(2), stray)
