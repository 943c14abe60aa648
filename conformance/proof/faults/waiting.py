"""Real faults of the inventory that are not planted, and why."""

from __future__ import annotations

WAITING: dict[str, str] = {
    "index_put_dup": "no promise: which of repeated writes stays is undefined, by the documentation",
}
