"""Linear algebra."""

from __future__ import annotations

from . import NUMERIC, operator
from .arguments import matrix_product

operator("matmul", matrix_product((1, 4), (1, 4)), dtypes=NUMERIC, contraction=True, graph="free", symbol="@")
operator("mm", matrix_product((2, 2), (2, 2)), dtypes=NUMERIC, contraction=True)
