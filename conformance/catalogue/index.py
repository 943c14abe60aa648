"""Indexing, gathering and scattering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..program import Slice
from . import NUMERIC, operator
from .arguments import Drawn, custom

if TYPE_CHECKING:
    from ..build import Builder

Shape = tuple[int, ...]


def _entry(b: Builder, size: int) -> tuple[Any, int | None]:
    """A basic index for one dimension, and the size that stays (None: the dimension goes)."""
    kind = b.choose(5)
    if kind == 0 or not size:
        return Slice(None, None), size
    if kind in (1, 2):
        return b.choose(size) - size * b.choose(2), None
    start, stop, step = b.choose(size), size - b.choose(2), b.integer(1, 2)
    return Slice(start, stop, step), len(range(start, stop, step))


def _select(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 3))
    count = b.integer(1, len(x.shape))
    if b.chance(6):
        entries = [..., *(_entry(b, d)[0] for d in x.shape[len(x.shape) - count :])]
    else:
        entries = [_entry(b, d)[0] for d in x.shape[:count]]
        if b.chance(6):
            entries.insert(b.choose(count + 1), None)
    return (x, tuple(entries)), {}


def _selected(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x, entries = args
    if ... in entries:
        return None
    sizes, out = iter(x.shape), list[int]()
    for entry in entries:
        if entry is None:
            out.append(1)
            continue
        size = next(sizes)
        if isinstance(entry, Slice):
            out.append(len(range(size)[entry.start : entry.stop : entry.step]))
    return (((*out, *sizes), x.dtype),)


operator("__getitem__", custom(_select, _selected, ("operator",)), dtypes=NUMERIC, exact=True, view=True, symbol="[]")
