"""The catalogue's names in terms of a namespace with NumPy's functions: autograd.numpy, jax.numpy and others.

Each module has a TABLE of functions that take the namespace first. ``table(Space(module))`` binds them, without those
that name a function that the namespace lacks: what an engine hasn't is not claimed. An entry gives PyTorch's value on
every argument that the catalogue draws (a test holds plain NumPy to it), or raises NotImplementedError, and the
program is not claimed: a keyword that it overlooked would be blamed on the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from . import activations, indexing, losses, matrices, pointwise, reductions, shapes, transforms
from .space import Space, lacking

Table = dict[str, Callable[..., Any]]
MODULES = (pointwise, activations, reductions, shapes, indexing, matrices, transforms, losses)

__all__ = ["Space", "Table", "table"]


def table(space: Space, without: tuple[str, ...] = ()) -> Table:
    """Every entry whose functions the namespace has, but for those named in ``without``."""
    entries = {name: entry for module in MODULES for name, entry in module.TABLE.items()}
    return {
        name: partial(entry, space)
        for name, entry in entries.items()
        if name not in without and not lacking(entry, space)
    }
