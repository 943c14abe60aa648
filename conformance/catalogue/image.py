"""Padding, blocks of images, and tables looked up by integers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..programs.leafdata import FLOATING
from . import NUMERIC, operator
from .arguments import Drawn, custom
from .places import draw_places, indexed, literal, same
from .sizes import blocks, each, folded, image_blocks, of_shape, padded, shuffled, unshuffled

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)


def _constant_pad(b: Builder) -> Drawn:
    x = b.operand(indexed(b, 1))
    count = b.integer(1, len(x.shape))
    pad: list[int] = []
    for n in reversed(x.shape[len(x.shape) - count :]):
        low = b.pick((1, 0, 2, -1))
        pad += [low, max(b.pick((1, 0, 2, -1)), -n - min(low, 0))]
    return (x, tuple(pad)), {}


def _pad(mode: str) -> Any:
    def draw(b: Builder) -> Drawn:
        count = b.integer(1, 3)
        x = b.operand(
            b.grown((*((b.extent((1, 2), 1),) * b.integer(1, 2)), *(b.size((2, 3, 4)) for _ in range(count))))
        )
        pad: list[int] = []
        for n in reversed(x.shape[len(x.shape) - count :]):
            most = min(n - 1 if mode == "reflect" else n, 1 if b.sizes == "huge" else 4)
            pad += [b.choose(most + 1), b.choose(most + 1)]
        return (x, tuple(pad)), {"mode": mode}

    return draw


def _constant(b: Builder) -> Drawn:
    args, _ = _constant_pad(b)
    return args, {"mode": "constant", "value": b.pick((0.0, 2.0, -1.0))}


operator("constant_pad_nd", custom(_constant_pad, of_shape(padded), FUNCTION), dtypes=NUMERIC, exact=True)
operator("nn.functional.pad", custom(_constant, of_shape(padded), FUNCTION), dtypes=NUMERIC, exact=True)
for _mode in ("reflect", "replicate"):
    operator(f"nn.functional.pad.{_mode}", custom(_pad(_mode), of_shape(padded), FUNCTION), dtypes=NUMERIC)
operator(
    "nn.functional.pad.circular", custom(_pad("circular"), of_shape(padded), FUNCTION), dtypes=NUMERIC, graph="free"
)


def _lead(b: Builder) -> tuple[int, ...]:
    return b.pick(((1,), (2,), (), (0,), (2, 1)))


def _shuffle(b: Builder) -> Drawn:
    r = b.pick((2, 1, 3))
    return (b.operand(b.grown((*_lead(b), b.integer(1, 2) * r * r, b.integer(1, 3), b.integer(1, 3)), -1)), r), {}


def _unshuffle(b: Builder) -> Drawn:
    r = b.pick((2, 1, 3))
    return (b.operand(b.grown((*_lead(b), b.integer(1, 3), r * b.integer(1, 2), r * b.integer(1, 2)), -3)), r), {}


def _channels(b: Builder) -> Drawn:
    groups = b.pick((2, 1, 3))
    shape = (b.extent((1, 2), 1), groups * b.integer(1, 3), b.integer(1, 3), b.integer(1, 2))
    return (b.operand(b.grown(shape)), groups), {}


operator("nn.functional.pixel_shuffle", custom(_shuffle, of_shape(shuffled), FUNCTION), dtypes=NUMERIC, exact=True)
operator(
    "nn.functional.pixel_unshuffle", custom(_unshuffle, of_shape(unshuffled), FUNCTION), dtypes=NUMERIC, exact=True
)
operator("nn.functional.channel_shuffle", custom(_channels, same, FUNCTION), dtypes=NUMERIC, exact=True)


def _geometry(b: Builder) -> dict[str, Any]:
    return {
        "kernel_size": b.pick(((2, 2), 1, (2, 1))),
        "dilation": b.pick((1, (1, 2))),
        "padding": b.pick((0, 1, (1, 0))),
        "stride": b.pick((1, 2, (1, 2))),
    }


def _batch(b: Builder) -> tuple[int, ...]:
    """The size of a batch, or nothing where there is none."""
    return b.pick(((0,), (1,), ()) if b.sizes == "edge" else ((2,), (1,), ()))


def _unfold(b: Builder) -> Drawn:
    x = b.operand(b.grown((*_batch(b), b.integer(1, 2), b.integer(3, 5), b.integer(3, 5))))
    return (x,), _geometry(b)


def _fold(b: Builder) -> Drawn:
    sizes, geometry = (b.integer(3, 5), b.integer(3, 5)), _geometry(b)
    kernel = math.prod(each(geometry["kernel_size"], 2))
    batch = _batch(b)
    # Only a batch can be as large as you like: the channels are a multiple of the kernel.
    x = b.operand(
        b.grown((*(batch if b.sizes != "huge" else (2,)), b.integer(1, 2) * kernel, blocks(sizes, **geometry)))
    )
    return (x,), {"output_size": sizes, **geometry}


operator("nn.functional.unfold", custom(_unfold, of_shape(image_blocks), FUNCTION), dtypes=NUMERIC, exact=True)
operator("nn.functional.fold", custom(_fold, of_shape(folded), FUNCTION), dtypes=NUMERIC)


def _embedding(b: Builder) -> Drawn:
    table = b.operand(b.grown((b.integer(1, 5), b.integer(1, 4))))
    places = draw_places(b, table.shape[0], b.many(((3,), (), (2, 3), (0,)), (257, 256)))
    padding = b.pick((None, 0, -1))
    return (places, table), {"padding_idx": padding, "scale_grad_by_freq": False}


def _bags(b: Builder) -> Drawn:
    table = b.operand(b.grown((b.integer(1, 5), b.integer(1, 4))))
    mode = b.pick(("mean", "sum", "max"))
    attrs: dict[str, Any] = {"mode": mode, "padding_idx": b.pick((None, 0, -1))}
    if b.choose(2):
        return (draw_places(b, table.shape[0], b.grown((b.extent((1, 2), 1), b.integer(1, 3)))), table), attrs
    count = b.grown((4,))
    starts = literal(b, np.array([0, *sorted(b.choose(4) for _ in range(b.choose(3))), *range(4, count[0], 257)]))
    if mode == "sum" and b.choose(2):
        attrs["per_sample_weights"] = b.operand(count)
    return (draw_places(b, table.shape[0], count), table, starts), attrs


def looked_up(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """A row of the table for each place."""
    return (((*args[0].shape, args[1].shape[1]), args[1].dtype),)


def _bagged(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """A row for each bag: each row of places, or each start of one."""
    return (((args[-1 if len(args) == 3 else 0].shape[0], args[1].shape[1]), args[1].dtype),)


def _by_frequency(b: Builder) -> Drawn:
    args, attrs = _embedding(b)
    return args, {**attrs, "scale_grad_by_freq": True}


operator("nn.functional.embedding", custom(_embedding, looked_up, FUNCTION), dtypes=FLOATING, exact=True)
# Divided by how often a row is asked for, a gradient is no derivative, and forward mode no transpose of it.
operator(
    "nn.functional.embedding.by_frequency", custom(_by_frequency, looked_up, FUNCTION), dtypes=FLOATING, twice=False,
    forward=False,
)  # fmt: skip
operator(
    "nn.functional.embedding_bag",
    custom(_bags, _bagged, FUNCTION),
    dtypes=FLOATING,
    graph="names",
    twice=False,
    forward=False,
)
