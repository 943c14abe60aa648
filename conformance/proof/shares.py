"""The whole campaign in shares: each is stored as soon as it is done, so that one that was cut off can be resumed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from ..promises.check import Settings
from .campaign import explained, try_rows
from .faults import find
from .qualify import Effort, Verdict, try_fault
from .reaching import measure_reach
from .trials import Reached

COUNT, ENGINE_COUNT, REAL_COUNT = 109, 16, 60
"""Shares of rows, of the engine's faults, and of the planted ones."""
PATIENCE, BRIEFLY = Effort(within=60.0, matrix=False), Effort(within=12.0, matrix=False)
"""How long a fault is tried, and a control, which no question should ever catch."""
SHUFFLE = 5
EXPLAINED = "explained"
"""Where shares are kept whose survivors were compared with the sound engine."""


@dataclass(frozen=True, slots=True)
class Share:
    """Some rows, or some faults of the engine, or some planted faults and controls."""

    name: str
    rows: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def shares(rows: Sequence[str], engine: Sequence[str], real: Sequence[str] = ()) -> list[Share]:
    """The work divided. Rows are dealt in random order: those that are done at any time are a sample of all."""
    dealt = list(rows)
    random.Random(SHUFFLE).shuffle(dealt)
    parts = [Share(f"real-{k:03}", faults=tuple(real[k::REAL_COUNT])) for k in range(REAL_COUNT)]
    parts += [Share(f"rows-{k:03}", rows=tuple(dealt[k::COUNT])) for k in range(COUNT)]
    parts += [Share(f"engine-{k:02}", faults=tuple(engine[k::ENGINE_COUNT])) for k in range(ENGINE_COUNT)]
    return [part for part in parts if part.rows or part.faults]


@dataclass(frozen=True, slots=True)
class Store:
    """Where finished shares are kept. A share counts as done if it was made with the same settings."""

    folder: Path
    settings: Settings
    draws: int

    def path(self, share: Share) -> Path:
        return self.folder / f"{share.name}.json"

    def key(self, share: Share) -> list[object]:
        return [
            self.settings.profile,
            self.settings.examples,
            self.settings.seed,
            *share.rows,
            *share.faults,
        ]

    def read(self, share: Share) -> list[Verdict] | None:
        """The verdicts of a share that is done, or None."""
        try:
            found = json.loads(self.path(share).read_text(encoding="utf-8"))
            return [Verdict(**line) for line in found["verdicts"]] if found["key"] == self.key(share) else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, share: Share, verdicts: Sequence[Verdict]) -> None:
        body = {"key": self.key(share), "verdicts": [asdict(v) for v in verdicts]}
        self._put(self.path(share), json.dumps(body))

    def reach(self, jobs: int) -> Reached:
        """What sites each question reaches: measured once, and kept."""
        path, key = self.folder / "reach.json", [self.settings.seed]
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["key"] == key:
                sites = [(row, kind, given) for row, kind, given in found["sites"]]
                return {question: [sites[k] for k in passed] for question, passed in found["reach"].items()}
        except (OSError, ValueError, TypeError, KeyError):
            pass
        reach = measure_reach(self.settings, jobs)
        sites = list(dict.fromkeys(site for passed in reach.values() for site in passed))
        places = {site: k for k, site in enumerate(sites)}
        numbered = {question: [places[site] for site in passed] for question, passed in reach.items()}
        self._put(path, json.dumps({"key": key, "sites": sites, "reach": numbered}))
        return reach

    def _put(self, path: Path, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".part")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)


def try_share(share: Share, settings: Settings, reach: Reached) -> list[Verdict]:
    """The verdicts on a share's faults, asked in one process."""
    if share.faults:
        efforts = [(id, BRIEFLY if find(id).control else PATIENCE) for id in share.faults]
        return [try_fault(id, replace(settings, shrink=True), effort) for id, effort in efforts]
    return try_rows(share.rows, settings, 0, (), reach)


def explain_share(share: Share, verdicts: Sequence[Verdict], store: Store, reach: Reached) -> list[Verdict]:
    """A share's verdicts, of survivors with what further programs say of them; stored beside the share."""
    beside = replace(store, folder=store.folder / f"{EXPLAINED}-{store.draws}")
    found = beside.read(share)
    living = {v.fault for v in verdicts if not v.caught}
    if found is None or living != {v.fault for v in found if not v.caught}:
        found = explained(verdicts, store.settings, store.draws, reach)
        beside.write(share, found)
    return found


def explain_shares(
    done: Sequence[tuple[Share, list[Verdict]]], store: Store, jobs: int
) -> Iterator[tuple[str, list[Verdict]]]:
    """(share, its verdicts) with what further programs say of the survivors of rows."""
    reach = store.reach(jobs)
    with ProcessPoolExecutor(jobs) as pool:
        futures = {pool.submit(explain_share, share, verdicts, store, reach): share for share, verdicts in done}
        for future in as_completed(futures):
            yield futures[future].name, future.result()


def run_shares(
    work: Sequence[Share], store: Store, jobs: int, seconds: float | None = None
) -> Iterator[tuple[str, list[Verdict]]]:
    """(share, its verdicts) one after another as they are done; those that are stored come at once. After ``seconds``
    no other is begun."""
    left: list[Share] = []
    for share in work:
        done = store.read(share)
        if done is None:
            left.append(share)
        else:
            yield share.name, done
    if not left or seconds == 0:
        return
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    reach = store.reach(jobs) if any(share.rows for share in left) else {}
    attempt = partial(try_share, settings=store.settings, reach=reach)
    if jobs <= 1:
        for share in left:
            if time.monotonic() > until:
                return
            store.write(share, found := attempt(share))
            yield share.name, found
        return
    with ProcessPoolExecutor(jobs) as pool:
        futures = {pool.submit(attempt, share): share for share in left}
        for future in as_completed(futures):
            store.write(futures[future], future.result())
            yield futures[future].name, future.result()
            if time.monotonic() > until:
                pool.shutdown(cancel_futures=True)
                return
