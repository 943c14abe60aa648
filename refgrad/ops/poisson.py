"""Poisson samples, drawn as PyTorch draws them: by multiplied uniforms for rates below 10, by transformed rejection
(Hörmann 1993) from there on. Source: torch.poisson."""

from __future__ import annotations

import math

import numpy as np

from .._op import public
from .._tensor import Tensor
from .checks import check_floating
from .generators import Generator, stream_of
from .samples import sample_row

REJECTS_FROM = 10
poisson_row = sample_row("poisson_sample", "poisson", 0)


class Uniforms:
    """A stream's uniform numbers one by one, drawn ahead in blocks: one draw of many costs as much as ten of one."""

    def __init__(self, stream: Generator, block: int) -> None:
        self.stream, self.block = stream, block
        self.ahead: list[float] = []

    def __call__(self) -> float:
        if not self.ahead:
            self.before = self.stream.get_state()
            self.ahead = self.stream.unit_doubles(self.block)[::-1].tolist()
        return self.ahead.pop()

    def close(self) -> None:
        """Gives back what was drawn ahead and not asked for."""
        if self.ahead:
            self.stream.set_state(self.before).unit_doubles(self.block - len(self.ahead))


def _by_products(uniform: Uniforms, rate: float) -> int:
    """How many uniforms can be multiplied before the product falls to exp(-rate)."""
    floor, product, count = math.exp(-rate), uniform(), 0
    while product > floor:
        product *= uniform()
        count += 1
    return count


def _by_rejection(uniform: Uniforms, rate: float) -> int:
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    log_alpha, limit = math.log(1.1239 + 1.1328 / (b - 3.4)), 0.9277 - 3.6224 / (b - 2)
    while True:
        u = uniform() - 0.5
        v = uniform()
        distance = 0.5 - abs(u)
        k = math.floor((2 * a / distance + b) * u + rate + 0.43)
        if distance >= 0.07 and v <= limit:
            return k
        if k < 0 or (distance < 0.013 and v > distance):
            continue
        if math.log(v) + log_alpha - math.log(a / (distance * distance) + b) <= k * log_rate - rate - math.lgamma(
            k + 1
        ):
            return k


def _sample(uniform: Uniforms, rate: float) -> int:
    if rate < 0:
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    if rate == 0:
        return 0
    return _by_rejection(uniform, rate) if rate >= REJECTS_FROM else _by_products(uniform, rate)


@public(method=False)
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """A whole number for each element, drawn with that rate; its gradient is zero. Source: torch.poisson.
    Raises RuntimeError for a negative rate, NotImplementedError for integers."""
    check_floating("poisson_cpu", input)
    rates = input._array
    uniform = Uniforms(stream_of(generator), 8 + 2 * rates.size)
    try:
        drawn = [_sample(uniform, rate) for rate in rates.astype(np.float64).reshape(-1).tolist()]
    finally:
        uniform.close()
    return poisson_row(input, np.array(drawn, np.float64).astype(rates.dtype).reshape(rates.shape))
