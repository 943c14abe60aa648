"""Normalisation, and division by a norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import NONZERO, POSITIVE, REAL
from . import operator
from .arguments import Drawn, custom

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)
EPS = (1e-5, 0.125, 1.0)


def same(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype),)


def affine(
    b: Builder, attrs: dict[str, Any], shape: tuple[int, ...], bias: bool = True, alone: bool = True
) -> dict[str, Any]:
    """Perhaps a weight, and then perhaps a bias; seldom a bias without a weight (a constant unless ``alone``)."""
    if b.chance(2):
        attrs["weight"] = b.operand(shape)
        if bias and b.chance(2):
            attrs["bias"] = b.operand(shape)
    elif bias and b.chance(4):
        attrs["bias"] = b.operand(shape, grad=alone)
    return attrs


def last_dims(bias: bool) -> Any:
    """An input and how many of its last dimensions are normalised."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(rank=(1, 4))
        count = b.integer(1, min(2, len(x.shape)))
        shape = x.shape[len(x.shape) - count :]
        return (x,), affine(b, {"normalized_shape": shape, "eps": b.pick(EPS)}, shape, bias)

    return custom(draw, same, FUNCTION)


operator("nn.functional.layer_norm", last_dims(True))
operator("nn.functional.rms_norm", last_dims(False), graph="free")


def channels(b: Builder, count: int, low: int = 0, many: int = 0) -> tuple[int, ...]:
    """A shape (N, count, …) of at most 144 elements; in a huge program its dimension ``many`` is large."""
    rest = ((), (2,), (3,), (2, 2), (1, 3, 2))[b.integer(low, 4)]
    return b.grown((b.pick((2, 1, 3)), count, *rest), many)


def groups() -> Any:
    def draw(b: Builder) -> Drawn:
        number, per_group = b.pick((2, 1, 3)), b.pick((2, 3))
        count = number * per_group
        x = b.operand(channels(b, count))
        # PyTorch has no gradient at all for a bias without a weight: a recorded fault.
        return (x,), affine(b, {"num_groups": number, "eps": b.pick(EPS)}, (count,), alone=False)

    return custom(draw, same, FUNCTION)


operator("nn.functional.group_norm", groups())


def batch(instance: bool) -> Any:
    """An input by channel, with statistics of its own or running ones."""

    def draw(b: Builder) -> Drawn:
        # Of the numbers of one channel PyTorch adds up so many one by one, and loses 100 units.
        x = b.operand(channels(b, b.pick((2, 1, 3)), *((2, 0) if instance else (1, 1))))
        count = x.shape[1]
        running = [b.operand((count,), domain=d, grad=False) for d in (REAL, POSITIVE)]
        own = bool(b.choose(2))
        attrs: dict[str, Any] = {"running_mean": running[0], "running_var": running[1], "momentum": b.pick((0.5, 0.25))}
        attrs["use_input_stats" if instance else "training"] = own
        return (x,), affine(b, {**attrs, "eps": b.pick(EPS)}, (count,))

    return custom(draw, same, FUNCTION)


operator("nn.functional.batch_norm", batch(False))
operator("nn.functional.instance_norm", batch(True), graph="free")


def neighbours() -> Any:
    def draw(b: Builder) -> Drawn:
        x = b.operand(channels(b, b.pick((3, 1, 4)), 1))
        attrs = {"size": b.pick((2, 1, 3)), "alpha": b.pick((0.5, 1e-4)), "beta": b.pick((0.75, 1.0))}
        return (x,), {**attrs, "k": b.pick((1.0, 2.0))}

    return custom(draw, same, FUNCTION)


operator("nn.functional.local_response_norm", neighbours(), graph="free")


def divided() -> Any:
    def draw(b: Builder) -> Drawn:
        x = b.operand(rank=(1, 3), domain=NONZERO)
        return (x,), {"p": b.pick((2.0, 1.0, 3.0)), "dim": b.integer(-1, len(x.shape) - 1), "eps": b.pick((1e-12, 0.5))}

    return custom(draw, same, FUNCTION)


operator("nn.functional.normalize", divided(), graph="free")
