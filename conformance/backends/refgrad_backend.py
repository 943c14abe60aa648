"""refgrad."""

from __future__ import annotations

from importlib import import_module

from .torchlike import SEMANTICS, Torchlike


def backend() -> Torchlike:
    module = import_module("refgrad")
    # As on the oracle: else what a program is told depends on which ran before it.
    module.set_warn_always(True)
    return Torchlike(module, "refgrad", getattr(module, "__version__", "0.1.0"), claims(module))


def claims(module: object) -> frozenset[str]:
    """Everything, less the transforms while there is no ``func``."""
    if hasattr(module, "func"):
        return SEMANTICS
    return SEMANTICS - {"transform:*"} | {"transform:function", "transform:checkpoint"}
