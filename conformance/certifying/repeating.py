"""The findings that are checked in for an engine, shown again in the engine's own environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..recording.record import Record

SECONDS = 120


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding: ``status`` is the judge's word now, ``said`` the last words of its script."""

    results: tuple[str, ...]
    status: str
    said: str

    @property
    def holds(self) -> bool:
        return self.status == "different"


def is_summary(path: Path) -> bool:
    """Whether a file is an engine's checked-in summary."""
    from .engine_table import BadSummary, read_one

    try:
        return bool(read_one(path))
    except BadSummary:
        return False


def repeat(record: Record, backend: str, oracle: str, python: str | None) -> Iterator[Shown]:
    """Judges each stored program again, and runs each stored script under the engine's interpreter."""
    from ..searching.search import DEATHS
    from .replaying import ReplayError, engines, replay

    for cause in record["causes"]:
        results = tuple(map(str, cause["results"]))
        status = "not replayable"
        if cause.get("program") is not None:
            if cause["kind"] in DEATHS:
                engines.cache_clear()  # What killed a process may hang on what was in its memory: a fresh one is asked.
            finding = {"id": results[0], "result": results[0], "program": cause["program"]}
            try:
                status = replay(finding, backend, oracle, python).status
            except ReplayError as error:
                status = f"not replayable: {error}"
        yield Shown(results, status, _said(cause, python))


def _said(cause: dict[str, Any], python: str | None) -> str:
    """The last line that a finding's script leaves, or how it ended."""
    from ..backends.wire.client import lent

    package = Path(__file__).parents[1].absolute()
    variables = {**os.environ, "PYTHONPATH": lent(str(package))}
    words = [python or sys.executable, "-W", "ignore", "-c", str(cause["script"])]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", env=variables, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end within {SECONDS} s"
    said = (done.stdout or done.stderr).strip().splitlines()
    ended = f"ended by signal {-done.returncode}" if done.returncode < 0 else ""
    return ended or (said[-1][:160] if said else "")
