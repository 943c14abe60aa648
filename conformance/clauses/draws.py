"""Data that scenarios draw: dyadic numbers, so that polynomials of them are exact in float64 on any engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..drawing.build import Builder


def numbers(b: Builder) -> list[float]:
    """One to four multiples of a quarter."""
    return [b.integer(-12, 12) / 4 for _ in range(b.integer(1, 4))]


def pairs(b: Builder) -> tuple[list[float], list[float]]:
    """Two lists of one length."""
    count = b.integer(1, 4)
    return [b.integer(-12, 12) / 4 for _ in range(count)], [b.integer(-12, 12) / 4 for _ in range(count)]


def rows(b: Builder) -> tuple[list[list[float]], list[float]]:
    """A matrix and a vector that fits its rows."""
    height, width = b.integer(1, 3), b.integer(1, 3)
    return [[b.integer(-8, 8) / 4 for _ in range(width)] for _ in range(height)], [
        b.integer(-8, 8) / 4 for _ in range(width)
    ]


def with_case(count: int) -> Callable[[Builder], tuple[list[float], int]]:
    """Numbers and the choice of a case."""

    def draw(b: Builder) -> tuple[list[float], int]:
        return numbers(b), b.integer(0, count - 1)

    return draw


def one_of(*options: Any) -> Callable[[Builder], tuple[list[float], Any]]:
    """Numbers and one of the options."""

    def draw(b: Builder) -> tuple[list[float], Any]:
        return numbers(b), b.pick(options)

    return draw
