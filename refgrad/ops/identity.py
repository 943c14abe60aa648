"""Aliases: a tensor seen again, as a node of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._interpreters import LIVE
from .._op import LINEAR, op, public
from .._tensor import LAZY, Tensor, plain

alias_row = op("alias(self)", lambda a: a.view(), view=True, public=False, jvp=LINEAR, self=lambda g: g)


@public(method=True)
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """A view in the shape of another tensor. Source: torch.Tensor.view_as."""
    return self.view(other.shape)


def identity(t: Tensor) -> Tensor:
    """The same value as the output of a node of its own, requiring grad: what a transform differentiates by."""
    made = alias_row(t)
    if made._edge is None:
        made._needs = True
    return made


def alias_with_history(t: Tensor) -> Tensor:
    """The same value and edge, as another object without tangents."""
    made = plain(t._array)
    made._cell, made._flags = t._cell, t._flags & LAZY
    made._edge, made._needs = t._edge, t._needs
    if t._edge is None and t._needs:
        made = alias_row(t)
    return made


def _kept_leaf(t: Any) -> Any:
    return np.asarray(t)


LIVE.identity = identity
LIVE.alias_with_history = alias_with_history
