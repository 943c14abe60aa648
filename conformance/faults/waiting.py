"""Real faults of the inventory that are not planted, and why."""

from __future__ import annotations

WAITING: dict[str, str] = {
    "index_put_dup": "no promise: which of repeated writes stays is undefined, by the documentation",
    "warp_alias": "rebinding of names in a branch: Python's own affair on an engine that runs as it is called",
}
