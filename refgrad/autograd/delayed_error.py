"""A node that raises when a backward reaches it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._graph import CallableNode, gradient_edge
from .._modes import local
from .._tensor import Tensor
from ..ops.copy import detach


class Error(CallableNode):
    """Refuses to be differentiated, with a message."""

    __slots__ = ("message",)

    def __init__(self, message: str, outputs: list[Tensor]) -> None:
        me = local.me
        self.message, self.saved, self.hooks, self._metadata = message, (), None, None
        self.edges = tuple([gradient_edge(_fresh_leaf(t)) for t in outputs])
        self.metas = tuple((t._array.shape, t._array.dtype) for t in outputs)
        self.shape, self.dtype = self.metas[0] if outputs else ((), np.dtype(np.float32))
        self.sequence = me.sequence
        me.sequence += 1

    def name(self) -> str:
        return "torch::autograd::Error"

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        raise RuntimeError(self.message)


def _fresh_leaf(t: Tensor) -> Tensor:
    """What the refused gradient would flow into: a leaf that nobody holds."""
    leaf = detach(t)
    leaf._needs = True
    return leaf


class DelayedError:
    """DelayedError(message)(*tensors): the tensors without history, of which a backward raises RuntimeError."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __call__(self, *given: Any) -> Any:
        made = [detach(t) if isinstance(t, Tensor) else t for t in given]
        tensors = [t for t in made if isinstance(t, Tensor) and t._array.dtype.kind not in "iub"]
        node = Error(self.message, tensors)
        for nr, t in enumerate(tensors):
            t._edge, t._needs = (node, nr), True
        return made[0] if len(made) == 1 else tuple(made)
