"""Functions in their tails and beside their roots, against 50 digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad as torch
from refgrad.ops import accurate

mpmath = pytest.importorskip("mpmath")


def worst(found: np.ndarray, points: np.ndarray, true: Callable[[Any], Any]) -> float:
    """The largest error in units in the last place of the true value."""
    with mpmath.workdps(50):
        exact = [true(mpmath.mpf(float(x))) for x in points]
        return max(float(abs(mpmath.mpf(float(y)) - t)) / np.spacing(abs(float(t))) for y, t in zip(found, exact))


def test_the_complementary_error_function_keeps_its_digits_in_the_tail() -> None:
    points = np.linspace(-3.0, 26.0, 233)
    assert worst(torch.erfc(torch.tensor(points)).numpy(), points, mpmath.erfc) <= 4


def test_the_logarithm_of_gamma_keeps_its_digits_beside_its_roots() -> None:
    points = np.concatenate([np.linspace(0.02, 3.0, 299), [0.999, 1.001, 1.999, 2.001, 2.0 + 2.0**-40, 17.25]])
    points = points[(points != 1) & (points != 2)]
    assert worst(torch.lgamma(torch.tensor(points)).numpy(), points, mpmath.loggamma) <= 4
    assert torch.lgamma(torch.tensor([1.0, 2.0], dtype=torch.float64)).tolist() == [0.0, 0.0]


def test_the_bell_curve_does_not_multiply_the_rounding_of_the_square() -> None:
    points = np.linspace(-25.0, 25.0, 211)
    assert worst(accurate.gauss(points, 1.0), points, lambda x: mpmath.exp(-x * x)) <= 2
    assert accurate.gauss(np.array([np.inf, -np.inf, 1e200]), 0.5).tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(accurate.gauss(np.array([np.nan]), 0.5)).all()


def test_the_density_over_the_distribution_in_the_lower_tail() -> None:
    x = torch.tensor([-1e4, -40.0, -3.0, 0.0, 2.0, 12.0], dtype=torch.float64, requires_grad=True)
    torch.special.log_ndtr(x).sum().backward()
    assert x.grad is not None
    assert worst(x.grad.numpy(), x.detach().numpy(), lambda v: mpmath.npdf(v) / mpmath.ncdf(v)) <= 4
