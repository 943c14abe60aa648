"""The tolerance lets rounding pass and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.backends.noise import disturb
from conformance.judging.compare import Closeness, compare
from conformance.programs.leafdata import with_layout
from conformance.programs.trace import Observed, Trace

HERE = ("step", 0, ())


def error(mine: object, theirs: object, dtype: str) -> tuple[float, float] | None:
    return Closeness().error(np.asarray(mine, dtype), np.asarray(theirs, dtype), dtype, HERE)


def test_a_unit_in_the_last_place_passes() -> None:
    assert error([1 + 2.0**-23, 2], [1, 2], "float32") is None


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_one_part_in_ten_to_the_tenth_does_not(dtype: str) -> None:
    assert error([1, 3 * (1 + 1e-10)], [1, 3], dtype) is not None


@pytest.mark.parametrize(("mine", "theirs"), [(np.nan, 1), (1, np.nan), (np.inf, 1), (np.inf, -np.inf), (1, np.inf)])
def test_non_finite_values_must_agree(mine: float, theirs: float) -> None:
    assert error([mine], [theirs], "float64") is not None
    assert error([mine], [mine], "float64") is None


def test_integers_must_be_equal() -> None:
    assert error([1, 2], [1, 3], "int64") is not None


def test_an_allowance_widens_one_place_only() -> None:
    close = Closeness(allowance={HERE: np.array([0.5])})
    assert close.error(np.array([1.4]), np.array([1.0]), "float64", HERE) is None
    assert close.error(np.array([1.4]), np.array([1.0]), "float64", ("step", 1, ())) is not None


@pytest.mark.parametrize("layout", ["contiguous", "fortran", "strided", "offset", "expanded", "channels_last"])
def test_noise_keeps_strides_and_moves_by_one_unit(layout: str) -> None:
    array = with_layout(np.arange(1.0, 25.0).reshape(2, 3, 4), layout)
    moved = disturb(array, np.random.default_rng(0))
    assert moved.strides == array.strides
    assert np.max(np.abs(moved / array - 1)) <= 3 * 2.0**-52 and not np.array_equal(moved, array)


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        ((INF, NAN), (INF, -INF), True),
        ((INF, NAN), (NAN, -INF), True),
        ((INF, 1), (INF, NAN), True),
        ((NAN, 1), (NAN, NAN), True),
        ((INF, NAN), (-INF, NAN), False),
        ((INF, 1), (INF, 2), False),
        ((INF, NAN), (NAN, NAN), False),
        ((NAN, 1), (NAN, 2), False),
        ((INF, 0), (1, NAN), False),
    ],
)
def test_a_nan_part_of_a_complex_value_says_nothing(
    mine: tuple[float, float], theirs: tuple[float, float], same: bool
) -> None:
    assert (error([complex(*mine)], [complex(*theirs)], "complex128") is None) is same


@pytest.mark.parametrize(
    ("mine", "theirs", "dtype", "text"),
    [
        ([1, np.nan], [1, 2], "float64", "nan where the oracle gave 2.0"),
        ([1, np.inf], [1, -np.inf], "float32", "inf where the oracle gave -inf"),
        ([1, 5, 3], [1, 2, 3], "int64", "5 where the oracle gave 2"),
        ([False], [True], "bool", "False where the oracle gave True"),
        ([1, 3.75], [1, 3], "float64", "values differ by 0.75, 5.63e+13 times what rounding allows"),
    ],
)
def test_a_difference_is_told_as_a_distance_where_there_is_one(
    mine: object, theirs: object, dtype: str, text: str
) -> None:
    traces: list[Trace] = []
    for values in (mine, theirs):
        array = np.asarray(values, dtype)
        traces.append(Trace([Observed(array, dtype, array.shape)]))
    found = compare(traces[0], traces[1], frozenset(), Closeness())
    assert found is not None and found.message.startswith(text.partition(",")[0])
