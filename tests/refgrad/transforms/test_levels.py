"""Transforms mixed: values known from mathematics, without PyTorch."""

from __future__ import annotations

import refgrad as torch
from refgrad._modes import LEVELS
from refgrad.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap


def test_no_perturbation_confusion() -> None:
    x = torch.tensor(2.0, dtype=torch.float64)
    inner = lambda y: grad(lambda z: y * z)(y)  # noqa: E731
    assert grad(lambda y: y * inner(y))(x).item() == 4.0
    assert jvp(lambda y: y * inner(y), (x,), (torch.ones_like(x),))[1].item() == 4.0


def test_forward_over_reverse_over_forward() -> None:
    x = torch.tensor(3.0, dtype=torch.float64)
    one = torch.ones_like(x)
    cube = lambda y: y * y * y  # noqa: E731
    first = lambda y: jvp(cube, (y,), (one,))[1]  # noqa: E731
    assert grad(first)(x).item() == 18.0
    assert jvp(grad(first), (x,), (one,))[1].item() == 6.0


def test_vmap_of_grad_does_not_sum_the_batch() -> None:
    v, w = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([5.0, 6.0])
    assert vmap(lambda row: grad(lambda p: (p * row).sum())(w))(v).tolist() == v.tolist()


def test_hessian_of_a_batch() -> None:
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    assert vmap(hessian(lambda a: (a * a * a).sum()))(x).tolist() == [[[6.0, 0.0], [0.0, 12.0]]]


def test_jacobians_agree() -> None:
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    f = lambda a: a.sum() * a  # noqa: E731
    assert jacrev(f)(x).tolist() == jacfwd(f)(x).tolist() == [[4.0, 1.0], [2.0, 5.0]]


def test_levels_end() -> None:
    x = torch.tensor([1.0])
    output, pull = vjp(lambda a: a * a, x)
    assert not LEVELS and not output.requires_grad and pull(x)[0].tolist() == [2.0]
