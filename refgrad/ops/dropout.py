"""Dropout: elements, or whole channels, zeroed at random and the rest scaled, with PyTorch's stream of numbers."""

from __future__ import annotations

import math
import warnings

import numpy as np

from .. import _random as random
from .._dtypes import SCALAR_NAMES
from .._interpreters import NARROW_TYPES
from .._modes import state
from .._op import PUBLIC, public
from .._random_modes import drawn
from .._tensor import Tensor, plain
from .draws import arranged

# The value that SELU tends to on the left, negated: what alpha dropout sets elements to.
ALPHA = 1.7580993408473766


def _check(p: float, input: Tensor) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _noise(input: Tensor, p: float, features: bool) -> np.ndarray:
    """Ones with probability 1 - p in the input's shape and order of memory (features: one number a channel)."""
    a = input._array
    if not features and not state.transforms:  # within a transform PyTorch draws row by row
        return arranged(lambda shape: random.bernoulli(random.default_generator, shape, 1 - p), a).astype(a.dtype)
    if features and a.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = a.shape[:2] + (1,) * (a.ndim - 2) if features else a.shape
    return random.bernoulli(random.default_generator, shape, 1 - p).astype(a.dtype)


def _scaled(noise: np.ndarray, keep: float) -> np.ndarray:
    if noise.dtype in NARROW_TYPES:
        return (noise.astype(np.float32) / np.float32(keep)).astype(noise.dtype)
    return noise / noise.dtype.type(keep)


def _dropped(input: Tensor, p: float, training: bool, features: bool, inplace: bool) -> Tensor:
    """The input times noise/(1 - p); itself where nothing is dropped."""
    if p == 0 or not training or not input.numel():
        return input
    if p == 1:
        noise = np.zeros((), input._array.dtype)
    elif input._array.dtype.kind in "iub":
        name = SCALAR_NAMES[input.dtype]
        raise RuntimeError(f"result type Float can't be cast to the desired output type {name}")
    else:
        noise = _noise_tensor(input, p, features)
        return input.mul_(noise) if inplace else input * noise
    return input.mul_(plain(noise)) if inplace else input * plain(noise)


def _noise_tensor(input: Tensor, p: float, features: bool) -> Tensor:
    """The scaled noise; under vmap drawn as its randomness says."""
    return drawn(lambda size: plain(np.stack([_scaled(_noise(input, p, features), 1 - p) for _ in range(size)])))


def _alpha_dropped(input: Tensor, p: float, training: bool, features: bool, inplace: bool) -> Tensor:
    """Dropped elements are set to -ALPHA and the result is scaled and shifted, so that mean 0 and variance 1 stay."""
    if p == 0 or not training or not input.numel():
        return input
    if p == 1:
        zero = plain(np.zeros((), input._array.dtype))
        return input.mul_(zero) if inplace else input * zero
    noise = _noise(input, p, features)
    a = 1.0 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    shift = plain(((noise - 1) * (ALPHA * a) + ALPHA * a * p).astype(noise.dtype))
    scale = plain((noise * a).astype(noise.dtype))
    return (input.mul_(scale) if inplace else input * scale).add_(shift)


@public("nn.functional.dropout", method=False)
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element zeroed with probability p, else divided by 1 - p. Source: torch.nn.functional.dropout. Raises
    ValueError for p outside [0, 1]. Trap: with training=False the input itself is returned."""
    _check(p, input)
    return _dropped(input, p, training, False, inplace)


@public("dropout", method=False)
def _module_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """dropout with positional arguments. Source: torch.dropout."""
    return dropout(input, p, train)


@public("dropout_", method=False)
def _module_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """dropout in place. Source: torch.dropout_."""
    return dropout(input, p, train, True)


@public("nn.functional.dropout1d", method=False)
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, L) or (C, L) zeroed. Source: torch.nn.functional.dropout1d."""
    _check(p, input)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to "
            f"provide "
            "channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch "
            "dimension "
            "(i.e. 2D or 3D inputs)."
        )
    return _by_channel(input, p, training, inplace, input.ndim != 3)


def _by_channel(input: Tensor, p: float, training: bool, inplace: bool, unbatched: bool) -> Tensor:
    if not unbatched:
        return _dropped(input, p, training, True, inplace)
    given = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    found = _dropped(given, p, training, True, inplace)
    return found.squeeze_(0) if inplace else found.squeeze(0)


def _warn_rank(name: str, rank: int, dims: int) -> None:
    warnings.warn(
        f"{name}: Received a {rank}-D input to {name}, which is deprecated and will result in an error in a future "
        f"release. To "
        f"retain the behavior and silence this warning, please use dropout instead. Note that {name} exists to provide "
        f"channel-wise dropout on inputs with {dims} spatial dimensions, a channel dimension, and an optional batch "
        f"dimension "
        f"(i.e. {dims + 1}D or {dims + 2}D inputs).",
        UserWarning,
        stacklevel=3,
    )


@public("nn.functional.dropout2d", method=False)
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, H, W) zeroed. Source: torch.nn.functional.dropout2d. Trap: a 3-D input is read as
    (N, C, L), with a warning."""
    _check(p, input)
    if input.ndim not in (3, 4):
        _warn_rank("dropout2d", input.ndim, 2)
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is "
            "desired - input "
            "is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future "
            "release to "
            "interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D "
            "channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            UserWarning,
            stacklevel=2,
        )
    return _by_channel(input, p, training, inplace, False)


@public("nn.functional.dropout3d", method=False)
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) zeroed. Source: torch.nn.functional.dropout3d."""
    _check(p, input)
    if input.ndim not in (4, 5):
        _warn_rank("dropout3d", input.ndim, 3)
    return _by_channel(input, p, training, inplace, input.ndim != 5)


@public("nn.functional.alpha_dropout", method=False)
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean 0 and variance 1, for SELU. Source: torch.nn.functional.alpha_dropout."""
    _check(p, input)
    return _alpha_dropped(input, p, training, False, inplace)


@public("nn.functional.feature_alpha_dropout", method=False)
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """alpha_dropout of whole channels. Source: torch.nn.functional.feature_alpha_dropout."""
    _check(p, input)
    return _alpha_dropped(input, p, training, True, inplace)


def _positional(name: str) -> None:
    function = PUBLIC["nn.functional." + name]

    def call(input: Tensor, p: float, train: bool) -> Tensor:
        return function(input, p, train)

    def call_(input: Tensor, p: float, train: bool) -> Tensor:
        return function(input, p, train, True)

    for made, ending in ((call, ""), (call_, "_")):
        made.__name__ = made.__qualname__ = name + ending
        made.__doc__ = f"nn.functional.{name} with positional arguments. Source: torch.{name}{ending}."
        public(name + ending, method=False)(made)


for _name in ("alpha_dropout", "feature_alpha_dropout"):
    _positional(_name)


def _module_features(input: Tensor, p: float, train: bool, inplace: bool) -> Tensor:
    _check(p, input)
    return _dropped(input, p, train, True, inplace)


@public("feature_dropout", method=False)
def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Whole channels (dimension 1) zeroed. Source: torch.feature_dropout."""
    return _module_features(input, p, train, False)


@public("feature_dropout_", method=False)
def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """feature_dropout in place. Source: torch.feature_dropout_."""
    return _module_features(input, p, train, True)
