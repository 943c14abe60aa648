"""Smaller sizes for a program that is drawn large: one extent at a time, in all its leaves together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from ..programs.leafdata import leaf_array
from ..programs.program import Leaf, Program

LARGE = 256
"""Elements of a leaf from which on its sizes are tried: what is less, the draw's own choices make small."""


def resized(program: Program) -> Iterator[Program]:
    """The program with an extent of its large leaves cut to 1, 2 or a half, the largest extent first. Whether the cut
    leaves still fit together is for who runs it to see."""
    leaves = [step for step in program.steps if isinstance(step, Leaf)]
    extents = {n for leaf in leaves if math.prod(leaf.shape) > LARGE for n in leaf.shape}
    for extent in sorted(extents, reverse=True):
        for cut in (1, 2, extent // 2):
            if cut < extent:
                yield Program(tuple(_cut(step, extent, cut) if type(step) is Leaf else step for step in program.steps))


def _cut(leaf: Leaf, extent: int, cut: int) -> Leaf:
    """The leaf, its dimensions of an extent cut: the first of its values where they are literal."""
    if extent not in leaf.shape:
        return leaf
    shape = tuple(cut if n == extent else n for n in leaf.shape)
    if not isinstance(leaf.data, bytes):
        return replace(leaf, shape=shape)
    kept = leaf_array(leaf)[tuple(slice(n) for n in shape)]
    return replace(leaf, data=kept.tobytes(), shape=shape)
