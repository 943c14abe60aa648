"""Whole-language programs: calls, views, writes, hooks, modes, transforms, several backward passes, drops, in one.

The builder's abstract state keeps most steps valid (about 85 %); the rest are errors that both engines must raise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..programs.program import Program
from . import moves, passes
from .source import Source
from .vocabulary import Language

DTYPES = ("float32", "float64", "float64", "float32", "complex128")
MODES = (
    "no_grad",
    "enable_grad",
    "saved_hooks:identity",
    "saved_hooks:count",
    "saved_hooks:copy",
    "saved_hooks:count",
    "set_grad_enabled:False",
    "set_grad_enabled:True",
    "detect_anomaly:False",
    "inference_mode",
    "saved_hooks:raise_pack",
)


def language(source: Source, dtypes: Sequence[str] = DTYPES) -> Program:
    """A whole-language program of 4 to 20 steps after its first leaves."""
    b = Language(source, dtypes[source.choose(len(dtypes))])
    for _ in range(b.integer(1, 2)):
        b.leaf(b.draw_shape())
    for _ in range(b.integer(3, 16)):
        step = STEPS[source.choose(len(STEPS))]
        if b.chance(10):
            names = [b.pick(MODES) for _ in range(2 if b.chance(4) else 1)]
            with b.mode(*names):
                step(b)
        else:
            step(b)
    _finish(b)
    return b.program()


def _finish(b: Language) -> None:
    """A last backward pass, so that what went before shows in gradients; and where a gradient is."""
    found = b.tracked()
    if found:
        root = found[-1]
        b.backward(root, gradient=b.like(root))
        passes.grad_of(b)


STEPS: tuple[Callable[[Language], None], ...] = (
    *((moves.call,) * 8),
    *((moves.smooth,) * 6),
    *((moves.view,) * 4),
    *((moves.write,) * 4),
    *((passes.backward,) * 3),
    *((passes.hook,) * 3),
    *((passes.observe,) * 3),
    *((passes.grad,) * 2),
    *((moves.function,) * 2),
    moves.transform,
    moves.assign,
    moves.leaf,
    moves.constant,
    passes.double,
    passes.multi_hook,
    passes.retain_grad,
    passes.flag,
    passes.grad_of,
    passes.set_grad,
    passes.drop,
)
