"""MyGrad: NumPy's names, and a backward method. It has no second derivatives, and its casts carry no gradient.

A Python number makes float64 of float32, so that float64 alone is claimed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from .numpylike import Space, table
from .tables import Entry, Table, each, named, refusing
from .tape import Tape

OUT = """sin cos tan sinh cosh tanh exp exp2 expm1 log log2 log10 log1p sqrt square reciprocal abs asin=arcsin acos=arccos
atan=arctan atanh=arctanh mul=multiply div=divide pow=power minimum logaddexp logaddexp2"""
WITHOUT = """half float double cfloat cdouble complex polar view_as_complex floor ceil trunc round frac sign sgn detach
argmax argmin max.dim min.dim argsort nextafter"""


def backend() -> Tape:
    import mygrad as mg

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        found = [np.zeros(x.shape, x.dtype) for x in args]
        for place, cotangent in enumerate(cotangents):
            # A backward pass clears the graph, so that each output has its own.
            leaves = [mg.tensor(x.data, constant=False) for x in args]
            output = function(*leaves)[place]
            if not output.constant:
                output.backward(cotangent.data)
            found = [total if x.grad is None else _sum(total, x.grad) for total, x in zip(found, leaves)]
        return tuple(map(mg.tensor, found))

    return Tape(
        "mygrad",
        version("mygrad"),
        operators(),
        vjp,
        ("float64", "int64", "bool"),
        leaf=lambda array, tracked: mg.tensor(np.array(array, order="C"), constant=not tracked),
        writes=writes(),
        backward=lambda roots, given: [y.backward(g.data) for y, g in zip(roots, given)].clear(),
        gradient=lambda x: x.grad,
        shares=np.shares_memory,
        numpy=lambda x: np.asarray(x.data if isinstance(x, mg.Tensor) else x),
        twice=False,
    )


def _sum(total: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """Not broadcast: a gradient of another shape than its leaf's is to be seen as it is."""
    return total + grad if total.shape == grad.shape else grad


def operators() -> Table:
    """The catalogue's names in terms of mygrad and mygrad.nnet."""
    import mygrad as mg
    from mygrad.nnet import activations

    space = Space(mg, ndim=lambda x: getattr(x, "ndim", 0), shape=lambda x: x.shape, cast=_no_cast)
    own = {
        "relu": activations.relu,
        "sigmoid": activations.sigmoid,
        "nn.functional.relu": activations.relu,
        "nn.functional.selu": activations.selu,
        "nn.functional.elu": activations.elu,
        "nn.functional.leaky_relu": lambda x, negative_slope: activations.leaky_relu(x, negative_slope),
        "nn.functional.hardtanh": lambda x, min_val, max_val: activations.hard_tanh(
            x, lower_bound=min_val, upper_bound=max_val
        ),
        "nn.functional.softsign": activations.soft_sign,
        "nn.functional.glu": lambda x, dim: activations.glu(x, axis=dim),
        "softmax": lambda x, dim: activations.softmax(x, axis=dim) if x.ndim else x * 0 + 1,
        "log_softmax": lambda x, dim: activations.logsoftmax(x, axis=dim) if x.ndim else x * 0,
        "linalg.vector_norm": lambda x, ord, dim, keepdim: mg.linalg.norm(x, ord, axis=dim, keepdims=keepdim),
        "linalg.multi_dot": lambda tensors: mg.multi_matmul(tensors),
    }
    return each(refusing, table(space, without=tuple(WITHOUT.split())) | own)


def writes() -> Table:
    """Operators in place: a function's ``out``, or Python's augmented assignment."""
    import mygrad as mg

    def into(entry: Entry) -> Entry:
        return lambda x, *others: entry(x, *others, out=x)

    unary = {name: into(entry) for name, entry in named(mg, OUT).items()}
    return each(refusing, unary | {"add": _add, "sub": _subtract})


def _add(x: Any, y: Any, alpha: float) -> Any:
    x += y if alpha == 1 else alpha * y
    return x


def _subtract(x: Any, y: Any, alpha: float) -> Any:
    x -= y if alpha == 1 else alpha * y
    return x


def _no_cast(x: Any, dtype: str) -> Any:
    raise NotImplementedError("a cast that carries gradients")
