"""The arbiter: who is right about a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .compare import Divergence
from .program import Program

VERDICTS = ("backend", "oracle", "both", "convention", "undecided")


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict and the evidence for it (None: no computation was needed)."""

    verdict: str
    evidence: dict[str, Any] | None


def arbitrate(program: Program, found: Divergence, convention: bool = False) -> Opinion:
    """Semantics are the oracle's to say; a value is mathematics'."""
    if convention:
        return Opinion("convention", None)
    if found.kind != "value":
        return Opinion("backend", None)
    return Opinion("undecided", None)
