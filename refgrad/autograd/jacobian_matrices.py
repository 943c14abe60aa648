"""Jacobians as matrices, by differences and by backward: deprecated names that PyTorch keeps in the gradcheck module.
Source: autograd, "Numerical gradient checking"."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, plain
from .jacobians import analytical, numerical

_DEPRECATED = (
    "`{}` was part of PyTorch's private API and not meant to be exposed. We are deprecating it and it will be removed "
    "in a future version of PyTorch. If you have a specific use for this or feature request for this to be a stable "
    "API, please file us an issue at https://github.com/pytorch/pytorch/issues/new"
)


def get_numerical_jacobian(
    fn: Callable[..., Any], inputs: Any, target: Any = None, eps: float = 1e-3, grad_out: float = 1.0
) -> tuple[Tensor, ...]:
    """For each input (or target) the matrix (input elements, output elements) of central differences of fn(inputs)."""
    _check("get_numerical_jacobian", grad_out)

    def evaluate() -> Sequence[Any]:
        found = fn(inputs)
        return found if isinstance(found, (tuple, list)) else (found,)

    wanted = inputs if target is None else target
    found = (numerical(evaluate, x, eps, np.real)[0] for x in _differentiable(wanted))
    return tuple(plain(np.ascontiguousarray(matrix)) for matrix in found)


def get_analytical_jacobian(
    inputs: Any, output: Tensor, nondet_tol: float = 0.0, grad_out: float = 1.0
) -> tuple[tuple[Tensor, ...], bool, bool, bool]:
    """The same matrices by backward; whether a second run agreed; whether sizes and dtypes were right."""
    _check("get_analytical_jacobian", grad_out)
    differentiable = _differentiable(inputs)
    first, second = (analytical(output, differentiable, 1) for _ in range(2))
    agrees = all(not a.size or np.abs(a - b).max() <= nondet_tol for a, b in zip(first, second))
    matrices = tuple(plain(m.astype(x._array.dtype)) for m, x in zip(first, differentiable))
    return matrices, agrees, True, True


def _differentiable(inputs: Any) -> list[Tensor]:
    given = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    return [x for x in given if isinstance(x, Tensor) and x.requires_grad]


def _check(name: str, grad_out: float) -> None:
    warnings.warn(_DEPRECATED.format(name), FutureWarning, stacklevel=3)
    if grad_out != 1.0:
        raise ValueError(f"Expected grad_out to be 1.0. {name} no longer supports values of grad_out != 1.0.")


def get_numerical_jacobian_wrt_specific_input(
    fn: Callable[..., Any],
    input_idx: int,
    inputs: Any,
    outputs: Any,
    eps: float,
    input: Tensor | None = None,
    is_forward_ad: bool = False,
) -> tuple[Tensor, ...]:
    """The matrix (input elements, output elements) of each output of fn(*inputs) by one input.
    Raises AssertionError for complex outputs of a complex input: its function must be real."""
    moved = inputs[input_idx] if input is None else input
    is_complex = any(o.is_complex() for o in outputs)  # type: ignore[attr-defined]
    assert not (is_complex and moved.is_complex()), "Expected ds_dx to be real-valued, not complex"  # type: ignore[attr-defined]

    def evaluate() -> Sequence[Any]:
        found = fn(*inputs)
        return found if isinstance(found, (tuple, list)) else (found,)

    found = numerical(evaluate, moved, eps, np.real)
    if is_complex:
        found = [m + 1j * i for m, i in zip(found, numerical(evaluate, moved, eps, np.imag))]
    kinds = [np.result_type(moved._array.dtype, o._array.dtype) for o in outputs]
    return tuple(plain(np.ascontiguousarray(m.astype(kind))) for m, kind in zip(found, kinds))
