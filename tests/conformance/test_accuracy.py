"""The accuracy profile: what it counts as a unit, and that a small error shows."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from conformance.catalogue import find
from conformance.commands.accuracy import Accuracy, exceptions, grid, measured_operators, truths, ulps


def test_a_unit_is_the_spacing_at_the_true_value() -> None:
    found = np.array([1.0, 1.0 + 2.0**-51, np.inf, 1.0])
    errors = ulps(found, [mpmath.mpf(1), mpmath.mpf(1), mpmath.mpf(1), None], "float64")
    assert errors[:2].tolist() == [0.0, 2.0]
    assert np.isnan(errors[2:]).all()


def test_values_and_slopes_of_the_sine() -> None:
    line = find("sin")
    points = grid(line, "float64")[::40]
    values, slopes = truths(line, points)
    assert ulps(np.sin(points), values, "float64").max() < 1
    assert ulps(np.cos(points), slopes, "float64").max() < 1
    assert ulps(np.cos(points) * (1 + 1e-14), slopes, "float64").max() > 20


def test_the_grid_lies_in_the_domain_and_is_exact() -> None:
    for line in measured_operators():
        points = grid(line, "float32")
        assert points.dtype == np.float32 and points.size > 90, line.name
    assert grid(find("log"), "float64").min() > 0
    assert abs(grid(find("asin"), "float64")).max() < 1


def test_an_exception_is_worse_than_the_other_engine_and_than_the_bar() -> None:
    def row(engine: str, error: float, name: str) -> Any:
        return Accuracy(name, 0, "float32", engine, 10, error, error, 0.0)

    rows = [row("mine", 5, "a"), row("theirs", 4, "a"), row("mine", 3, "b"), row("theirs", 1, "b")]
    assert [mine.operator for mine, _ in exceptions(rows, "mine", "theirs")] == ["a"]
    assert len(measured_operators()) >= 40
