"""Clauses that kill no generated fault (``guarding``), and why. The list may only shrink."""

from __future__ import annotations

IDLE: dict[str, str] = {
    "gradcheck.complex": "no case counts: where it was tried, refgrad itself differs from the oracle",
    "node.creation-hook": "no case counts: where it was tried, refgrad itself differs from the oracle",
    "op.det-singular": "no case counts: PyTorch is wrong at singular matrices, so refgrad differs from it",
}
