"""Faults in tensors: in-place writes, views, version counters."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fault import Fault
from .planting import replaced


def _no_bump(sound: Any) -> Any:
    def store(t: Any, values: Any) -> None:
        sound(t, values)
        if t._cell is not None:
            t._cell[0] -= 1

    return store


def _bump_if_needed(sound: Any) -> Any:
    """Writes to tensors that need no gradient leave the version."""

    def store(t: Any, values: Any) -> None:
        sound(t, values)
        if t._cell is not None and not t._needs:
            t._cell[0] -= 1

    return store


def _own_counter(sound: Any) -> Any:
    """detach() shares memory but not the version counter."""

    def detach(input: Any) -> Any:
        made = sound(input)
        if made._cell is not None:
            made._cell = list(made._cell)
        return made

    return detach


def _unzeroed(sound: Any) -> Any:
    """The overwritten part of a base keeps its cotangent."""

    def raw(self: Any, g: Any) -> Any:
        found = sound(self, g)
        return (np.array(g), *found[1:])

    return raw


def _no_rebase(sound: Any) -> Any:
    """A write on a view gives the base no new history."""

    def rebase(t: Any, node: Any, *rest: Any) -> None:
        if t._view is None:
            sound(t, node, *rest)
        else:
            t._edge, t._needs, t._view.version = (node, 0), True, t._cell[0]

    return rebase


FAULTS = (
    Fault(
        "inplace_paddle_version",
        "an in-place write does not bump the version",
        "version counter",
        replaced("_inplace", "store", _no_bump),
        ("op/mul/inplace", "inplace.", "language"),
        "PaddlePaddle/Paddle#27901",
    ),
    Fault(
        "version_no_diff_inputs",
        "a write to a tensor that needs no gradient does not bump the version",
        "version counter",
        replaced("_inplace", "store", _bump_if_needed),
        ("op/mul/inplace", "inplace.", "language"),
        "pytorch/pytorch#14571",
    ),
    Fault(
        "xla_inplace",
        "a write on a view does not stop the overwritten cotangent",
        "view+inplace",
        replaced("_views", "CopySlices._raw", _unzeroed),
        ("op/transpose/view-write", "op/expand/view-write", "view.", "language"),
        "pytorch/xla#1718",
    ),
    Fault(
        "setitem_no_history",
        "a write on a view leaves the base's history as it was",
        "view+inplace",
        replaced("_inplace", "rebase", _no_rebase),
        ("op/transpose/view-write", "view.", "language"),
    ),
    Fault(
        "version_detach_vs_data",
        "detach() has a version counter of its own",
        "version counter",
        replaced("_tensor", "Tensor.detach", _own_counter),
        ("history.detach", "leaf.", "op/detach", "language"),
        "pytorch/pytorch#6990",
    ),
)
