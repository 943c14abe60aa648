"""Faults in operators' rules."""

from __future__ import annotations

from functools import partial
from typing import Any

from .fault import Fault
from .planting import kernel, part, pulled, rule


def _per_first(change: Any) -> Any:
    """A change of the first input's cotangent only."""

    def apply(found: tuple[Any, ...], node: Any, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        return found if found[0] is None else (change(found[0]), *found[1:])

    return apply


def _one_of_many(count: int, g: Any) -> Any:
    array = g if hasattr(g, "flat") else g._array
    return _one_entry(g) if array.size >= count and array.dtype.char in "dD" else g


FAULTS = (
    Fault(
        "pow_exponent_nan_mlx",
        "the exponent's gradient of pow is out·log(base), unguarded at base 0",
        "boundary or nan",
        rule("PowBackward1", exponent=lambda g, F, self, out: g * out * F.log(self)),
        ("op/pow/convention", "op.pow"),
        "ml-explore/mlx#628",
    ),
    Fault(
        "prod_zero_div",
        "prod's gradient is g·out/x: NaN at a zero factor",
        "boundary or nan",
        rule("ProdBackward0", self=lambda g, self, out: g * out / self),
        ("op/prod/convention", "op.prod"),
        "pytorch/pytorch#773",
    ),
    Fault(
        "custom_saved_intermediate",
        "tanh's backward uses its saved result as a constant: the second derivative loses a term",
        "higher order",
        rule("TanhBackward0", self=lambda g, out: g * (1 - _constant(out) * _constant(out))),
        ("op/tanh/double", "double."),
        "pytorch/pytorch#58509",
    ),
    Fault(
        "where_grad_autograd",
        "maximum's gradient is not summed over the broadcast dimensions of its second operand",
        "broadcasting reduction",
        pulled("MaximumBackward0", lambda found, node, cotangents, live: (found[0], _first_row(found[1]))),
        ("op/maximum/broadcast", "op/maximum/vjp", "broadcast."),
        "HIPS/autograd#396",
    ),
    Fault(
        "sqdiff_ignores_g_tfnet",
        "sin's vjp ignores the incoming cotangent",
        "value rule",
        rule("SinBackward0", self=lambda g, F, self: F.cos(self)),
        ("op/sin/vjp", "backward.gradient-argument-is-vjp"),
        "SciSharp/TensorFlow.NET",
    ),
    Fault(
        "erf0_tinygrad",
        "asinh's derivative is 0 at 0, where it is 1",
        "value rule",
        rule("AsinhBackward0", self=lambda g, F, self: F.where(self == 0, 0, g / F.sqrt(self * self + 1))),
        ("op/asinh",),
        "tinygrad/tinygrad",
    ),
    Fault(
        "clamp_border0",
        "clamp's gradient is 0 at its bounds",
        "tie-breaking",
        rule(
            "ClampBackward1",
            self=lambda g, F, self, min, max: F.where(_strictly_inside(self, min, max), g, 0),
        ),
        ("op/clamp/convention", "op/clamp"),
        "pytorch/pytorch#7002",
        is_convention=True,
    ),
    Fault(
        "complex_matmul_tf",
        "mul's vjp does not conjugate the other operand",
        "complex",
        rule("MulBackward0", self=lambda g, other: g * other, other=lambda g, self: g * self),
        ("op/mul", "complex."),
        "tensorflow/tensorflow",
    ),
    Fault(
        "negated_operand",
        "sub's second operand gets its gradient with the wrong sign",
        "value rule",
        rule("SubBackward0", other=lambda g: g),
        ("op/sub", "backward."),
        "pyro: multivariate normal covariance",
    ),
    Fault(
        "one_entry",
        "exp's gradient is wrong by 10⁻⁶ in one entry",
        "value rule",
        pulled("ExpBackward0", _per_first(lambda g: _one_entry(g))),
        ("op/exp", "backward."),
    ),
    *(
        Fault(
            f"one_of_{count}",
            f"exp's gradient is wrong by 10⁻⁶ in one entry of {count} and more, in double precision",
            "value rule",
            pulled("ExpBackward0", _per_first(partial(_one_of_many, count))),
            ("op/exp", "backward."),
            elements=count,
        )
        for count in (256, 65536)
    ),
    Fault(
        "forward_ulp",
        "sigmoid is computed in half precision",
        "value rule",
        kernel("SigmoidBackward0", lambda sound: lambda a: sound(a.astype("float16")).astype(a.dtype)),
        ("op/sigmoid", "op/nn.functional.sigmoid"),
        "jax-ml/jax",
    ),
)


def _constant(value: Any) -> Any:
    """The value without its history."""
    return value.detach() if hasattr(value, "detach") else value


def _first_row(g: Any) -> Any:
    """What is left when the reduction takes the first slice instead of the sum (the shape fits, the value does not)."""
    return g if g is None or not g.ndim else g * 0 + g[:1]


def _strictly_inside(x: Any, low: Any, high: Any) -> Any:
    inside = x == x
    if low is not None:
        inside = inside & (x > low)
    return inside if high is None else inside & (x < high)


def _one_entry(g: Any) -> Any:
    array = g if hasattr(g, "flat") else g._array
    factor = array * 0 + 1
    if factor.size:
        factor.reshape(-1)[-1] = 1 + 1e-6
    return g * factor if hasattr(g, "flat") else g * part("_tensor").plain(factor)
