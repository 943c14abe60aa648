"""The engines side by side: of each, its vocabulary and how it gives a function's value and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

Step = Callable[[], Any]
Start = Callable[[Callable[..., Any], Sequence[np.ndarray], int], Step]


class NotPlayed(LookupError):
    """The engine has no way to do this task."""


def _torchlike(name: str) -> Start:
    from importlib import import_module

    torch: Any = import_module(name)
    if hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)
    words = SimpleNamespace(
        sin=torch.sin, exp=torch.exp, tanh=torch.tanh, sum=torch.sum, array=torch.from_numpy,
        transpose=lambda x: x.transpose(0, 1),
    )  # fmt: skip

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], order: int) -> Step:
        leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]

        def step() -> Any:
            value = function(words, *leaves)
            grads = torch.autograd.grad(value, leaves, create_graph=order == 2)
            if order == 2:
                grads = torch.autograd.grad((grads[0] * grads[0]).sum(), leaves)
            return value, grads

        return step

    return start


def _numpylike(np_: Any, array: Callable[[np.ndarray], Any], transpose: Any = None) -> SimpleNamespace:
    return SimpleNamespace(
        sin=np_.sin, exp=np_.exp, tanh=np_.tanh, sum=np_.sum, array=array, transpose=transpose or np_.transpose
    )


def _autograd() -> Start:
    import autograd
    import autograd.numpy as np_

    words = _numpylike(np_, lambda array: array)

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], order: int) -> Step:
        places = tuple(range(len(arrays)))
        gradients = autograd.grad(lambda *a: function(words, *a), places)
        if order == 2:
            gradients = autograd.grad(lambda *a, once=gradients: np_.sum(once(*a)[0] ** 2), places)
        return lambda: gradients(*arrays)

    return start


def _jax(compiled: bool) -> Start:
    import jax
    import jax.numpy as np_

    words = _numpylike(np_, np_.asarray)

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], order: int) -> Step:
        places = tuple(range(len(arrays)))
        gradients = jax.grad(lambda *a: function(words, *a), places)
        if order == 2:
            gradients = jax.grad(lambda *a, once=gradients: np_.sum(once(*a)[0] ** 2), places)
        run = jax.jit(gradients) if compiled else gradients
        given = [np_.asarray(array) for array in arrays]
        return lambda: jax.block_until_ready(run(*given))

    return start


def _mygrad() -> Start:
    import mygrad

    words = _numpylike(mygrad, mygrad.tensor)

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], order: int) -> Step:
        if order == 2:
            raise NotPlayed("mygrad has no second derivatives")

        def step() -> Any:
            leaves = [mygrad.tensor(array) for array in arrays]
            value = function(words, *leaves)
            value.backward()
            return value, [leaf.grad for leaf in leaves]

        return step

    return start


def _tinygrad() -> Start:
    from tinygrad import Tensor

    words = SimpleNamespace(
        sin=Tensor.sin,
        exp=Tensor.exp,
        tanh=Tensor.tanh,
        sum=Tensor.sum,
        array=Tensor,
        transpose=lambda x: x.transpose(0, 1),
    )

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], order: int) -> Step:
        def step() -> Any:
            leaves = [Tensor(array) for array in arrays]
            grads = function(words, *leaves).gradient(*leaves)
            if order == 2:
                grads = (grads[0] * grads[0]).sum().gradient(*leaves)
            return [g.numpy() for g in grads]

        return step

    return start


def _mlx() -> Start:
    import mlx.core as mx

    words = _numpylike(mx, mx.array)

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], order: int) -> Step:
        given, places = [mx.array(array) for array in arrays], list(range(len(arrays)))
        gradients = mx.grad(lambda *a: function(words, *a), places)
        if order == 2:
            gradients = mx.grad(lambda *a, once=gradients: mx.sum(once(*a)[0] ** 2), places)
        return lambda: mx.eval(gradients(*given))

    return start


PLAYERS: dict[str, Callable[[], Start]] = {
    "refgrad": lambda: _torchlike("refgrad"),
    "torch": lambda: _torchlike("torch"),
    "autograd": _autograd,
    "jax": lambda: _jax(False),
    "jax jit": lambda: _jax(True),
    "mygrad": _mygrad,
    "tinygrad": _tinygrad,
    "mlx": _mlx,
}
FLOOR = "numpy"
