"""What an engine claims, by one small program each."""

from __future__ import annotations

from typing import Any

import pytest

from .promises.probing import PROBES


@pytest.mark.parametrize("capability", PROBES)
def test_claim(check: Any, capability: str) -> None:
    check.claim(capability)
