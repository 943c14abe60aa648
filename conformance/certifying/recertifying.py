"""Whether a certificate still holds: the same run again, and what it says now."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..recording.record import Record
from .certificate import certify
from .run import Options, UsageError
from .run import certify as run_suite

_GROUPS = ("certified", "failed", "known", "convention", "not_claimed", "not_judged")


@dataclass(frozen=True, slots=True)
class Repetition:
    """``changed``: (id, what it was, what it is). ``same_programs``: the same draws and verdicts, by the digest."""

    changed: list[tuple[str, str, str]]
    same_programs: bool

    @property
    def holds(self) -> bool:
        return not self.changed


def is_certificate(path: Path) -> bool:
    """Whether a file is a certificate, not a results file."""
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")).get("profiles"), dict)
    except (OSError, ValueError, AttributeError):
        return False


def read_certificate(path: Path) -> Record:
    """A certificate. Raises UsageError, in one line, where it isn't one of this release's."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    named = all(isinstance((stored.get(side) or {}).get("name"), str) for side in ("backend", "oracle"))
    grouped = all(isinstance(group, dict) for group in stored["profiles"].values())
    if stored.get("format") != 1 or not named or not grouped or not isinstance(stored.get("seed"), int):
        raise UsageError(f"{path}: not a certificate of format 1")
    return stored


def repeat(stored: Record, backend: str, oracle: str, python: str | None, workers: str | None = None) -> Repetition:
    """Runs what a certificate states again, as drawn then. Raises UsageError where it can't be run."""
    selection = stored.get("selection") or {}
    with tempfile.TemporaryDirectory() as folder:
        options = Options(
            backend=backend,
            oracle=oracle,
            profile=str(stored.get("examples")),
            examples=selection.get("examples"),
            seed=stored["seed"],
            known=None,
            keyword=selection.get("keyword"),
            workers=workers,
            output=Path(folder),
            quiet=True,
            more=(),
            python=python,
        )
        run, _ = run_suite(options)
    return compare(stored, certify(run))


def compare(stored: Record, fresh: Record) -> Repetition:
    """What changed from one certificate to another, id by id."""
    before, after = _verdicts(stored), _verdicts(fresh)
    changed = [
        (name, before.get(name, "absent"), after.get(name, "absent"))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return Repetition(changed, stored.get("digest") == fresh["digest"])


def _verdicts(certificate: Record) -> dict[str, str]:
    profiles = certificate["profiles"].values()
    return {name: kind for group in profiles for kind in _GROUPS for name in group.get(kind, ())}
