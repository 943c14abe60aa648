"""F.sum, as the rules use it: the same gradient on tensors as on arrays."""

from __future__ import annotations

import numpy as np
import pytest

import refgrad
from refgrad._interpreters import LIVE


@pytest.mark.parametrize(("dim", "keepdim"), [((0,), False), ((1,), False), ((0, 1), False), ((1,), True), ((), True)])
def test_the_gradient_of_a_partial_sum(dim: tuple[int, ...], keepdim: bool) -> None:
    x = refgrad.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    g = np.arange(1.0, 5.0, dtype=np.float32)[: x._array.sum(dim, keepdims=keepdim).size]
    total = LIVE.sum(x, dim, keepdim)
    g = g.reshape(total.shape)
    (found,) = refgrad.autograd.grad(total, x, refgrad.tensor(g))
    spread = g if keepdim else np.expand_dims(g, dim)
    assert np.array_equal(found.numpy(), np.broadcast_to(spread, (2, 2)))
