"""Real faults of the inventory that are not planted, and why."""

from __future__ import annotations

WAITING: dict[str, str] = {
    "norm_hessian0": "refgrad has it too: of a norm, 0 is the slope at 0, as in PyTorch, and a constant",
    "index_put_dup": "no promise: which of repeated writes stays is undefined, by the documentation",
}
