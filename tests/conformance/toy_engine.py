"""A functional engine as an author would plug it in: reverse mode over NumPy, five functions, and its backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.backends.functional import Functional

Pull = Callable[[Any], Any]


class Var:
    def __init__(self, value: Any, pulls: tuple[tuple[Any, Pull], ...] = ()) -> None:
        self.value = np.asarray(value)
        self.pulls = pulls

    def __add__(self, other: Any) -> Var:
        other = other if isinstance(other, Var) else Var(self.value.dtype.type(other))
        return Var(self.value + other.value, ((self, lambda g: g), (other, lambda g: g)))

    def __mul__(self, other: Any) -> Var:
        other = other if isinstance(other, Var) else Var(self.value.dtype.type(other))
        return Var(self.value * other.value, ((self, lambda g: g * other), (other, lambda g: g * self)))


def sin(x: Var) -> Var:
    return Var(np.sin(x.value), ((x, lambda g: g * cos(x)),))


def cos(x: Var) -> Var:
    return Var(np.cos(x.value), ((x, lambda g: g * sin(x) * -1),))


def exp(x: Var) -> Var:
    return Var(np.exp(x.value), ((x, lambda g: g * exp(x)),))


def neg(x: Var) -> Var:
    return Var(-x.value, ((x, neg),))


def vjp(function: Callable[..., Any], args: tuple[Var, ...], cotangents: tuple[Var, ...]) -> tuple[Var, ...]:
    inputs = [Var(x.value, ((x, lambda g: g),)) for x in args]
    found: dict[int, Var] = {}
    for root, seed in zip(function(*inputs), cotangents):
        _walk(root, seed, {id(x) for x in inputs}, found)
    return tuple(found.get(id(x), Var(np.zeros_like(x.value))) for x in inputs)


def _walk(node: Var, g: Var, stops: set[int], found: dict[int, Var]) -> None:
    if id(node) in stops:
        found[id(node)] = found[id(node)] + g if id(node) in found else g
        return
    for parent, pull in node.pulls:
        _walk(parent, pull(g), stops, found)


def tan(x: Var) -> Var:
    raise NotImplementedError("the tangent")


OPERATORS = {"sin": sin, "cos": cos, "exp": exp, "neg": neg}
backend = Functional("toy", "1.0", OPERATORS, vjp, array=Var, numpy=lambda x: x.value)
