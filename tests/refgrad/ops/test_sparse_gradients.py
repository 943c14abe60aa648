"""Sparse gradients of gather: equal in value to the dense ones, wherever they meet."""

from __future__ import annotations

import pytest

import refgrad as torch


def gathered(x: torch.Tensor, index: list[int], sparse: bool) -> torch.Tensor:
    return torch.gather(x, 0, torch.tensor(index), sparse_grad=sparse)


@pytest.mark.parametrize("index", [[0], [2, 2], [1, 0, 1]])
@pytest.mark.parametrize("times", [1, 2])
def test_sparse_equals_dense(index: list[int], times: int) -> None:
    found = []
    for sparse in (True, False):
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        for _ in range(times):
            (gathered(x, index, sparse) ** 2).sum().backward()
        assert x.grad.is_sparse is sparse
        found.append(x.grad.to_dense().tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("first", ["sparse", "dense"])
def test_with_a_dense_gradient_the_sum_is_dense(first: str) -> None:
    x = torch.ones(3, requires_grad=True)
    for kind in (first, "dense", "sparse"):
        (gathered(x, [0, 0], True) if kind == "sparse" else x * 2).sum().backward()
    assert not x.grad.is_sparse
    assert x.grad.tolist() == ([6, 2, 2] if first == "sparse" else [6, 4, 4])


def test_two_uses_in_one_pass_and_a_pass_through_another_node() -> None:
    x = torch.ones(3, requires_grad=True)
    (gathered(x, [1], True).sum() + (x * 2).sum()).backward()
    assert x.grad.tolist() == [2, 3, 2]
    (g,) = torch.autograd.grad(gathered(x * 3, [1, 1], True).sum(), x)
    assert g.tolist() == [0, 6, 0]


def test_a_recorded_gradient_is_dense_and_can_be_differentiated() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (g,) = torch.autograd.grad((gathered(x, [1, 1], True) ** 2).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    assert g.tolist() == [0, 8] and h.tolist() == [0, 4]
