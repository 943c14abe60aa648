"""PyTorch with one thing broken on purpose, to show that the harness sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from conformance.backends.torchlike import Torchlike


class Namespace:
    """torch with some names replaced."""

    def __init__(self, **replaced: Any) -> None:
        self.__dict__.update(replaced)
        self.__name__ = "torch"

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


def pointwise(forward: Callable[[Any], Any], derivative: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function with a derivative of its own."""

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * derivative(ctx.saved_tensors[0])

    return Rule.apply


def engine(**replaced: Any) -> Torchlike:
    return Torchlike(Namespace(**replaced), "broken", torch.__version__)


def sin_as_sine() -> Torchlike:
    """d sin = sin."""
    return engine(sin=pointwise(torch.sin, torch.sin))


def exp_slightly_off() -> Torchlike:
    """exp's gradient is wrong by one part in 10¹⁰."""
    return engine(exp=pointwise(torch.exp, lambda x: torch.exp(x) * (1 + 1e-10)))


def sum_reversed() -> Torchlike:
    """Not broken: it adds in another order."""

    def total(x: Any) -> Any:
        return torch.sum(x.flatten().flip(0))

    return engine(sum=total)
