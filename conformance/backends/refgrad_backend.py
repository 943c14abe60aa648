"""refgrad."""

from __future__ import annotations

from importlib import import_module

from .torchlike import Torchlike


def backend() -> Torchlike:
    module = import_module("refgrad")
    return Torchlike(module, "refgrad", getattr(module, "__version__", "0.1.0"))
