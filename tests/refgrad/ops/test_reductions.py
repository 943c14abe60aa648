"""Reductions where mathematics leaves no choice: zeros, extremes, exclusions, long sums. No PyTorch is needed."""

from __future__ import annotations

import math

import numpy as np
import pytest

import refgrad as torch

F64 = torch.float64


def leaf(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=F64, requires_grad=True)


def gradient(out: torch.Tensor, x: torch.Tensor) -> list[float]:
    return torch.autograd.grad(out, x, torch.ones_like(out))[0].tolist()


@pytest.mark.parametrize(
    ("values", "expected"), [([2, 0, 3], [0, 6, 0]), ([0, 0, 3], [0, 0, 0]), ([2, 5, 3], [15, 6, 10])]
)
def test_prod_differentiates_through_zeros(values: list[float], expected: list[float]) -> None:
    x = leaf(values)
    assert gradient(x.prod(), x) == expected


def test_cumprod_differentiates_through_zeros() -> None:
    x = leaf([2, 0, 3, 4])
    assert gradient(x.cumprod(0), x) == [1, 2 * (1 + 3 + 12), 0, 0]


def test_second_derivative_of_prod_at_a_zero() -> None:
    x = leaf([0, 2, 3])
    (first,) = torch.autograd.grad(x.prod(), x, create_graph=True)
    assert gradient(first[0], x) == [0, 3, 2]


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_norm_neither_overflows_nor_underflows(scale: float) -> None:
    assert torch.linalg.vector_norm(leaf([3 * scale, 4 * scale])).item() == pytest.approx(5 * scale)


def test_var_over_the_empty_tuple_is_var_over_everything() -> None:
    x = leaf([1, 2, 4])
    assert gradient(x.var(dim=()), x) == gradient(x.var(), x)


def test_logcumsumexp_keeps_small_terms_after_large_ones() -> None:
    x = leaf([0, 800, -800])
    assert x.logcumsumexp(0).tolist() == [0, 800, 800]
    assert gradient(x.logcumsumexp(0), x) == [1, 2, 0]


@pytest.mark.parametrize(
    ("reduce", "value"), [("amax", 2.0), ("amin", 2.0), ("prod", 2.0), ("mean", 2.0), ("sum", 2.0)]
)
def test_a_left_out_self_has_no_share(reduce: str, value: float) -> None:
    x, src = leaf([2, 7]), leaf([value])
    out = torch.scatter_reduce(x, 0, torch.tensor([0]), src, reduce, include_self=False)
    assert out.tolist() == [2, 7]
    assert gradient(out, src) == [1]
    assert gradient(torch.scatter_reduce(x, 0, torch.tensor([0]), src, reduce, include_self=False), x) == [0, 1]


def test_scatter_prod_is_exact_at_zeros() -> None:
    x, src = leaf([2]), leaf([0, 3])
    out = torch.scatter_reduce(x, 0, torch.tensor([0, 0]), src, "prod")
    assert gradient(out, src) == [6, 0]


def test_median_of_an_expanded_tensor() -> None:
    found = leaf([0.25, -0.25])[:1].expand(2).median(0, keepdim=True)
    assert found.values.tolist() == [0.25]


def test_mode_is_the_smallest_of_the_most_frequent() -> None:
    values, indices = torch.mode(torch.tensor([3, 3, 1, 1, 2]))
    assert (values.item(), indices.item()) == (1, 3)


def test_sort_is_stable_both_ways() -> None:
    x = torch.tensor([1, 2, 1, 2])
    assert torch.sort(x)[1].tolist() == [0, 2, 1, 3]
    assert torch.sort(x, descending=True)[1].tolist() == [1, 3, 0, 2]


def test_a_long_sum_over_an_outer_dimension_is_accurate() -> None:
    values = np.random.default_rng(0).random((100_000, 2), dtype=np.float32)
    found = torch.from_numpy(values).sum(0)._array
    assert np.abs(found - values.sum(0, dtype=np.float64)).max() < 0.008


def test_results_are_named_tuples_with_numpy_keywords() -> None:
    found = torch.max(torch.tensor([[1.0, 3.0]]), axis=1, keepdims=True)
    assert found.values.tolist() == [[3]] and found.indices.tolist() == [[1]]
    assert repr(found).startswith("torch.return_types.max(\nvalues=tensor([[3.]]),\nindices=")


def test_a_gradient_summed_over_many_rows_keeps_its_digits() -> None:
    rows = np.random.default_rng(0).random((66000, 3))
    weight = leaf([1.0, 1.0, 1.0])
    (torch.tensor(rows) * weight).sum().backward()
    exact = [math.fsum(column) for column in rows.T]
    assert weight.grad is not None
    assert np.abs(weight.grad.numpy() / exact - 1).max() < 1e-15
