"""Neural-network functions."""

from __future__ import annotations

from ..domains import NONZERO, special
from . import operator
from .arguments import along_dim, unary

operator("relu", unary(NONZERO), kinks=special(0.0), exact=True)
operator("softmax", along_dim())
operator("log_softmax", along_dim())
operator(
    "nn.functional.leaky_relu",
    unary(NONZERO, forms=("function",), negative_slope=(0.5, 0.01, 2.0)),
    kinks=special(0.0),
)
operator("nn.functional.softplus", unary(forms=("function",), beta=(1.0, 2.0), threshold=(20.0,)))
