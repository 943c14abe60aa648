"""The lines of results.jsonl, format 1, as plain dicts."""

from __future__ import annotations

import platform
import sys
import time
from collections import Counter
from typing import Any

from .. import __version__
from ..backends import Backend
from ..searching.search import Tally
from .record import digest

FORMAT = 1


def run_line(
    backend: Backend, oracle: Backend, profile: str, seed: int, selection: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The first line: who was judged by whom, where and when. ``selection``: what was asked for, to ask again."""
    return {
        "type": "run",
        "format": FORMAT,
        "suite": __version__,
        "backend": {
            "name": backend.name,
            "version": backend.version,
            "family": backend.family,
            "compiles": getattr(backend, "compiles", "no"),
            "claims": sorted(backend.claims),
        },
        "oracle": {"name": oracle.name, "version": oracle.version},
        "profile": profile,
        "seed": seed,
        "selection": selection or {},
        "platform": platform.platform(),
        "python": sys.version.split()[0],
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def result_line(identity: dict[str, Any], status: str, tally: Tally, headroom: float | None) -> dict[str, Any]:
    """One clause or one operator's property. ``identity``: id, kind, area or family, operator, property, sentence …"""
    return {
        "type": "result",
        **identity,
        "status": status,
        "programs": tally.programs,
        "witnessed": tally.witnessed,
        "filtered": tally.filtered,
        "unclaimed": tally.unclaimed,
        "ill_posed": tally.ill_posed,
        "unspecified": tally.unspecified,
        "seconds": round(tally.seconds, 6),
        "digest": tally.digest,
        "needs": sorted(tally.needs),
        "findings": [],
        "seen": tally.seen.record(),
        "headroom": headroom,
        "message": None,
    }


def end_line(results: list[dict[str, Any]], findings: list[dict[str, Any]], started: float) -> dict[str, Any]:
    """The last line; its absence says that the run was cut. The digest doesn't depend on the order of the results."""
    programs = sum(r["programs"] for r in results)
    busy = sum(r["seconds"] for r in results)
    return {
        "type": "end",
        "digest": digest([*results, *findings]),
        "counts": dict(Counter(r["status"] for r in results)),
        "programs": programs,
        "seconds": round(time.time() - started, 3),
        "rate": round(programs / busy, 1) if busy else 0.0,
    }
