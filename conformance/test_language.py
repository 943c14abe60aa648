"""Whole-language programs, in blocks that can run side by side."""

from __future__ import annotations

from typing import Any

import pytest

from .drawing.language import language

BLOCKS = 16


@pytest.mark.parametrize("block", range(BLOCKS))
def test_language(check: Any, block: int) -> None:
    check.language(block, language)
