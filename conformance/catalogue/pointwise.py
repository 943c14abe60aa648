"""Pointwise operators."""

from __future__ import annotations

from ..domains import NONZERO, OFF_GRID, POSITIVE, REAL, UNIT, special
from ..leafdata import FLOATING
from . import NUMERIC, operator
from .arguments import binary, chosen, compared, divided, keep_dtype, unary

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
operator("maximum", binary(OFF_GRID, NONZERO, scalars=False), kinks=special(1.0), exact=True)
operator("where", chosen(), exact=True)
operator(
    "gt", binary(OFF_GRID, NONZERO, infer=compared), kinks=special(1.0), exact=True, jumps=True, differentiable=False
)
