"""Places drawn with given weights, as PyTorch draws them. Source: torch.multinomial."""

from __future__ import annotations

import numpy as np

from .. import _random as random
from .._op import public
from .._tensor import Tensor, plain
from .checks import check_floating
from .generators import Generator, stream_of


def _check(input: Tensor, num_samples: int, replacement: bool) -> None:
    weights = input._array
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    wide = weights.astype(np.float64)
    if not (np.isfinite(wide).all() and (wide >= 0).all()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not (np.add.reduce(wide, -1) > 0).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


def _with_replacement(stream: random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """The first place whose cumulated share reaches a uniform number."""
    shares = np.cumsum(weights, -1, dtype=np.float32 if weights.dtype.itemsize == 2 else weights.dtype)
    shares = shares / shares[..., -1:]
    rows = [np.searchsorted(row, stream.unit_doubles(count), "left") for row in shares.reshape(-1, shares.shape[-1])]
    return np.array(rows, np.int64).reshape(*weights.shape[:-1], count)


def _without_replacement(stream: random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """The places with the largest weights over exponential times: those that come first."""
    times = random.exponential(stream, weights.shape, weights.dtype.name)
    return np.argsort(-(weights / times).astype(np.float64), -1, kind="stable")[..., :count].astype(np.int64)


@public("multinomial")
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """`num_samples` places of each row (N,) or (M, N), drawn by weight; not differentiable. Source: torch.multinomial.
    Raises RuntimeError for weights that are negative or not finite or sum to zero, and for too many samples."""
    check_floating("multinomial", input)
    _check(input, num_samples, replacement)
    draw = _with_replacement if replacement and num_samples > 1 else _without_replacement
    return plain(draw(stream_of(generator), input._array, num_samples))
