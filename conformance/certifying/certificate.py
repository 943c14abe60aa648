"""A certificate: what one run entitles an engine to say, profile by profile, as JSON that anyone can replay."""

from __future__ import annotations

from collections.abc import Iterable

from ..recording.causes import causes
from ..recording.record import FINDING_STATUSES, Record, Run, digest

FORMAT = 1
PROFILES = (
    "values",
    "reverse",
    "tape",
    "mutation",
    "higher-order",
    "forward",
    "hooks",
    "functional",
    "conventions",
)


def certify(run: Run) -> Record:
    """The certificate of a run. A run that was cut certifies nothing: its profiles are at best ``incomplete``."""
    header = run.header
    names = [*PROFILES, *sorted({_profile(result) for result in run.results.values()} - set(PROFILES))]
    return {
        "format": FORMAT,
        "suite": header.get("suite"),
        "backend": {key: header["backend"].get(key) for key in ("name", "version", "family")},
        "oracle": {key: header["oracle"].get(key) for key in ("name", "version")},
        "examples": header.get("profile"),
        "seed": header.get("seed"),
        "platform": header.get("platform"),
        "started": header.get("started"),
        "complete": run.complete,
        "digest": digest(run.records()),
        "selection": header.get("selection"),
        "findings": [cause.record() for cause in causes(run)],
        "profiles": {name: _judge(run, name) for name in names},
    }


def _profile(result: Record) -> str:
    return str(result.get("profile") or "values")


def _judge(run: Run, profile: str) -> Record:
    results = [result for result in run.results.values() if _profile(result) == profile]
    groups = {
        "certified": _ids(results, ("pass",)),
        "failed": _ids(results, FINDING_STATUSES),
        "known": _ids(results, ("known",)),
        "convention": _ids(results, ("convention",)),
        "not_claimed": _ids(results, ("not-claimed", "not-applicable")),
        "not_judged": _ids(results, ("ill-posed", "unspecified", "harness-error")),
    }
    return {"verdict": _verdict(groups, run.complete), **groups}


def _ids(results: Iterable[Record], statuses: Iterable[str]) -> list[str]:
    wanted = frozenset(statuses)
    return sorted(str(result["id"]) for result in results if result["status"] in wanted)


def _verdict(groups: dict[str, list[str]], complete: bool) -> str:
    if groups["failed"]:
        return "failed"
    if not (groups["certified"] or groups["not_judged"] or groups["known"] or groups["convention"]):
        return "not-claimed"
    if groups["not_judged"] or not complete:
        return "incomplete"
    if groups["convention"]:
        return "convention"
    return "certified" if groups["certified"] else "not-claimed"
