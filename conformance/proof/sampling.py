"""What a sample of the generated faults says of all of them: rows are drawn at random, with all their faults."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from .campaign import EQUIVALENT
from .qualify import Verdict

RESAMPLED = 1000


def sample(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """How many rows were tried, and the 95 % interval of the share caught, equivalent ones apart: rows, which have
    their faults in common, are drawn anew from those tried."""
    by_row: dict[str, list[int]] = {}
    for v in verdicts:
        if v.caught or not v.message.startswith(EQUIVALENT):
            counts = by_row.setdefault(row_of(v.fault), [0, 0])
            counts[0] += v.caught
            counts[1] += 1
    return {"rows": len(by_row), "interval": interval(list(by_row.values()))}


def row_of(fault: str) -> str:
    """The row of a generated fault; faults of the engine stand each for itself."""
    _, row, rest = fault.split("/", 2) if fault.count("/") > 1 else ("", fault, "")
    return rest if row == "engine" else row


def interval(rows: Sequence[Sequence[int]]) -> tuple[float, float]:
    """The middle 95 % of the shares that samples of as many rows have."""
    if not rows:
        return 0.0, 1.0
    draw, shares = random.Random(0), list[float]()
    for _ in range(RESAMPLED):
        drawn = draw.choices(rows, k=len(rows))
        shares.append(sum(caught for caught, _ in drawn) / max(sum(count for _, count in drawn), 1))
    shares.sort()
    return round(shares[RESAMPLED // 40], 5), round(shares[-RESAMPLED // 40 - 1], 5)
