"""Operators that make tensors from others' shapes."""

from __future__ import annotations

from . import operator
from .arguments import keep_dtype, unary

operator("zeros_like", unary(result=keep_dtype, forms=("function",)), exact=True, differentiable=False)
operator("ones_like", unary(result=keep_dtype, forms=("function",)), exact=True, differentiable=False)
