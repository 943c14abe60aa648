"""Activations, written as a user of a NumPy-like namespace writes them. None has a kink that the function has not."""

from __future__ import annotations

from typing import Any

SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _sigmoid(np: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _softplus(np: Any, x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    large = beta * x > threshold
    return np.where(large, x, np.log1p(np.exp(np.where(large, np.zeros_like(x), beta * x))) / beta)


def _exponential(np: Any, x: Any, alpha: float = 1.0, rate: float = 1.0) -> Any:
    """x where it is positive, α(exp(x / rate) - 1) elsewhere."""
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, np.zeros_like(x), x) / rate))


def _softshrink(np: Any, x: Any, lambd: float = 0.5) -> Any:
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, np.zeros_like(x)))


def _glu(np: Any, x: Any, dim: int = -1) -> Any:
    a, b = np.split(x, 2, axis=dim)
    return a * _sigmoid(np, b)


def _prelu(np: Any, x: Any, weight: Any) -> Any:
    rank = np.ndim(x)
    shape = (-1,) if rank < 2 else (1, -1, *(1,) * (rank - 2))
    return np.where(x > 0, x, np.reshape(weight, shape) * x)


TABLE = {
    "relu": lambda np, x: np.maximum(x, 0),
    "nn.functional.relu": lambda np, x: np.maximum(x, 0),
    "nn.functional.relu6": lambda np, x: np.clip(x, 0, 6),
    "nn.functional.elu": _exponential,
    "nn.functional.selu": lambda np, x: SCALE * _exponential(np, x, ALPHA),
    "nn.functional.celu": lambda np, x, alpha=1.0: _exponential(np, x, alpha, alpha),
    "nn.functional.leaky_relu": lambda np, x, negative_slope=0.01: np.where(x > 0, x, x * negative_slope),
    "nn.functional.silu": lambda np, x: x * _sigmoid(np, x),
    "nn.functional.mish": lambda np, x: x * np.tanh(_softplus(np, x)),
    "nn.functional.hardswish": lambda np, x: x * np.clip(x + 3, 0, 6) / 6,
    "nn.functional.hardsigmoid": lambda np, x: np.clip(x + 3, 0, 6) / 6,
    "nn.functional.hardtanh": lambda np, x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val),
    "nn.functional.softplus": _softplus,
    "nn.functional.logsigmoid": lambda np, x: -np.logaddexp(0, -x),
    "nn.functional.softsign": lambda np, x: x / (1 + np.abs(x)),
    "nn.functional.tanhshrink": lambda np, x: x - np.tanh(x),
    "nn.functional.softshrink": _softshrink,
    "nn.functional.hardshrink": lambda np, x, lambd=0.5: np.where(np.abs(x) > lambd, x, np.zeros_like(x)),
    "nn.functional.threshold": lambda np, x, threshold, value: np.where(x > threshold, x, np.full_like(x, value)),
    "nn.functional.glu": _glu,
    "nn.functional.prelu": _prelu,
}
