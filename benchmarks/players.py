"""The engines side by side: of each, its vocabulary and how it gives a function's value and gradients.

A Jacobian is taken by the first array alone, the way that an engine's documentation names first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from types import SimpleNamespace
from typing import Any

import numpy as np

from .tasks import JACOBIAN, SECOND

Step = Callable[[], Any]
Start = Callable[[Callable[..., Any], Sequence[np.ndarray], str], Step]


class NotPlayed(LookupError):
    """The engine has no way to do this task."""


def _torchlike(name: str) -> Start:
    torch: Any = import_module(name)
    if hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)
    import_module(f"{name}.func")
    words = SimpleNamespace(
        sin=torch.sin, exp=torch.exp, tanh=torch.tanh, sum=torch.sum, array=torch.from_numpy,
        transpose=lambda x: x.transpose(0, 1), conv=torch.nn.functional.conv2d,
    )  # fmt: skip

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], wanted: str) -> Step:
        leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]
        if wanted == JACOBIAN:
            jacobian = torch.func.jacrev(lambda *a: function(words, *a))
            return lambda: (None, [jacobian(*(leaf.detach() for leaf in leaves))])

        def step() -> Any:
            value = function(words, *leaves)
            grads = torch.autograd.grad(value, leaves, create_graph=wanted == SECOND)
            if wanted == SECOND:
                grads = torch.autograd.grad((grads[0] * grads[0]).sum(), leaves)
            return value, grads

        return step

    return start


def _numpylike(np_: Any, array: Callable[[np.ndarray], Any], conv: Callable[[Any, Any], Any]) -> SimpleNamespace:
    return SimpleNamespace(
        sin=np_.sin, exp=np_.exp, tanh=np_.tanh, sum=np_.sum, array=array, transpose=np_.transpose, conv=conv
    )


def _autograd() -> Start:
    import autograd
    import autograd.numpy as np_
    from autograd.scipy.signal import convolve

    def conv(x: Any, w: Any) -> Any:
        return convolve(x, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")

    words = _numpylike(np_, lambda array: array, conv)

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], wanted: str) -> Step:
        if wanted == JACOBIAN:
            jacobian = autograd.jacobian(lambda *a: function(words, *a))
            return lambda: (None, [jacobian(*arrays)])
        places = tuple(range(len(arrays)))
        gradients = autograd.grad(lambda *a: function(words, *a), places)
        if wanted == SECOND:
            gradients = autograd.grad(lambda *a, once=gradients: np_.sum(once(*a)[0] ** 2), places)
        return lambda: (None, gradients(*arrays))

    return start


def _jax(compiled: bool) -> Start:
    import jax
    import jax.numpy as np_

    words = _numpylike(np_, np_.asarray, lambda x, w: jax.lax.conv(x, w, (1, 1), "VALID"))

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], wanted: str) -> Step:
        places = tuple(range(len(arrays)))

        def stated(*a: Any) -> Any:
            return function(words, *a)

        gradients = jax.grad(stated, places)
        if wanted == SECOND:
            gradients = jax.grad(lambda *a, once=gradients: np_.sum(once(*a)[0] ** 2), places)
        elif wanted == JACOBIAN:
            gradients = jax.jacrev(stated, (0,))
        run = jax.jit(gradients) if compiled else gradients
        given = [np_.asarray(array) for array in arrays]
        return lambda: (None, jax.block_until_ready(run(*given)))

    return start


def _mygrad() -> Start:
    import mygrad
    from mygrad.nnet.layers import conv_nd

    words = _numpylike(mygrad, mygrad.tensor, lambda x, w: conv_nd(x, w, stride=1))

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], wanted: str) -> Step:
        if wanted == SECOND:
            raise NotPlayed("mygrad has no second derivatives")

        def step() -> Any:
            leaves = [mygrad.tensor(array) for array in arrays]
            value = function(words, *leaves)
            value.backward()
            return value, [leaf.grad for leaf in leaves]

        def rows() -> Any:
            jacobian = []
            for row in range(len(arrays[0])):
                leaves = [mygrad.tensor(array) for array in arrays]
                function(words, *leaves)[row].backward()
                jacobian.append(leaves[0].grad)
            return None, [np.stack(jacobian)]

        return rows if wanted == JACOBIAN else step

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
        conv=Tensor.conv2d,
    )

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], wanted: str) -> Step:
        def step() -> Any:
            leaves = [Tensor(array) for array in arrays]
            value = function(words, *leaves)
            if wanted == JACOBIAN:
                rows = [value[row].gradient(leaves[0])[0] for row in range(len(arrays[0]))]
                return None, [Tensor.stack(*rows).numpy()]
            grads = value.gradient(*leaves)
            if wanted == SECOND:
                grads = (grads[0] * grads[0]).sum().gradient(*leaves)
            return None, [g.numpy() for g in grads]

        return step

    return start


def _mlx() -> Start:
    import mlx.core as mx

    def conv(x: Any, w: Any) -> Any:  # channels last, as mlx has them
        return mx.conv2d(mx.transpose(x, (0, 2, 3, 1)), mx.transpose(w, (0, 2, 3, 1)))

    words = _numpylike(mx, mx.array, conv)

    def start(function: Callable[..., Any], arrays: Sequence[np.ndarray], wanted: str) -> Step:
        given, places = [mx.array(array) for array in arrays], list(range(len(arrays)))

        def stated(*a: Any) -> Any:
            return function(words, *a)

        def rows(first: Any, *others: Any) -> Any:
            def row(cotangent: Any) -> Any:
                return mx.vjp(lambda a: stated(a, *others), [first], [cotangent])[1][0]

            return [mx.vmap(row)(mx.eye(len(arrays[0])))]

        gradients = mx.grad(stated, places)
        if wanted == SECOND:
            gradients = mx.grad(lambda *a, once=gradients: mx.sum(once(*a)[0] ** 2), places)
        run = rows if wanted == JACOBIAN else gradients

        def step() -> Any:
            found = run(*given)
            mx.eval(found)
            return None, found

        return step

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
FLOOR = "numpy"  # a player without an engine: what the arithmetic costs by hand


def step_of(task: Any, size: int, start: Start | None) -> Step:
    """What is timed of a task on an engine; on the floor where there is none. Raises NotPlayed."""
    arrays = task.arrays(size)
    if start is not None:
        return start(task.function, arrays, task.wanted)
    by_hand = task.by_hand
    if by_hand is None:
        raise NotPlayed("no floor is written for this task")
    return lambda: by_hand(*arrays)


def version(engine: str) -> str:
    """The version of an engine that is imported here."""
    name = engine.partition(" ")[0]
    try:
        return str(import_module(name).__version__)
    except (ImportError, AttributeError):
        return metadata.version(name)
