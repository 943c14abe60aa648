"""Real faults at ties, bounds and zeros of smooth functions."""

from __future__ import annotations

from typing import Any

from .boundaries import boundary, by, is_zero, saved, where_saved
from .planting import part, pulled, rule


def _constant_at_zero(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """The right value without history, at 0."""
    if not live or found[0] is None:
        return found
    at_zero = part("_tensor").plain(saved(node, "self") == 0)
    return (part("_interpreters").LIVE.where(at_zero, found[0].detach(), found[0]),)


def _one_at_zero(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    return found if found[0] is None else (found[0] + by(cotangents[0], saved(node, "self") == 0),)


def _inside(x: Any, low: Any, high: Any) -> Any:
    inside = x == x
    if low is not None:
        inside = inside & (x > low)
    return inside if high is None else inside & (x < high)


FAULTS = (
    boundary(
        "paddle_max_all",
        "max gives the whole gradient to every tie",
        rule("MaxBackward1", self=lambda g, F, self, out: F.where(self == out, g, 0)),
        "op/max/convention",
        kind="tie-breaking",
        report="PaddlePaddle/Paddle#72512",
        is_convention=True,
    ),
    boundary(
        "softplus0_jax",
        "logaddexp has no gradient where its operands agree",
        rule(
            "LogaddexpBackward0",
            self=lambda g, F, self, other: F.where(self == other, 0, g * F.conj(F.sigmoid(self - other))),
        ),
        "op/logaddexp/",
        kind="tie-breaking",
        report="jax-ml/jax#2107",
    ),
    boundary(
        "clamp_tensor_ties",
        "clamp leaves the gradient to a tensor bound that it meets",
        rule("ClampBackward0", self=lambda g, F, self, min, max: F.where(_inside(self, min, max), g, 0)),
        "op/clamp.tensors/convention",
        "op/clamp",
        kind="tie-breaking",
        report="pytorch/pytorch#76522",
        is_convention=True,
    ),
    boundary(
        "clamp_convention",
        "clamp_min's gradient stops at its bound: the open interval",
        rule("ClampMinBackward0", self=lambda g, F, self, min: F.where(self > min, g, 0)),
        "op/clamp_min/convention",
        "op/clamp_min",
        "op/clamp",
        kind="tie-breaking",
        report="pytorch/pytorch#184572",
        is_convention=True,
    ),
    boundary(
        "i0_second_jax",
        "i0's gradient at 0 is a constant: its own derivative is 0 there",
        pulled("I0Backward0", _constant_at_zero),
        "op/i0/double",
        "op/special.i0/double",
        "op/i0",
        kind="higher order",
        report="jax-ml/jax#40627",
    ),
    boundary(
        "i0_zero_jax_old",
        "i0's gradient at 0 is 1",
        pulled("I0Backward0", _one_at_zero),
        "op/i0/",
        "op/special.i0/",
        kind="value rule",
        report="jax-ml/jax#11479",
    ),
    boundary(
        "asinh0_tinygrad",
        "asinh's gradient is 0 at 0",
        where_saved("AsinhBackward0", "self", is_zero, 0.0),
        "op/asinh/",
        kind="value rule",
        report="tinygrad/tinygrad#17758",
    ),
    boundary(
        "asin0_tinygrad",
        "the gradients of asin, acos and atan are 0 at 0",
        where_saved(("AsinBackward0", "AcosBackward0", "AtanBackward0"), "self", is_zero, 0.0),
        "op/asin/",
        "op/acos/",
        "op/atan/",
        kind="value rule",
        report="tinygrad/tinygrad#17862",
    ),
)
