"""What long runs of random programs brought to light, each by its smallest program. What is expected was seen in
PyTorch 2.13."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad as torch


def _ones(*shape: int, **options: Any) -> Any:
    return torch.ones(*shape, dtype=torch.float64, **options)


COMPLEX = torch.complex128
PACKED: list[tuple[Callable[..., Any], int, int]] = [
    (torch.logaddexp2, 2, 2),
    (torch.atan2, 2, 2),
    (torch.mul, 0, 1),
    (torch.div, 1, 2),
    (torch.pow, 3, 3),
]


@pytest.mark.parametrize(("function", "severed", "mixed"), PACKED)
def test_what_several_rules_ask_for_is_packed_whatever_needs_a_gradient(
    function: Callable[..., Any], severed: int, mixed: int
) -> None:
    """Views of leaves made under no_grad count as inputs that need a gradient, and have no edge: what one rule alone
    asks for is not packed for them, the rest is."""
    leaf = _ones(3, requires_grad=True)
    with torch.no_grad():
        view = leaf.view(3)
    for operands, expected in (((view, view), severed), ((view, _ones(3, requires_grad=True)), mixed)):
        packed: list[Any] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, kept=packed: kept.append(t) or t, lambda t: t):
            function(*operands)
        assert len(packed) == expected


def test_a_flipped_cotangent_is_no_view_of_the_seed() -> None:
    x, seed = _ones(1, 5, requires_grad=True), _ones(1, 5)
    (found,) = torch.autograd.grad(torch.flip(x, (1,)), x, seed)
    assert not found._is_view()


@pytest.mark.parametrize("part", [0, 1])
def test_the_parts_of_a_cotangent_keep_the_seed(part: int) -> None:
    parts = _ones(3, requires_grad=True), _ones(3, requires_grad=True)
    seed = torch.ones(3, dtype=COMPLEX)
    alive = weakref.ref(seed)
    (found,) = torch.autograd.grad(torch.complex(*parts), parts[part], seed)
    assert found._base is seed
    del seed
    assert alive() is not None


def test_a_conjugate_cotangent_is_a_view_of_the_seed() -> None:
    z, seed = torch.ones(3, dtype=COMPLEX, requires_grad=True), torch.ones(3, dtype=COMPLEX)
    (found,) = torch.autograd.grad(z.conj(), z, seed)
    assert (found._base is seed, found.is_conj()) == (True, True)


def test_an_einsum_of_one_operand_is_a_sum_and_no_view() -> None:
    square = _ones(3, 3, requires_grad=True)
    for equation in ("ii", "ij->", "ij->j"):
        found = torch.einsum(equation, square)
        assert not found._is_view()
        found.detach_()
    assert torch.einsum("ij->ji", square)._is_view()


def _raises(tensor: Any) -> None:
    raise ArithmeticError("no packing")


@pytest.mark.parametrize("name", ["std", "var", "std_mean", "var_mean"])
def test_operands_are_packed_before_a_kernel_warns(name: str) -> None:
    x = _ones(2, requires_grad=True)
    with (
        torch.autograd.graph.saved_tensors_hooks(_raises, lambda t: t),
        warnings.catch_warnings(record=True) as caught,
        pytest.raises(ArithmeticError),
    ):
        getattr(torch, name)(x, dim=0, correction=2)
    assert not caught


def test_a_post_hook_sees_what_goes_nowhere() -> None:
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> Any:
            x, y = ctx.saved_tensors
            return grad_outputs[0] * y, grad_outputs[0] * x

    seen: list[Any] = []
    made = Product.apply(_ones(2), _ones(2, requires_grad=True))
    made.grad_fn.register_hook(lambda inputs, outputs: seen.extend(inputs))
    made.backward(_ones(2))
    assert [None if g is None else g.tolist() for g in seen] == [[1.0, 1.0], [1.0, 1.0]]


def test_the_place_that_an_index_error_names() -> None:
    """PyTorch walks along what lies together in memory first, then along `dim`, unless that is the last."""
    index = torch.tensor([[[0], [2], [3]], [[3], [0], [0]]])
    for dims, dim, place in (((0, 1, 2), 1, 3), ((1, 0, 2), 1, 2), ((0, 2, 1), 2, 2)):
        where = index.permute(dims)
        shape = [1 if k == dim else 5 for k in range(3)]
        with pytest.raises(RuntimeError, match=f"index {place} is out of bounds"):
            torch.zeros(shape).scatter_add(dim, where, torch.ones(where.shape))


def test_a_stride_of_nothing_breaks_the_layout_contract() -> None:
    torch.set_warn_always(True)
    try:
        leaf = torch.zeros((0, 1, 1), dtype=torch.float64).requires_grad_()
        scaled = torch.zeros((0, 1, 1), dtype=torch.float64) * 2
        assert scaled.stride() == (1, 0, 0)
        leaf.grad = scaled
        with pytest.warns(UserWarning, match="gradient layout contract"):
            (leaf * leaf).backward(torch.zeros((0, 1, 1), dtype=torch.float64))
    finally:
        torch.set_warn_always(False)


def test_a_rule_that_nobody_asks_warns_of_nothing() -> None:
    torch.set_warn_always(True)
    try:
        source = _ones(2, requires_grad=True)
        made = _ones(1)
        with pytest.warns(UserWarning, match="beta"):
            made.index_reduce_(0, torch.tensor([0, 0]), source, reduce="prod", include_self=False)
        with warnings.catch_warnings(record=True) as caught:
            made.backward(_ones(1), inputs=(made,), retain_graph=True)
        assert not caught
        with pytest.warns(UserWarning, match="beta"):
            made.backward(_ones(1))
        assert np.array_equal(source.grad.numpy(), [1, 1])
    finally:
        torch.set_warn_always(False)


def test_a_view_that_may_not_be_used_is_refused_first() -> None:
    base = _ones(3, requires_grad=True) * 1
    with torch.no_grad():
        view = base.view(3)
    base.sin_()
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        torch.view_as_real(view)


def test_a_lazy_conjugate_is_done_before_a_composite_in_inference_mode() -> None:
    z = torch.ones((2, 3), dtype=COMPLEX, requires_grad=True).mH
    with torch.inference_mode():
        found = torch.atleast_2d(z)
    assert (found.requires_grad, found.is_conj()) == (False, False)
    assert torch.atleast_2d(z) is z


def test_ldexp_is_refused_for_its_write_first() -> None:
    with torch.inference_mode():
        x = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        x.ldexp_(x)


@pytest.mark.parametrize("write", ["fill_", "zero_", "tril_"])
def test_expanded_lazy_conjugates_are_not_written(write: str) -> None:
    z = torch.ones((1, 1), dtype=COMPLEX).expand(2, 3)
    given = (0.5,) if write == "fill_" else ()
    getattr(z, write)(*given)
    with pytest.raises(RuntimeError, match="refers to a single memory location"):
        getattr(z.conj(), write)(*given)


def test_a_write_without_derivative_is_refused_through_a_view_too() -> None:
    x = torch.tensor([0.25, 0.5], requires_grad=True)
    y = x * 1
    y.view(1, 2).atanh_()
    with pytest.raises(NotImplementedError, match="inplace version of atanh"):
        y.sum().backward()


def test_the_first_gradient_of_a_backward_within_another_is_its_own() -> None:
    x, other = _ones(2, requires_grad=True), _ones(2, requires_grad=True)
    y = torch.utils.checkpoint.checkpoint(lambda x: x * other, x, use_reentrant=True)
    runs: list[Any] = []
    torch.autograd.graph.register_multi_grad_hook((y, x, other), runs.append, mode="any")
    y.sum().backward()
    assert len(runs) == 2
