"""Forward and backward on each engine; pytest-benchmark's JSON feeds the report."""

from __future__ import annotations

from typing import Any

import pytest

from . import workloads

SIZES = (1, 100, 10_000, 1_000_000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.benchmark(group="chain")
def test_chain(benchmark: Any, engine: Any, size: int) -> None:
    """60 pointwise operators, forward and backward."""
    benchmark(workloads.chain(engine, size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.benchmark(group="chain")
def test_chain_floor(benchmark: Any, size: int) -> None:
    """The same by hand in NumPy."""
    benchmark(workloads.numpy_chain(size))


@pytest.mark.benchmark(group="perceptron")
def test_perceptron(benchmark: Any, engine: Any) -> None:
    """A training step of a two-layer perceptron."""
    benchmark(workloads.perceptron(engine))


@pytest.mark.benchmark(group="wide graph")
def test_wide(benchmark: Any, engine: Any) -> None:
    """A leaf with 200 uses."""
    benchmark(workloads.wide(engine))


@pytest.mark.benchmark(group="deep graph")
def test_deep(benchmark: Any, engine: Any) -> None:
    """A chain of 10,000 nodes."""
    benchmark(workloads.deep(engine))


@pytest.mark.benchmark(group="double backward")
def test_double_backward(benchmark: Any, engine: Any) -> None:
    """The gradient of a gradient."""
    benchmark(workloads.double_backward(engine))


@pytest.mark.benchmark(group="small operators")
def test_small_operators(benchmark: Any, engine: Any) -> None:
    """200 operators on 4 × 4 matrices."""
    benchmark(workloads.small_operators(engine))
