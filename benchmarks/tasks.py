"""The same work for every engine: pure functions of arrays in a vocabulary that all engines have.

A task is a function of the vocabulary and the arrays that gives a number (a vector, for a Jacobian); what is timed is its
value and its gradients. `by_hand` is the floor of a task, where one is written: its gradient in plain NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Function = Callable[..., Any]
Arrays = list[np.ndarray]
CHAIN, SCALE = 20, 0.9
GRADIENT, SECOND, JACOBIAN = "gradient", "second", "jacobian"
"""What is taken of a task: its gradient, the gradient of its gradient's square, or all rows of its Jacobian."""


@dataclass(frozen=True, slots=True)
class Task:
    """``arrays(size)`` makes the arguments, float32. ``operators`` counts those that the function calls, where many."""

    name: str
    function: Function
    arrays: Callable[[int], Arrays]
    sizes: Sequence[int]
    wanted: str = GRADIENT
    by_hand: Callable[..., Any] | None = None
    operators: int = 0


def _spread(*shape: int) -> np.ndarray:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def chain(v: Any, x: Any) -> Any:
    """60 pointwise operators."""
    y = x
    for _ in range(CHAIN):
        y = v.exp(v.sin(y) * SCALE)
    return v.sum(y)


def chain_by_hand(x: np.ndarray) -> tuple[Any, Arrays]:
    saved, y = [], x
    for _ in range(CHAIN):
        before, y = y, np.exp(np.sin(y) * np.float32(SCALE))
        saved.append((before, y))
    g = np.ones_like(y)
    for before, after in reversed(saved):
        g = g * after * np.float32(SCALE) * np.cos(before)
    return y.sum(), [g]


def perceptron(v: Any, x: Any, w1: Any, b1: Any, w2: Any) -> Any:
    """The loss of a two-layer perceptron."""
    return v.sum((v.tanh(x @ w1 + b1) @ w2) ** 2)


def perceptron_by_hand(x: np.ndarray, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray) -> tuple[Any, Arrays]:
    hidden = np.tanh(x @ w1 + b1)
    out = hidden @ w2
    g = 2 * out
    inner = (g @ w2.T) * (1 - hidden * hidden)
    return (out * out).sum(), [inner @ w1.T, x.T @ inner, inner.sum(0), hidden.T @ g]


def convolution(v: Any, x: Any, w: Any) -> Any:
    """The loss of one layer of 3 × 3 kernels on images of (batch, channels, height, width)."""
    return v.sum(v.tanh(v.conv(x, w)) ** 2)


def convolution_by_hand(x: np.ndarray, w: np.ndarray) -> tuple[Any, Arrays]:
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    hidden = np.tanh(np.tensordot(windows, w, ((1, 4, 5), (1, 2, 3))))
    g = 2 * hidden * (1 - hidden * hidden)
    gx, (height, width) = np.zeros_like(x), g.shape[1:3]
    for i in range(3):
        for j in range(3):
            gx[:, :, i : i + height, j : j + width] += (g @ w[:, :, i, j]).transpose(0, 3, 1, 2)
    return (hidden * hidden).sum(), [gx, np.tensordot(g, windows, ((0, 1, 2), (0, 2, 3)))]


def layer(v: Any, x: Any, w: Any) -> Any:
    """A vector to a vector: what a Jacobian is taken of, by the vector."""
    return v.tanh(x @ w)


def layer_by_hand(x: np.ndarray, w: np.ndarray) -> tuple[Any, Arrays]:
    out = np.tanh(x @ w)
    return out, [(w * (1 - out * out)).T]


def attention(v: Any, q: Any, k: Any, value: Any) -> Any:
    """Scaled dot-product attention; the rows' sums by a product with ones, which every engine has."""
    grown = v.exp(q @ v.transpose(k) * (1.0 / q.shape[-1] ** 0.5))
    return v.sum((grown / (grown @ v.array(np.ones((k.shape[0], 1), np.float32)))) @ value)


def wide(v: Any, x: Any) -> Any:
    """One array used 200 times."""
    total = v.sin(x)
    for k in range(200):
        total = total + x * (0.01 * k)
    return v.sum(total)


def deep(v: Any, x: Any) -> Any:
    """500 operators one after the other, on one element: what a node costs."""
    y = x
    for _ in range(500):
        y = v.sin(y)
    return v.sum(y)


def small(v: Any, a: Any) -> Any:
    """A hundred products of small matrices, each halved."""
    y = a
    for _ in range(100):
        y = y @ a * 0.5
    return v.sum(y)


def polynomial(v: Any, x: Any) -> Any:
    """What the second derivative is taken of."""
    y = x
    for _ in range(5):
        y = v.sin(y) * y
    return v.sum(y)


TASKS = (
    Task("chain", chain, lambda n: [_spread(n)], (1, 100, 10_000, 1_000_000), by_hand=chain_by_hand, operators=60),
    Task(
        "perceptron step",
        perceptron,
        lambda n: [_spread(n, 32), _spread(32, 128), _spread(128), _spread(128, 1)],
        (16, 64, 256),
        by_hand=perceptron_by_hand,
    ),
    Task(
        "convolution step",
        convolution,
        lambda n: [_spread(4, 3, n, n), _spread(8, 3, 3, 3)],
        (8, 32),
        by_hand=convolution_by_hand,
    ),
    Task("attention step", attention, lambda n: [_spread(n, 64), _spread(n, 64), _spread(n, 64)], (32, 128, 512)),
    Task("wide graph", wide, lambda n: [_spread(n)], (100,), operators=401),
    Task("deep graph", deep, lambda n: [_spread(n)], (1,), operators=500),
    Task("many small operators", small, lambda n: [_spread(n, n)], (4,), operators=200),
    Task("double backward", polynomial, lambda n: [_spread(n)], (100,), wanted=SECOND),
    Task(
        "jacobian",
        layer,
        lambda n: [_spread(n), _spread(n, n)],
        (8, 64),
        wanted=JACOBIAN,
        by_hand=layer_by_hand,
    ),
)
