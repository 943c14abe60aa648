"""Sparse gradients of gather and embedding: equal in value to the dense ones, wherever they meet."""

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


@pytest.mark.parametrize(
    ("index", "padding"), [([1, 1, 3], None), ([[1, 0], [1, 3]], None), ([1, 0, 3], 0), ([], None)]
)
def test_embedding(index: list[int], padding: int | None) -> None:
    found = []
    for sparse in (True, False):
        table = torch.ones(4, 2, requires_grad=True)
        places = torch.tensor(index, dtype=torch.int64)
        rows = torch.nn.functional.embedding(places, table, padding_idx=padding, sparse=sparse)
        (rows * torch.tensor([1.0, 2.0])).sum().backward()
        assert table.grad.is_sparse is sparse
        found.append(table.grad)
    sparse, dense = found
    assert sparse.to_dense().tolist() == dense.tolist()
    assert sparse._values().shape == (sparse._nnz(), 2) and sparse._indices().shape == (1, sparse._nnz())
    assert sparse.coalesce()._values().tolist() == dense[sorted(set(sparse._indices()[0].tolist()))].tolist()


def test_embedding_by_frequency_has_no_sparse_gradient() -> None:
    table = torch.ones(4, 2, requires_grad=True)
    rows = torch.nn.functional.embedding(torch.tensor([1]), table, scale_grad_by_freq=True, sparse=True)
    with pytest.raises(RuntimeError, match="scale_grad_by_freq not supported with sparse gradients"):
        rows.sum().backward()


def test_embedding_bag_says_what_it_lacks() -> None:
    with pytest.raises(NotImplementedError, match="sparse=False"):
        torch.nn.functional.embedding_bag(torch.tensor([[1]]), torch.ones(4, 2, requires_grad=True), sparse=True)
