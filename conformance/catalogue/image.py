"""Padding, blocks of images, and tables looked up by integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..programs.leafdata import FLOATING
from . import NUMERIC, operator
from .arguments import Drawn, custom
from .places import draw_places, filled, literal

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)


def _constant_pad(b: Builder) -> Drawn:
    x = b.operand(filled(b.draw_shape(1, 4)))
    count = b.integer(1, len(x.shape))
    pad: list[int] = []
    for n in reversed(x.shape[len(x.shape) - count :]):
        low = b.pick((1, 0, 2, -1))
        pad += [low, max(b.pick((1, 0, 2, -1)), -n - min(low, 0))]
    return (x, tuple(pad)), {}


def _pad(mode: str) -> Any:
    def draw(b: Builder) -> Drawn:
        count = b.integer(1, 3)
        x = b.operand(b.grown((*((b.pick((1, 2)),) * b.integer(1, 2)), *(b.integer(2, 4) for _ in range(count)))))
        pad: list[int] = []
        for n in reversed(x.shape[len(x.shape) - count :]):
            most = n - 1 if mode == "reflect" else n
            pad += [b.choose(most + 1), b.choose(most + 1)]
        return (x, tuple(pad)), {"mode": mode}

    return draw


def _constant(b: Builder) -> Drawn:
    args, _ = _constant_pad(b)
    return args, {"mode": "constant", "value": b.pick((0.0, 2.0, -1.0))}


operator("constant_pad_nd", custom(_constant_pad, forms=FUNCTION), dtypes=NUMERIC, exact=True)
operator("nn.functional.pad", custom(_constant, forms=FUNCTION), dtypes=NUMERIC, exact=True)
for _mode in ("reflect", "replicate"):
    operator(f"nn.functional.pad.{_mode}", custom(_pad(_mode), forms=FUNCTION), dtypes=NUMERIC)
operator("nn.functional.pad.circular", custom(_pad("circular"), forms=FUNCTION), dtypes=NUMERIC, graph="free")


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
    shape = (b.integer(1, 2), groups * b.integer(1, 3), b.integer(1, 3), b.integer(1, 2))
    return (b.operand(b.grown(shape)), groups), {}


operator("nn.functional.pixel_shuffle", custom(_shuffle, forms=FUNCTION), dtypes=NUMERIC, exact=True)
operator("nn.functional.pixel_unshuffle", custom(_unshuffle, forms=FUNCTION), dtypes=NUMERIC, exact=True)
operator("nn.functional.channel_shuffle", custom(_channels, forms=FUNCTION), dtypes=NUMERIC, exact=True)


def _geometry(b: Builder) -> dict[str, Any]:
    return {
        "kernel_size": b.pick(((2, 2), 1, (2, 1))),
        "dilation": b.pick((1, (1, 2))),
        "padding": b.pick((0, 1, (1, 0))),
        "stride": b.pick((1, 2, (1, 2))),
    }


def _unfold(b: Builder) -> Drawn:
    x = b.operand(b.grown((*b.pick(((2,), (1,), ())), b.integer(1, 2), b.integer(3, 5), b.integer(3, 5))))
    return (x,), _geometry(b)


def _fold(b: Builder) -> Drawn:
    sizes, geometry, blocks = (b.integer(3, 5), b.integer(3, 5)), _geometry(b), 1
    kernel = 1
    for k, n in enumerate(sizes):
        size, step, around, apart = (
            v if isinstance(v, int) else v[k]
            for v in (geometry[name] for name in ("kernel_size", "stride", "padding", "dilation"))
        )
        kernel *= size
        blocks *= (n + 2 * around - apart * (size - 1) - 1) // step + 1
    x = b.operand(b.grown((*b.many(((2,), (1,), ()), (2,)), b.integer(1, 2) * kernel, blocks)))
    return (x,), {"output_size": sizes, **geometry}


operator("nn.functional.unfold", custom(_unfold, forms=FUNCTION), dtypes=NUMERIC, exact=True)
operator("nn.functional.fold", custom(_fold, forms=FUNCTION), dtypes=NUMERIC)


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
        return (draw_places(b, table.shape[0], b.grown((b.integer(1, 2), b.integer(1, 3)))), table), attrs
    count = b.grown((4,))
    starts = literal(b, np.array([0, *sorted(b.choose(4) for _ in range(b.choose(3))), *range(4, count[0], 257)]))
    if mode == "sum" and b.choose(2):
        attrs["per_sample_weights"] = b.operand(count)
    return (draw_places(b, table.shape[0], count), table, starts), attrs


def _by_frequency(b: Builder) -> Drawn:
    args, attrs = _embedding(b)
    return args, {**attrs, "scale_grad_by_freq": True}


operator("nn.functional.embedding", custom(_embedding, forms=FUNCTION), dtypes=FLOATING, exact=True)
# Divided by how often a row is asked for, a gradient is no derivative, and forward mode no transpose of it.
operator(
    "nn.functional.embedding.by_frequency", custom(_by_frequency, forms=FUNCTION), dtypes=FLOATING, twice=False,
    forward=False,
)  # fmt: skip
operator(
    "nn.functional.embedding_bag",
    custom(_bags, forms=FUNCTION),
    dtypes=FLOATING,
    graph="names",
    twice=False,
    forward=False,
)
