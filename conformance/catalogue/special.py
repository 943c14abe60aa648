"""Special functions: of torch and of torch.special."""

from __future__ import annotations

from ..drawing.domains import ABOVE_ONE, FRACTION, NONZERO, POSITIVE, REAL, UNIT, special
from ..programs.leafdata import FLOATING
from . import operator
from .arguments import Drawn, binary, custom, divided, to_floating, unary

WIDE = ("float32", "float64")
FUNCTION = ("function",)

operator("erf", unary())
operator("erfc", unary())
operator("erfinv", unary(UNIT), kinks=special(1.0, -1.0))
operator("lgamma", unary(POSITIVE), kinks=special(0.0))
operator("digamma", unary(POSITIVE))
operator("i0", unary())
operator("xlogy", binary(NONZERO, POSITIVE, infer=divided), kinks=special(0.0))
operator("logit", unary(FRACTION, eps=(None, 0.25)), kinks=special(0.0, 1.0, 0.25, 0.75))


def _ordered(path_first: bool) -> object:
    def draw(b: object) -> Drawn:
        order = b.choose(4)  # type: ignore[attr-defined]
        x = b.operand(domain=POSITIVE)  # type: ignore[attr-defined]
        return ((order, x) if path_first else (x, order + 1)), {}

    return custom(draw, lambda args, attrs: _shape_of(args), FUNCTION)


def _shape_of(args: tuple[object, ...]) -> object:
    x = next(a for a in args if hasattr(a, "shape"))
    return ((x.shape, to_floating(x.dtype)),)  # type: ignore[attr-defined]


operator("polygamma", _ordered(True))  # type: ignore[arg-type]
operator("mvlgamma", unary(ABOVE_ONE, p=(1, 2)))

for _name, _domain, _dtypes in (
    ("entr", POSITIVE, FLOATING), ("erfcx", REAL, WIDE), ("i0e", NONZERO, FLOATING), ("i1", REAL, WIDE),
    ("i1e", NONZERO, WIDE), ("log_ndtr", REAL, WIDE), ("ndtri", FRACTION, WIDE),
):  # fmt: skip
    operator(f"special.{_name}", unary(_domain, forms=FUNCTION), dtypes=_dtypes, kinks=special(0.0))
operator("special.ndtr", unary(forms=FUNCTION), graph="free")
operator("special.polygamma", _ordered(True))  # type: ignore[arg-type]
operator("special.xlog1py", binary(NONZERO, POSITIVE, infer=divided, forms=FUNCTION), kinks=special(0.0, -1.0))
