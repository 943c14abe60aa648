"""Jacobians for gradcheck: by central differences, by backward, and by forward mode.

A Jacobian is an array of shape (input elements, output elements) of a real-valued function. By a complex input z = x + iy
its entry is ∂f/∂x + i ∂f/∂y, which is the gradient in PyTorch's convention; a complex output is two real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._forward import enter_level, exit_level
from .._graph import Node, gradient_edge
from .._modes import enable_grad
from .._tensor import Tensor, plain, resolved
from .backward import grad
from .forward_ad import dual, split

Function = Callable[[], Sequence[Any]]
Part = Callable[[np.ndarray], np.ndarray]


def values(outputs: Sequence[Tensor], part: Part) -> list[np.ndarray]:
    """A part (real or imaginary) of each output, flat, copied."""
    return [part(resolved(o)).reshape(-1).astype(np.float64) for o in outputs]


def slope(evaluate: Function, x: np.ndarray, index: Any, step: complex, eps: float, part: Part) -> list[np.ndarray]:
    """The central difference of each output as one entry moves (or all of them, by a direction). The memory is put back."""
    kept = x[index].copy() if isinstance(index, tuple) and index == (Ellipsis,) else x[index]
    x[index] = kept + step * eps
    ahead = values(evaluate(), part)
    x[index] = kept - step * eps
    behind = values(evaluate(), part)
    x[index] = kept
    return [(a - b) / (2 * eps) for a, b in zip(ahead, behind)]


def numerical(evaluate: Function, x: Tensor, eps: float, part: Part) -> list[np.ndarray]:
    """The Jacobian of each output by one input."""
    array = x._array
    rows = []
    for index in np.ndindex(array.shape):
        row = slope(evaluate, array, index, 1, eps, part)
        if array.dtype.kind == "c":
            turned = slope(evaluate, array, index, 1j, eps, part)
            row = [r + 1j * i for r, i in zip(row, turned)]
        rows.append(row)
    count = len(values(evaluate(), part))
    return [np.array([r[k] for r in rows]).reshape(array.size, -1) if rows else np.zeros((0, 0)) for k in range(count)]


def pulled(output: Tensor, inputs: Sequence[Tensor], seed: np.ndarray) -> list[Tensor | None]:
    """One backward of one output with a seed."""
    given = plain(seed.reshape(output._array.shape).astype(output._array.dtype))
    return list(grad(output, list(inputs), given, retain_graph=True, allow_unused=True))


def analytical(output: Tensor, inputs: Sequence[Tensor], factor: complex) -> list[np.ndarray]:
    """The Jacobian of one output by each input, by backward with one-hot seeds times a factor (1 for the real part, 1j
    for the imaginary part)."""
    columns: list[list[np.ndarray]] = [[] for _ in inputs]
    for k in range(output.numel()):
        seed = np.zeros(output.numel(), np.result_type(output._array.dtype, type(factor)) if factor != 1 else None)
        seed[k] = factor
        for column, g, x in zip(columns, pulled(output, inputs, seed), inputs):
            column.append(np.zeros(x.numel()) if g is None else resolved(g).reshape(-1))
    return [np.stack(c, 1) if c else np.zeros((x.numel(), 0)) for c, x in zip(columns, inputs)]


def pushed(func: Callable[..., Any], args: Sequence[Any], place: int, direction: np.ndarray) -> list[np.ndarray | None]:
    """The tangents of the outputs as one argument moves in a direction; None for one that does not move."""
    level = enter_level()
    try:
        given = list(args)
        tangent = plain(direction.reshape(args[place]._array.shape).astype(args[place]._array.dtype))
        given[place] = dual(args[place], tangent, level)
        outputs = func(*given)
        many = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        tangents = [split(o, level)[1] if isinstance(o, Tensor) else None for o in many]
    finally:
        exit_level(level)
    return [None if t is None else resolved(t).reshape(-1) for t in tangents]


class UndefinedGradient(Node):
    """Passes on no gradient at all, whatever arrives."""

    def __init__(self, t: Tensor) -> None:
        self.edges, self.saved, self.hooks, self.metas, self._metadata = (gradient_edge(t),), (), None, None, None
        self.sequence = (1 << 62) - 1
        self.shape, self.dtype = t._array.shape, t._array.dtype

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        return (None,)


def undefined(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients of the inputs when the gradients of the outputs are undefined."""
    roots = []
    with enable_grad():
        for o in outputs:
            root = plain(np.zeros_like(o._array))
            root._edge, root._needs = (UndefinedGradient(o), 0), True
            roots.append(root)
    seeds = [plain(np.ones_like(o._array)) for o in outputs]
    return list(grad(roots, list(inputs), seeds, retain_graph=True, allow_unused=True))
