"""Derivatives of functions of tensors: jacobian, hessian, vjp, jvp, vhp, hvp. Source: torch.autograd.functional.

Inputs and outputs are tensors or tuples of them. Without create_graph results are detached.
Trap: strict=False gives zeros for what does not depend on an input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._interpreters import LIVE
from .._modes import enable_grad
from .._tensor import Tensor, plain
from .functional_checks import (
    HESSIAN,
    Tensors,
    as_tensors,
    check_outputs,
    check_single,
    check_v,
    filled,
    finished,
    gradients,
    private,
    unwrapped,
)

USER = "outputs of the user-provided function"


def _call(func: Callable[..., Any], inputs: Tensors, who: str, strict: bool) -> tuple[bool, Tensors]:
    is_tuple, outputs = as_tensors(func(*inputs), USER, who)
    check_outputs(outputs, strict)
    return is_tuple, outputs


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(outputs, vᵀJ); v may be left out for one output element. Source: torch.autograd.functional.vjp."""
    with enable_grad():
        was_tuple, given = as_tensors(inputs, "inputs", "vjp")
        seen = private(given, create_graph)
        is_tuple, outputs = _call(func, seen, "vjp", strict)
        if v is not None:
            _v_tuple, v = as_tensors(v, "v", "vjp")
            v = private(v, create_graph, needs=False)
            check_v(v, outputs, is_tuple)
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
            )
        found = filled(gradients(outputs, seen, v, create_graph), seen, strict, "output", create_graph)
    return unwrapped(finished(outputs, create_graph), is_tuple), unwrapped(finished(found, create_graph), was_tuple)


def _vector(v: Any, given: Tensors, was_tuple: bool, who: str, create_graph: bool) -> Tensors | None:
    if v is not None:
        _, v = as_tensors(v, "v", who)
        v = private(v, create_graph, needs=False)
        check_v(v, given, was_tuple)
        return v
    if len(given) != 1 or given[0].numel() != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single Tensor with a single "
            "element."
        )
    return None


def _zeros_that_need(like: Tensors) -> Tensors:
    made = tuple(plain(np.zeros_like(t._array)) for t in like)
    for t in made:
        t._needs = True
    return made


def _double(found: Tensors, zeros: Tensors, v: Tensors | None, create_graph: bool) -> tuple[Tensor | None, ...]:
    """The derivative of a product that is linear in the zeros, by them: the second of two backwards."""
    return gradients(found, zeros, v, create_graph)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(outputs, J v) by two reverse passes; v may be left out for one input element.
    Source: torch.autograd.functional.jvp. Trap: slower than torch.func.jvp, which uses forward mode."""
    with enable_grad():
        was_tuple, given = as_tensors(inputs, "inputs", "jvp")
        seen = private(given, create_graph)
        vector = _vector(v, given, was_tuple, "jvp", create_graph)
        is_tuple, outputs = _call(func, seen, "jvp", strict)
        zeros = _zeros_that_need(outputs)
        first = filled(gradients(outputs, seen, zeros, True), seen, strict, "output", False)
        back = _double(first, zeros, vector, create_graph)
        found = filled(back, outputs, strict, "output", create_graph)
    return unwrapped(finished(outputs, create_graph), is_tuple), unwrapped(finished(found, create_graph), is_tuple)


def _gradient(func: Callable[..., Any], seen: Tensors, who: str, strict: bool) -> tuple[Tensors, Tensors]:
    """The single output and its gradient, recorded."""
    is_tuple, outputs = _call(func, seen, who, strict)
    check_single(is_tuple, outputs, who)
    return outputs, filled(gradients(outputs, seen, None, True), seen, strict, "gradient", True)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(output, vᵀH) of a function of one output element. Source: torch.autograd.functional.vhp."""
    with enable_grad():
        was_tuple, given = as_tensors(inputs, "inputs", "vhp")
        seen = private(given, create_graph)
        vector = _vector(v, given, was_tuple, "vhp", create_graph)
        outputs, first = _gradient(func, seen, "vhp", strict)
        found = filled(gradients(first, seen, vector, create_graph), seen, strict, "hessian", create_graph)
    return finished(outputs, create_graph)[0], unwrapped(finished(found, create_graph), was_tuple)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(output, H v) of a function of one output element, by three reverse passes. Source: torch.autograd.functional.hvp.
    Trap: vhp is faster and equal where the Hessian is symmetric."""
    with enable_grad():
        was_tuple, given = as_tensors(inputs, "inputs", "hvp")
        seen = private(given, create_graph)
        vector = _vector(v, given, was_tuple, "hvp", create_graph)
        outputs, first = _gradient(func, seen, "hvp", strict)
        zeros = _zeros_that_need(seen)
        second = filled(gradients(first, seen, zeros, True), seen, strict, "hessian", False)
        found = filled(_double(second, zeros, vector, create_graph), seen, strict, "hessian", create_graph)
    return finished(outputs, create_graph)[0], unwrapped(finished(found, create_graph), was_tuple)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian, of shape output.shape + input.shape: a tensor, a tuple along inputs or outputs that are tuples, a tuple
    of tuples [output][input] for both. Source: torch.autograd.functional.jacobian."""
    _check_strategy(create_graph, strict, vectorize, strategy)
    if strategy == "forward-mode":
        return _forward_jacobian(func, inputs)
    with enable_grad():
        was_tuple, given = as_tensors(inputs, "inputs", "jacobian")
        seen = private(given, create_graph)
        is_tuple, outputs = _call(func, seen, "jacobian", strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
                "Please either set `strict=False` or `vectorize=False`."
            )
        rows = [_rows(o, nr, seen, create_graph, strict) for nr, o in enumerate(outputs)]
    found = [unwrapped(finished(row, create_graph), was_tuple) for row in rows]
    return unwrapped(found, is_tuple)


def _check_strategy(create_graph: bool, strict: bool, vectorize: bool, strategy: str) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than '
            'inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                'torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` are not supported '
                'together (yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.'
            )
        if strict:
            raise RuntimeError(
                'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not supported '
                'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for "
                "`vectorize=True`."
            )


def _forward_jacobian(func: Callable[..., Any], inputs: Any) -> Any:
    from ..func.forward import jacfwd

    was_tuple, given = as_tensors(inputs, "inputs", "jacobian")
    several = []

    def checked(*args: Tensor) -> Tensors:
        is_tuple, outputs = as_tensors(func(*args), USER, "jacobian")
        several.append(is_tuple)
        return outputs

    rows = jacfwd(checked, tuple(range(len(given))))(*private(given, False, needs=False))
    # PyTorch gives lists here where reverse mode gives tuples.
    found = [list(row) if was_tuple else row[0] for row in rows]
    if not several[-1]:
        return found[0]
    return found if was_tuple else tuple(found)


def _rows(output: Tensor, nr: int, seen: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """The Jacobians of one output by each input, an output element at a time."""
    columns: list[list[Tensor]] = [[] for _ in seen]
    flat = output.reshape(-1)  # type: ignore[attr-defined]
    for k in range(output.numel()):
        found = gradients([flat[k]], seen, None, create_graph)
        for column, g in zip(columns, filled(found, seen, strict, "jacobian", create_graph, nr)):
            column.append(g)
    return tuple(
        LIVE.stack(c, 0).reshape((*output._array.shape, *t._array.shape))
        if c
        else plain(np.zeros((*output._array.shape, *t._array.shape), t._array.dtype))
        for c, t in zip(columns, seen)
    )


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function of one output element: a tensor for one input, a tuple of tuples for a tuple of them.
    Source: torch.autograd.functional.hessian."""
    was_tuple, _ = as_tensors(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def single(*args: Tensor) -> Tensor:
        is_tuple, outputs = _call(func, args, "hessian", strict)
        check_single(is_tuple, outputs, "hessian")
        return outputs[0].squeeze()  # type: ignore[attr-defined]

    def gradient(*args: Tensor) -> Any:
        found = jacobian(single, args, create_graph=True)
        for k, g in enumerate(found):
            if strict and not g.requires_grad:
                raise RuntimeError(HESSIAN.format(k=k))
        return unwrapped(found, was_tuple)

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
