"""Comparison of two traces of one program: the first fact that differs, among those both engines claim."""

from __future__ import annotations

from .divergence import Divergence, Place
from .facts import FACTS, compare
from .tolerance import Allowance, Closeness

__all__ = ["FACTS", "Allowance", "Closeness", "Divergence", "Place", "compare"]
