"""Neural-network functions."""

from __future__ import annotations

from ..drawing.domains import NONZERO, special
from . import operator
from .arguments import unary

operator("relu", unary(NONZERO), kinks=special(0.0), exact=True)
