"""Rules of custom Functions: a script can print each, and what it prints runs."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from conformance.programs import functions


@pytest.mark.parametrize("name", functions.RULES)
def test_a_rule_stands_alone(name: str) -> None:
    """A method reads no global but torch: a script has nothing else."""
    for _, method in functions.RULES[name].methods():
        assert set(inspect.getclosurevars(method).globals) <= {"torch"}, method.__name__


@pytest.mark.parametrize("name", functions.RULES)
def test_its_source_defines_it(name: str) -> None:
    torch = pytest.importorskip("torch")
    scope: dict[str, Any] = {"torch": torch}
    exec("\n".join(functions.source(name)), scope)
    made = scope[functions.class_name(name)]
    assert issubclass(made, torch.autograd.Function)
    for member, _ in functions.RULES[name].methods():
        assert member in vars(made)


def test_names_of_classes_differ() -> None:
    names = [functions.class_name(rule) for rule in functions.RULES]
    assert len(set(names)) == len(names)
