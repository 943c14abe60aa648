"""Writes into memory that operands, or elements of the tensor, share. The errors and values are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import refgrad as torch

INDEX = torch.tensor([0, 1])
DISTINCT: dict[str, Callable[[Any], Any]] = {
    "index_copy_": lambda x: x.index_copy_(0, INDEX, x),
    "index_add_": lambda x: x.index_add_(0, INDEX, x),
    "index_reduce_": lambda x: x.index_reduce_(0, INDEX, x, "prod"),
    "index_put_": lambda x: x.index_put_((INDEX,), x),
    "put_": lambda x: x.put_(INDEX, x),
    "scatter_": lambda x: x.scatter_(0, INDEX, x),
    "scatter_add_": lambda x: x.scatter_add_(0, INDEX, x),
}


@pytest.mark.parametrize("name", DISTINCT)
def test_placed_source_is_another_tensor(name: str) -> None:
    x = torch.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to tensor refer to"):
        DISTINCT[name](x)
    assert x.tolist() == [1.0, 2.0]


def test_expanded_tensors() -> None:
    x = torch.tensor([[1.0, 2.0]])
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to"):
        x.expand(2, 2).add_(1)
    assert x.expand(2, 2).tril_().tolist() == [[1.0, 0.0], [1.0, 0.0]]
    with pytest.warns(UserWarning, match="Use of masked_fill_ on expanded tensors is deprecated"):
        x.expand(2, 2).masked_fill_(torch.tensor([[True, False], [False, False]]), 5.0)
    assert x.tolist() == [[5.0, 0.0]]


def test_leaf_comes_before_other_arguments() -> None:
    leaf = torch.ones(4, requires_grad=True)
    for write in (lambda: leaf.tril_(), lambda: leaf.put_(torch.tensor([9]), torch.ones(1))):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used"):
            write()
