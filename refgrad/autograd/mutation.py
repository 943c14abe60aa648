"""allow_mutation_on_saved_tensors: a saved value that is about to be overwritten is copied first, so that backward sees
what was saved. Source: torch.autograd.graph.allow_mutation_on_saved_tensors."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._modes import state
from .._tensor import Tensor, alias
from .saved import saved_tensors_hooks


class Kept:
    """A packed value: the memory, and a copy of it once it has been overwritten."""

    __slots__ = ("__weakref__", "copy", "original", "owner", "version")

    def __init__(self, owner: SavedMemory, t: Tensor) -> None:
        self.owner, self.original, self.copy = owner, alias(t), None
        self.version = t._version


class SavedMemory:
    """The values saved in one context, by the version cell that they share with their views."""

    def __init__(self) -> None:
        self.by_cell: dict[int, weakref.WeakSet[Kept]] = {}
        self.is_open = True

    def pack(self, t: Tensor) -> Kept:
        kept = Kept(self, t)
        self.by_cell.setdefault(id(t._cell), weakref.WeakSet()).add(kept)
        return kept

    def unpack(self, kept: Kept) -> Tensor:
        if not self.is_open:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
                "in which the graph was originally recorded."
            )
        return kept.original if kept.copy is None else kept.copy

    def preserve(self, t: Tensor) -> None:
        """Called before a write: copies what was saved of this memory and is still as it was."""
        for kept in list(self.by_cell.get(id(t._cell), ())):
            if kept.copy is None:
                kept.copy = alias(kept.original)
                kept.copy._array, kept.copy._cell = kept.original._array.copy(order="K"), [0]

    def clear(self) -> None:
        """Forgets every value. Source: torch.autograd.graph._AllowMutationOnSavedContext.clear."""
        self.by_cell.clear()


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[Any]:
    """Inside, saved values may be written in place. Trap: the backward must run inside too."""
    memory = SavedMemory()
    before = state.mutation
    if before is not None:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    with saved_tensors_hooks(memory.pack, memory.unpack):
        state.mutation = memory
        try:
            yield memory
        finally:
            state.mutation, memory.is_open = before, False
            memory.clear()
