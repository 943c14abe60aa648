"""Variants of operators that have rules of their own: in place, with a number or a tensor in another place, with a
derivative by one operand only, and what only writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import ABOVE_ONE, FRACTION, NONZERO, OFF_GRID, POSITIVE, Domain, special
from ..drawing.shapes import draw_broadcastable
from ..programs.leafdata import COMPLEX, FLOATING
from . import operator
from .arguments import Drawn, binary, custom, draw_options, draw_scalar, keep_dtype, nary, promoted, unary
from .places import same

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION, WRITING = ("function",), ("inplace",)
BOTH = ("function", "method")
WIDE = ("float32", "float64")


def _cloned(b: Builder, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """What is written must not be a leaf."""
    return (b.call("clone", args[0]),)


_INPLACE: dict[str, dict[str, Any]] = {
    "elu": {"alpha": (1.0, 2.0)},
    "celu": {"alpha": (1.0, 2.0)},
    "leaky_relu": {"negative_slope": (0.01, 0.25)},
    "threshold": {"threshold": (0.5, -1.0), "value": (0.0, 2.0)},
}
for _name, _options in _INPLACE.items():
    operator(
        f"nn.functional.{_name}.inplace",
        unary(OFF_GRID, result=keep_dtype, forms=FUNCTION, **_options, inplace=(True, False)),
        dtypes=FLOATING,
        prepare=_cloned,
        graph="free",
    )

for _name in ("clamp_min", "clamp_max"):
    operator(f"{_name}.tensor", nary(OFF_GRID, NONZERO), kinks=special(1.0), exact=True)
operator("floor_divide", binary(OFF_GRID, NONZERO, forms=BOTH), jumps=True, differentiable=False)
operator(
    "heaviside", binary(OFF_GRID, NONZERO, scalars=False, mixed=False, forms=BOTH), jumps=True, differentiable=False
)


def _by_the_second(first: Domain, second: Domain) -> Any:
    """Two operands of which only the second has a derivative."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(domain=first, grad=False)
        return (x, b.operand(draw_broadcastable(b.source, x.shape), domain=second)), {}

    return custom(draw, promoted, FUNCTION)


operator("igamma", _by_the_second(POSITIVE, POSITIVE), dtypes=WIDE, forward=False)
operator("special.zeta", _by_the_second(ABOVE_ONE, POSITIVE), dtypes=WIDE, forward=False)


def _after_number(b: Builder) -> Drawn:
    return (draw_scalar(b, NONZERO), b.operand(domain=POSITIVE)), {}


def _like_second(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[1].shape, args[1].dtype),)


for _name in ("xlogy", "special.xlog1py"):
    operator(f"{_name}.number", custom(_after_number, _like_second, FUNCTION))
operator("unsafe_split_with_sizes", custom(
    lambda b: ((b.operand((*b.draw_shape(0, 2), 5)), b.pick(((2, 3), (4, 1))), -1), {}),
    lambda args, attrs: tuple(((*args[0].shape[:-1], n), args[0].dtype) for n in args[1]),
), exact=True, outputs=("first", "second"))  # fmt: skip
operator("unique", custom(lambda b: ((b.operand(),), {})), exact=True, jumps=True, differentiable=False)
operator("unique_consecutive", custom(lambda b: ((b.operand(),), {})), exact=True, jumps=True, differentiable=False)
operator("poisson", unary(POSITIVE, result=keep_dtype, forms=FUNCTION), twice=False, random=True, jumps=True)

operator("asinh.inplace", unary(OFF_GRID, forms=WRITING), twice=False)
operator("acosh.inplace", unary(ABOVE_ONE, forms=WRITING), twice=False)
operator("conj_physical.inplace", unary(result=keep_dtype, forms=WRITING), dtypes=COMPLEX)

# What replaces a tensor's values: by samples, or by one number. The gradient is zero.


def _sampled(**options: tuple[Any, ...]) -> Any:
    return custom(lambda b: ((b.operand(),), draw_options(b, options)), same, WRITING)


for _name, _options in {
    "cauchy": {"median": (0.0, 1.0), "sigma": (1.0, 2.0)},
    "exponential": {"lambd": (1.0, 2.0)},
    "geometric": {"p": (0.5, 0.25)},
    "log_normal": {"mean": (0.0, 1.0), "std": (1.0, 0.5)},
    "normal.inplace": {"mean": (0.0, 1.0), "std": (1.0, 2.0)},
    "uniform": {"from": (0.0, -1.0), "to": (1.0, 2.0)},
    "bernoulli.inplace": {"p": (0.5, 0.25)},
    "random": {},
}.items():
    operator(_name, _sampled(**_options), random=True, twice=False)


def _chances(b: Builder) -> Drawn:
    x = b.operand()
    return (x, b.operand(x.shape, domain=FRACTION)), {}


operator("bernoulli.tensor", custom(_chances, same, WRITING), random=True, twice=False)
operator("zero", custom(lambda b: ((b.operand(),), {}), same, WRITING), dtypes=FLOATING + COMPLEX)
