"""The toy engine of the tutorial, mended: gradients have their operand's shape and can be differentiated again."""

import numpy as np

from conformance.backends.functional import Functional


class Array:
    """A value, and for each operand the function that maps this value's cotangent to the operand's."""

    def __init__(self, value, parents=()):
        self.value, self.parents = np.asarray(value), parents


def lift(x):  # a Python number may be an operand
    return x if isinstance(x, Array) else Array(x)


def identity(g):
    return g


def total(a, axes):
    return Array(a.value.sum(axes, keepdims=True), ((a, lambda g: expand(g, a.value.shape)),))


def reshape(a, shape):
    return Array(a.value.reshape(shape), ((a, lambda g: reshape(g, a.value.shape)),))


def expand(a, shape):
    return Array(np.broadcast_to(a.value, shape), ((a, lambda g: unbroadcast(g, a.value.shape)),))


def unbroadcast(g, shape):
    """The sum of a cotangent over the axes along which an operand of this shape was repeated."""
    padded = (1,) * (g.value.ndim - len(shape)) + shape
    axes = tuple(i for i, n in enumerate(padded) if n == 1)
    return reshape(total(g, axes), shape)


def add(a, b, alpha=1):
    a, b = lift(a), lift(b)
    rules = (
        (a, lambda g: unbroadcast(g, a.value.shape)),
        (b, lambda g: unbroadcast(mul(g, alpha), b.value.shape)),
    )
    return Array(a.value + alpha * b.value, rules)


def mul(a, b):
    a, b = lift(a), lift(b)
    rules = (
        (a, lambda g: unbroadcast(mul(g, b), a.value.shape)),
        (b, lambda g: unbroadcast(mul(g, a), b.value.shape)),
    )
    return Array(a.value * b.value, rules)


def sin(a):
    return Array(np.sin(a.value), ((a, lambda g: mul(g, cos(a))),))


def cos(a):
    return Array(np.cos(a.value), ((a, lambda g: mul(mul(g, sin(a)), -1.0)),))


def vjp(function, args, cotangents):
    inputs = [Array(arg.value, ((arg, identity),)) for arg in args]
    gradients = {}

    def pull(node, cotangent):
        before = gradients.get(id(node))
        gradients[id(node)] = cotangent if before is None else add(before, cotangent)
        for parent, rule in node.parents:
            pull(parent, rule(cotangent))

    for output, cotangent in zip(function(*inputs), cotangents):
        pull(output, cotangent)
    return tuple(gradients.get(id(x), Array(np.zeros_like(x.value))) for x in inputs)


backend = Functional(
    "toy", "1.1", {"add": add, "mul": mul, "sin": sin}, vjp, ("float64",), array=Array, numpy=lambda x: x.value
)
