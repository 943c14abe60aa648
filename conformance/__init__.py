"""A conformance suite for automatic differentiation, by random programs.

Packages, each of which knows only those before it: ``programs`` (plain data, traces), ``drawing`` and ``catalogue``,
``backends``, ``judging``, ``searching``, ``recording``, ``promises`` (properties and clauses; the clauses themselves are in
``clauses``), ``proof``, ``certifying``, ``commands``.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"


def sister(name: str) -> Any:
    """A module of ``reports`` or ``benchmarks``: beside this package in a checkout, inside it in the wheel."""
    top = "" if __name__ == "conformance" else f"{__name__}."
    return importlib.import_module(f"{top}{name}")
