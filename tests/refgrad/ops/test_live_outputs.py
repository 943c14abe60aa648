"""A saved output without a gradient has no history when a rule gets it back as a tensor."""

from __future__ import annotations

import refgrad


def test_a_permutation_is_a_constant_of_the_second_derivative() -> None:
    a = refgrad.tensor([[1.0, 2.0], [4.0, 3.0], [2.0, 5.0]], requires_grad=True)
    _, low, up = refgrad.linalg.lu(a)
    seeds = [refgrad.ones_like(low).requires_grad_(), refgrad.ones_like(up).requires_grad_()]
    (first,) = refgrad.autograd.grad((low, up), a, seeds, create_graph=True)
    second = refgrad.autograd.grad(first.sum(), (a, *seeds))
    assert [tuple(g.shape) for g in second] == [(3, 2), (3, 2), (2, 2)]
