"""The randomized leaky ReLU, and samples of categories."""

from __future__ import annotations

import numpy as np

from .. import _random as random
from .._dtypes import SCALAR_NAMES, bfloat16
from .._inplace import write
from .._op import op, public
from .._random_modes import drawn
from .._tensor import Tensor, plain
from .checks import check_floating
from .create import zeros_like
from .softmax import softmax

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
        # Rounded after the product and after the sum, unlike the numbers of `uniform_`; the bounds, as they are kept.
        lower, upper = (float(np.float32(v)) if x.dtype.itemsize <= 4 else v for v in (lower, upper))
        share = random.uniform(random.default_generator, (int(below.sum()),), "float64")
        made[below] = share * (upper - lower) + lower
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
    check_floating("rrelu_with_noise_out_cpu", input, narrow_too=not training or input.dtype is bfloat16)
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


@public("nn.functional.gumbel_softmax", method=False)
def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """The softmax of (logits + Gumbel noise) / tau along `dim`: a differentiable sample of one of the categories.
    Source: torch.nn.functional.gumbel_softmax. Trap: with `hard` the value is one-hot, but the gradient is still that of
    the soft sample; `eps` does nothing."""
    if logits._array.dtype.kind in "iub":
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {SCALAR_NAMES[logits.dtype]}"
        )
    noise = drawn(lambda size: plain(np.stack([_gumbel(logits) for _ in range(size)])))
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    place = soft.max(dim, keepdim=True)[1]  # type: ignore[attr-defined]
    chosen = zeros_like(logits).scatter_(dim, place, 1.0)
    return chosen - soft.detach() + soft


def _gumbel(logits: Tensor) -> np.ndarray:
    """Minus the logarithm of an exponential draw for each element."""
    name = str(logits.dtype).rpartition(".")[2]
    found = random.exponential(random.default_generator, logits._array.shape, name)
    wide = found.astype(np.float32) if name in ("float16", "bfloat16") else found
    return (-np.log(wide)).astype(found.dtype)
