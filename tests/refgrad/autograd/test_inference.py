"""Inference mode beside gradient mode, and gradients that share memory with their cotangents, as PyTorch has them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

import refgrad

torch = pytest.importorskip("torch")
MODULES = (torch, refgrad)


def leaf(module: Any, *values: float) -> Any:
    return module.tensor(values, requires_grad=True)


@pytest.mark.parametrize("module", MODULES)
def test_a_leaf_is_written_in_inference_mode_whatever_gradient_mode_says(module: Any) -> None:
    x = leaf(module, 1.0, 4.0)
    with module.inference_mode(), module.enable_grad():
        x.sqrt_()
    assert (x.tolist(), x.is_leaf, x._version) == ([1.0, 2.0], True, 1)


@pytest.mark.parametrize("module", MODULES)
def test_parts_are_ordinary_views_in_inference_mode(module: Any) -> None:
    x = leaf(module, 1.0, 2.0)
    with module.inference_mode():
        part = module.unsafe_split(x, 1)[0]
    assert (part.is_inference(), part._is_view(), part.requires_grad) == (False, True, True)


@pytest.mark.parametrize("module", MODULES)
def test_a_cast_of_an_inference_leaf_is_recorded(module: Any) -> None:
    with module.inference_mode():
        x = leaf(module, 1.0, 2.0)
    made = x.to(module.float64)
    assert (made.requires_grad, type(made.grad_fn).__name__, made._version) == (True, "CopyBackwards", 1)


@pytest.mark.parametrize("module", MODULES)
def test_a_conjugate_gradient_lies_in_its_cotangent(module: Any) -> None:
    x, g = module.tensor([1 + 2j], requires_grad=True), module.tensor([3 + 4j])
    x.conj().backward(g)
    assert x.grad.is_conj() and x.grad.tolist() == [3 - 4j]
    g.mul_(2)
    assert x.grad.tolist() == [6 - 8j]


@pytest.mark.parametrize("module", MODULES)
def test_a_gradient_that_is_a_view_keeps_its_cotangent(module: Any) -> None:
    x, g = module.ones(2, 3, requires_grad=True), module.ones(3, 2)
    (found,) = module.autograd.grad(x.t(), x, g)
    seen = weakref.ref(g)
    del g
    assert seen() is not None and found._base is seen()


@pytest.mark.parametrize("module", MODULES)
def test_jacrev_refuses_inference_cotangents_that_a_capture_would_save(module: Any) -> None:
    x, v = leaf(module, 1.0, 2.0), module.tensor([1.0, 1.0])
    with module.inference_mode(), module.enable_grad():
        assert module.func.jacrev(lambda a: (a * v).sum())(v).tolist() == [1.0, 1.0]
        with pytest.raises(RuntimeError, match="Inference tensors cannot be saved"):
            module.func.jacrev(lambda a: (a * x).sum())(v)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("function", "of_value", "of_gradient"),
    [
        (lambda x: x * x, False, True),
        (lambda x: x.sin(), False, False),
        (lambda x: x * 2, True, False),
        (lambda x: x + x * x, True, True),
        (lambda x: x.cos().exp(), False, False),
    ],
)
def test_a_transform_records_an_inference_tensor_where_it_meets_others(
    module: Any, function: Callable[[Any], Any], of_value: bool, of_gradient: bool
) -> None:
    """Outside the transform only calls are recorded that have an ordinary operand too, or a number."""
    with module.inference_mode():
        x = module.ones(2).requires_grad_()
    value, pull = module.func.vjp(function, x)
    assert (value.requires_grad, pull(module.ones(2))[0].requires_grad) == (of_value, of_gradient)
    assert not module.func.vmap(module.sin)(x).requires_grad
