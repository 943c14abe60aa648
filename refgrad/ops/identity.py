"""Aliases: a tensor seen again, as a node of its own."""

from __future__ import annotations

import weakref

from .._graph import AccumulateGrad, gradient_edge
from .._interpreters import LIVE
from .._modes import no_grad
from .._op import LINEAR, op, public
from .._tensor import LAZY, Tensor, extra, plain

alias_row = op("alias(self)", lambda a: a.view(), view=True, public=False, jvp=LINEAR, self=lambda g: g)


@public(method=True)
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """A view in the shape of another tensor. Source: torch.Tensor.view_as."""
    return self.view(other.shape)


def same_view(t: Tensor) -> Tensor:
    """The whole tensor as a view in its own shape, without history of its own: strides of dimensions of size 1 are new."""
    with no_grad():
        return t.view(t._array.shape)


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
    edge = gradient_edge(t)
    if edge is not None and type(edge[0]) is AccumulateGrad:
        rare = extra(made)
        rare.sink, rare.accumulator = edge[0], weakref.ref(edge[0])
    else:
        made._edge = edge
    made._needs = t.requires_grad
    return made


LIVE.identity = identity
LIVE.alias_with_history = alias_with_history
