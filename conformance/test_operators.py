"""Every catalogue line against every property that applies to it."""

from __future__ import annotations

from typing import Any

import pytest

from .catalogue import operators
from .drawing.generate import one_operator
from .promises.properties import PROPERTIES, properties_of

CASES = [(line.name, p.name) for line in operators().values() for p in properties_of(line)]


@pytest.mark.parametrize(("operator", "property"), CASES, ids=[f"{name}/{kind}" for name, kind in CASES])
def test_operator(check: Any, operator: str, property: str) -> None:
    line, kind = operators()[operator], PROPERTIES[property]
    check.operator(line, kind, one_operator(line, kind.build, kind.dtypes(line)))
