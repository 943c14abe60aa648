"""Matrix functions against mathematics: what holds by definition, and the derivatives at singular matrices."""

from __future__ import annotations

import numpy as np
import pytest

import refgrad as torch
from refgrad._tensor import Tensor


def matrix(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).requires_grad_()


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


def test_det_of_a_singular_matrix_has_the_cofactors_as_gradient() -> None:
    a = matrix([[1.0, 2.0], [2.0, 4.0]])
    (g,) = torch.autograd.grad(torch.linalg.det(a), a)
    np.testing.assert_allclose(g.numpy(), [[4, -2], [-2, 1]], atol=1e-14)


def test_det_of_order_two_has_a_constant_second_derivative_at_zero() -> None:
    a = matrix([[0.0, 0.0], [0.0, 0.0]])
    (g,) = torch.autograd.grad(torch.linalg.det(a), a, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), np.zeros((2, 2)), atol=1e-15)
    (h,) = torch.autograd.grad(g, a, matrix([[1.0, 2.0], [3.0, 5.0]]).detach())
    np.testing.assert_allclose(h.numpy(), [[5, -3], [-2, 1]], atol=1e-14)


def test_det_of_a_batch_treats_singular_matrices_apart() -> None:
    singular, regular = np.diag([1.0, 2.0, 0.0]), np.diag([1.0, 2.0, 4.0])
    a = torch.from_numpy(np.stack([singular, regular])).requires_grad_()
    (g,) = torch.autograd.grad(torch.linalg.det(a).sum(), a)
    np.testing.assert_allclose(g.numpy(), np.stack([np.diag([0, 0, 2]), np.diag([8, 4, 2])]), atol=1e-13)


def test_the_factors_of_svd_qr_lu_and_cholesky_multiply_to_the_matrix() -> None:
    a = drawn(4, 3)
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    q, r = torch.linalg.qr(a)
    p, low, up = torch.linalg.lu(a)
    for product in ((u * s) @ vh, q @ r, p @ low @ up):
        np.testing.assert_allclose(product.detach().numpy(), a.detach().numpy(), atol=1e-13)
    square = (a.transpose(0, 1) @ a).detach()
    factor = torch.linalg.cholesky(square)
    np.testing.assert_allclose((factor @ factor.transpose(0, 1)).numpy(), square.numpy(), atol=1e-13)


def test_a_reconstruction_through_svd_has_the_identity_as_derivative() -> None:
    a, g = drawn(4, 3), drawn(4, 3, seed=1).detach()
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    (found,) = torch.autograd.grad((u * s) @ vh, a, g)
    np.testing.assert_allclose(found.numpy(), g.numpy(), atol=1e-12)


def test_the_exponential_of_a_nilpotent_matrix_is_a_polynomial() -> None:
    a = matrix([[0.0, 3.0, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(
        torch.linalg.matrix_exp(a).detach().numpy(), [[1, 3, 7.5], [0, 1, 5], [0, 0, 1]], atol=1e-14
    )


def test_singular_matrices_raise_with_their_place_in_the_batch() -> None:
    a = torch.from_numpy(np.stack([np.eye(2), np.ones((2, 2))]))
    with pytest.raises(torch.linalg.LinAlgError, match=r"\(Batch element 1\): The diagonal element 2 is zero"):
        torch.linalg.inv(a)
    with pytest.raises(torch.linalg.LinAlgError, match=r"\(Batch element 1\): The solver failed"):
        torch.linalg.solve(a, torch.from_numpy(np.ones((2, 2, 1))))


def test_a_function_of_the_phase_of_complex_vectors_is_refused() -> None:
    a = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 3)) + 1j * np.eye(3)).requires_grad_()
    with pytest.raises(RuntimeError, match="ill-defined"):
        torch.linalg.svd(a)[0].real.sum().backward()


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
def test_a_transform_and_its_inverse_cancel(norm: str | None) -> None:
    a = drawn(4, 5)
    back = torch.fft.irfft2(torch.fft.rfft2(a, norm=norm), s=(4, 5), norm=norm)
    np.testing.assert_allclose(back.detach().numpy(), a.detach().numpy(), atol=1e-14)
    (g,) = torch.autograd.grad(back, a, drawn(4, 5, seed=1).detach())
    np.testing.assert_allclose(g.numpy(), drawn(4, 5, seed=1).detach().numpy(), atol=1e-14)


def test_lu_under_forward_over_reverse_mode_keeps_its_factors_apart() -> None:
    """A row's outputs are counted with those that have no derivative: here the permutation comes first."""
    a, t = (torch.tensor(v, dtype=torch.float64) for v in ([[10.0, -2.0], [3.0, 1.0]], [[1.0, -1.25], [2.0, 0.5]]))

    def pulled(a: Tensor) -> Tensor:
        (low, up), pull = torch.func.vjp(lambda a: tuple(torch.linalg.lu(a))[1:], a)
        return pull((torch.ones_like(low), torch.ones_like(up)))[0]

    step = 1e-6
    moved = (pulled(a + step * t) - pulled(a - step * t)) / (2 * step)
    np.testing.assert_allclose(torch.func.jvp(pulled, (a,), (t,))[1].numpy(), moved.numpy(), rtol=1e-6, atol=1e-8)
