"""Pointwise operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import ABOVE_ONE, NONZERO, OFF_GRID, POSITIVE, REAL, UNIT, Domain, special
from ..programs.leafdata import COMPLEX, FLOATING, is_complex
from . import NUMERIC, Strategy, operator
from .arguments import INPLACE, Drawn, binary, chosen, compared, custom, divided, keep_dtype, nary, to_bool, unary

if TYPE_CHECKING:
    from ..drawing.build import Builder

BOTH = ("function", "method")
operator("add", binary(alpha=(1, 2, -3)), dtypes=NUMERIC, symbol="+", exact=True)
operator("sub", binary(alpha=(1, 2)), dtypes=NUMERIC, symbol="-", exact=True)
operator("mul", binary(), dtypes=NUMERIC, symbol="*", exact=True)
operator("div", binary(REAL, NONZERO, infer=divided), dtypes=NUMERIC, symbol="/")
operator("pow", binary(POSITIVE, REAL), kinks=special(0.0, 1.0), symbol="**")
operator("neg", unary(result=keep_dtype), dtypes=NUMERIC, exact=True)
operator("sin", unary(), dtypes=NUMERIC)
operator("cos", unary(), dtypes=NUMERIC)
operator("exp", unary(), dtypes=NUMERIC)
operator("log", unary(POSITIVE), dtypes=NUMERIC, kinks=special(0.0, -1.0))
operator("sqrt", unary(POSITIVE), dtypes=NUMERIC, kinks=special(0.0))
operator("tanh", unary(), dtypes=NUMERIC)
operator("sigmoid", unary(), dtypes=FLOATING)
operator("atanh", unary(UNIT), kinks=special(1.0, -1.0))
operator("reciprocal", unary(NONZERO), dtypes=NUMERIC, kinks=special(0.0))
operator("abs", unary(NONZERO, result=keep_dtype), kinks=special(0.0), exact=True)
operator("floor", unary(OFF_GRID, result=keep_dtype), kinks=special(0.0, 1.0), exact=True, jumps=True, twice=False)
operator(
    "maximum", binary(OFF_GRID, NONZERO, scalars=False, forms=("function", "method")), kinks=special(1.0), exact=True
)
operator("where", chosen(), exact=True)
operator(
    "gt", binary(OFF_GRID, NONZERO, infer=compared, forms=BOTH), kinks=special(1.0), exact=True, jumps=True,
    differentiable=False,
)  # fmt: skip

# Powers, exponentials, logarithms.

WIDE = ("float32", "float64")


def _doubled(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Whatever the operands, of double precision."""
    ((shape, dtype),) = divided(args, attrs)
    return ((shape, "complex128" if is_complex(dtype) else "float64"),)


for _name, _domain, _kinks in (
    ("exp2", REAL, ()), ("expm1", REAL, ()), ("log2", POSITIVE, (0.0, -1.0)), ("log10", POSITIVE, (0.0, -1.0)),
    ("log1p", POSITIVE, (0.0, -1.0)), ("rsqrt", POSITIVE, (0.0,)),
):  # fmt: skip
    operator(_name, unary(_domain), dtypes=NUMERIC, kinks=special(*_kinks) if _kinks else None)
operator("square", unary(result=keep_dtype), dtypes=NUMERIC, exact=True)
operator("float_power", binary(POSITIVE, REAL, infer=_doubled, forms=("function", "method")))
operator("logaddexp", binary(scalars=False, mixed=False), kinks=special(0.0))
operator("logaddexp2", binary(scalars=False, mixed=False), kinks=special(0.0))
operator("ldexp", binary(scalars=False, infer=divided))

# Circular and hyperbolic functions.


def _off_the_cuts(of_complex: Strategy, of_real: Strategy, forms: tuple[str, ...] = INPLACE) -> Strategy:
    """atan and asinh have their poles and branch cuts on the imaginary axis, which no drawn number then lies on."""

    def draw(b: Builder) -> Drawn:
        return (of_complex if is_complex(b.dtype) else of_real).draw(b)

    return Strategy(draw, of_real.infer, forms)


for _name, _domain in (
    ("tan", UNIT), ("asin", UNIT), ("acos", UNIT), ("sinh", REAL), ("cosh", REAL), ("sinc", REAL),
):  # fmt: skip
    operator(_name, unary(_domain), dtypes=NUMERIC, kinks=special(0.0) if _name == "sinc" else None)
operator("atan", _off_the_cuts(unary(NONZERO), unary()), dtypes=NUMERIC)
operator("asinh", _off_the_cuts(unary(NONZERO), unary(), ("function", "method")), dtypes=NUMERIC)
operator("acosh", unary(ABOVE_ONE, forms=("function", "method")), kinks=special(1.0))
operator("deg2rad", unary())
operator("rad2deg", unary())
operator("atan2", binary(NONZERO, scalars=False, infer=divided), kinks=special(0.0))
operator("hypot", binary(NONZERO, scalars=False, mixed=False), kinks=special(0.0))

# Rounding, signs, remainders.

for _name in ("ceil", "trunc", "round"):
    operator(_name, unary(OFF_GRID, result=keep_dtype), kinks=special(0.0, 0.5), exact=True, jumps=True, twice=False)
operator("round.decimals", unary(OFF_GRID, result=keep_dtype, decimals=(1, 0)), jumps=True, twice=False)
operator("frac", unary(OFF_GRID, result=keep_dtype), kinks=special(0.0, 1.0), exact=True, jumps=True)
operator("sign", unary(NONZERO, result=keep_dtype), kinks=special(0.0), exact=True, jumps=True, twice=False)
operator("sgn", unary(NONZERO, result=keep_dtype), dtypes=FLOATING + COMPLEX, kinks=special(0.0), twice=False)
operator("copysign", binary(NONZERO, infer=divided), kinks=special(0.0, -0.0), exact=True)
operator("nextafter", binary(NONZERO, scalars=False, mixed=False), dtypes=WIDE, jumps=True, twice=False)
operator(
    "nan_to_num",
    unary(result=keep_dtype, nan=(None, 1.0), posinf=(None, 2.0)),
    kinks=special(float("inf"), float("nan")),
)
operator("fmod", binary(OFF_GRID, NONZERO), jumps=True)
operator("remainder", binary(OFF_GRID, NONZERO), jumps=True)
operator("div.rounded", binary(OFF_GRID, NONZERO, rounding_mode=("floor", "trunc")), jumps=True, twice=False)

# Larger, smaller, bounds.

operator("minimum", binary(OFF_GRID, NONZERO, scalars=False), kinks=special(1.0), exact=True)
operator("fmax", binary(OFF_GRID, NONZERO, scalars=False), kinks=special(1.0), exact=True)
operator("fmin", binary(OFF_GRID, NONZERO, scalars=False), kinks=special(1.0), exact=True)
operator(
    "clamp", unary(OFF_GRID, result=keep_dtype, min=(-1.0, None, 0), max=(1.0, 2)), kinks=special(-1.0, 1.0), exact=True
)
operator("clamp.tensors", nary(OFF_GRID, NONZERO, NONZERO), kinks=special(1.0), exact=True)
operator("clamp_min", unary(OFF_GRID, result=keep_dtype, min=(-1.0, 0.5)), kinks=special(-1.0, 0.5), exact=True)
operator("clamp_max", unary(OFF_GRID, result=keep_dtype, max=(1.0, 0.5)), kinks=special(1.0, 0.5), exact=True)

# Three tensors.

operator("addcmul", nary(REAL, REAL, REAL, value=(1, 2)), dtypes=NUMERIC)
operator("addcdiv", nary(REAL, REAL, NONZERO, value=(1, 2)), dtypes=NUMERIC)
operator("lerp", nary(REAL, REAL, weight=(0.25, 0.75)), dtypes=NUMERIC)
operator("lerp.tensor", nary(REAL, REAL, REAL), dtypes=NUMERIC)

# Comparisons and logic.


def _compares(name: str, **options: Any) -> None:
    operator(
        name,
        binary(OFF_GRID, NONZERO, infer=compared, forms=BOTH),
        kinks=special(1.0),
        exact=True,
        jumps=True,
        differentiable=False,
        **options,
    )


for _name in ("lt", "le", "ge"):
    _compares(_name)
_compares("eq", dtypes=NUMERIC)
_compares("ne", dtypes=NUMERIC)
for _name in ("isnan", "isinf", "isfinite", "logical_not"):
    operator(
        _name,
        unary(REAL, result=to_bool, forms=("function", "method")),
        kinks=special(0.0, float("nan"), float("inf")),
        exact=True,
        differentiable=False,
    )
for _name in ("logical_and", "logical_or", "logical_xor"):
    operator(
        _name,
        binary(REAL, scalars=False, infer=compared, forms=("function", "method")),
        exact=True,
        differentiable=False,
    )

# Complex numbers.


def _parts(first: Domain) -> Any:
    def draw(b: Any) -> Any:
        x = b.operand(domain=first)
        return (x, b.operand(x.shape, dtype=x.dtype)), {}

    def infer(args: Any, attrs: Any) -> Any:
        return ((args[0].shape, {"float32": "complex64", "float64": "complex128"}[args[0].dtype]),)

    return custom(draw, infer, ("function",))


def _to_real(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


operator(
    "angle", unary(NONZERO, result=_to_real, forms=("function", "method")), dtypes=NUMERIC, kinks=special(0.0),
)  # fmt: skip
operator("conj_physical", unary(result=keep_dtype, forms=("function", "method")), dtypes=COMPLEX)
operator("complex", _parts(REAL), dtypes=WIDE, exact=True)
# PyTorch keeps the result alone, from which the derivative in abs can't be had where abs is 0 or less.
operator("polar", _parts(POSITIVE), dtypes=WIDE, graph="names")
operator("positive", unary(result=keep_dtype, forms=("function", "method")), dtypes=NUMERIC, exact=True)
