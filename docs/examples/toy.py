"""A toy engine: a tape over NumPy in forty lines. It has two faults: the tutorial lets the suite find them."""

import numpy as np

from conformance.backends.functional import Functional


class Array:
    """A value, and for each operand the function that maps this value's cotangent to the operand's."""

    def __init__(self, value, parents=()):
        self.value, self.parents = np.asarray(value), parents


def lift(x):  # a Python number may be an operand
    return x if isinstance(x, Array) else Array(x)


def add(a, b, alpha=1):
    a, b = lift(a), lift(b)
    return Array(a.value + alpha * b.value, ((a, lambda g: g), (b, lambda g: alpha * g)))


def mul(a, b):
    a, b = lift(a), lift(b)
    return Array(a.value * b.value, ((a, lambda g: g * b.value), (b, lambda g: g * a.value)))


def sin(a):
    return Array(np.sin(a.value), ((a, lambda g: g * np.cos(a.value)),))


def vjp(function, args, cotangents):
    inputs = [Array(arg.value) for arg in args]
    gradients = {}

    def pull(node, cotangent):
        gradients[id(node)] = gradients.get(id(node), 0) + cotangent
        for parent, rule in node.parents:
            pull(parent, rule(cotangent))

    for output, cotangent in zip(function(*inputs), cotangents):
        pull(output, cotangent.value)
    return tuple(Array(gradients.get(id(x), np.zeros_like(x.value))) for x in inputs)


backend = Functional(
    "toy", "1.0", {"add": add, "mul": mul, "sin": sin}, vjp, ("float64",), array=Array, numpy=lambda x: x.value
)
