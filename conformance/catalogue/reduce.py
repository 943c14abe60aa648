"""Reductions and cumulative operators."""

from __future__ import annotations

from ..domains import DISTINCT, NONZERO, special
from . import NUMERIC, operator
from .arguments import along_dim, reduction


def to_index(dtype: str) -> str:
    """The dtype of positions."""
    return "int64"


def same(dtype: str) -> str:
    return dtype


operator("sum", reduction("all"), dtypes=NUMERIC, contraction=True)
operator("sum.dim", reduction("many"), dtypes=NUMERIC, contraction=True)
operator("mean", reduction("all"), dtypes=NUMERIC, contraction=True)
operator("mean.dim", reduction("many"), dtypes=NUMERIC, contraction=True)
operator("prod", reduction("all", NONZERO), kinks=special(0.0), contraction=True)
operator("prod.dim", reduction("one", NONZERO), kinks=special(0.0), contraction=True)
operator("logsumexp", reduction("many", empty=False), kinks=special(float("-inf")))
operator("var.dim", reduction("many", DISTINCT, empty=False, correction=(0,)), contraction=True)
operator(
    "max.dim",
    reduction("one", DISTINCT, empty=False, outputs=(same, to_index)),
    kinks=special(1.0),
    outputs=("values", "indices"),
    exact=True,
    jumps=True,
)
operator("amax", reduction("many", DISTINCT, empty=False), kinks=special(1.0), exact=True, jumps=True)
operator("cumsum", along_dim(), dtypes=NUMERIC, contraction=True)
operator("cumprod", along_dim(NONZERO), kinks=special(0.0), contraction=True)
