"""The randomized leaky ReLU."""

from __future__ import annotations

import numpy as np

from .. import _random as random
from .._inplace import write
from .._op import op, public
from .._tensor import Tensor, plain
from .checks import check_floating

rrelu_row = op(
    "rrelu_with_noise(self, noise, *, lower, upper, training)", lambda x, noise, *_: x * noise, public=False,
    jvp=lambda F, x, t, attributes, outputs: F.attached_to(t[0] * x[1], x[0]),
    self=lambda g, F, self, noise: F.attached_to(g * noise, self),
)  # fmt: skip


def _slopes(x: np.ndarray, lower: float, upper: float, training: bool) -> np.ndarray:
    """1 for what is positive; for the rest a draw of its own, or the mean of the bounds in evaluation."""
    below = x <= 0
    made = np.ones(x.shape, x.dtype)
    if training:
        made[below] = random.uniform(random.default_generator, (int(below.sum()),), "float64", lower, upper)
    else:
        made[below] = (lower + upper) / 2
    return made


@public("nn.functional.rrelu", method=False)
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """input where positive, else input times a slope drawn in [lower, upper) for each element; in evaluation times
    their mean. Source: torch.nn.functional.rrelu. Raises RuntimeError if lower > upper."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    check_floating("rrelu_with_noise_out_cpu", input, narrow_too=not training)
    noise = plain(_slopes(input._array, lower, upper, training))
    if inplace:
        return write(rrelu_row.row, (input, noise), (lower, upper, training))
    return rrelu_row(input, noise, lower, upper, training)


@public("rrelu", method=False)
def _module_rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, generator: object = None
) -> Tensor:
    """nn.functional.rrelu. Source: torch.rrelu."""
    return rrelu(input, lower, upper, training)
