"""The whole campaign in shares: each is stored as soon as it is done, so that one that was cut off can be resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .campaign import measure_reach, try_rows
from .check import Settings
from .qualify import Effort, Verdict, try_fault
from .trials import Reached

COUNT, ENGINE_COUNT = 64, 16
"""Shares of rows, and of the engine's faults."""
PATIENCE = Effort(within=120.0, matrix=False)


@dataclass(frozen=True, slots=True)
class Share:
    """Some rows, or some faults of the engine."""

    name: str
    rows: tuple[str, ...] = ()
    engine: tuple[str, ...] = ()


def shares(rows: Sequence[str], engine: Sequence[str]) -> list[Share]:
    """The work divided; the engine's faults, which take longest, come first."""
    parts = [Share(f"engine-{k:02}", engine=tuple(engine[k::ENGINE_COUNT])) for k in range(ENGINE_COUNT)]
    parts += [Share(f"rows-{k:02}", rows=tuple(rows[k::COUNT])) for k in range(COUNT)]
    return [part for part in parts if part.rows or part.engine]


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
            self.draws,
            *share.rows,
            *share.engine,
        ]

    def read(self, share: Share) -> list[Verdict] | None:
        """The verdicts of a share that is done, or None."""
        try:
            found = json.loads(self.path(share).read_text(encoding="utf-8"))
            return [Verdict(**line) for line in found["verdicts"]] if found["key"] == self.key(share) else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, share: Share, verdicts: Sequence[Verdict]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        body = {"key": self.key(share), "verdicts": [asdict(v) for v in verdicts]}
        scratch = self.path(share).with_suffix(".part")
        scratch.write_text(json.dumps(body), encoding="utf-8")
        scratch.replace(self.path(share))


def try_share(share: Share, settings: Settings, draws: int, reach: Reached) -> list[Verdict]:
    """The verdicts on a share's faults, asked in one process."""
    if share.engine:
        return [try_fault(id, replace(settings, shrink=True), PATIENCE) for id in share.engine]
    return try_rows(share.rows, settings, draws, (), reach)


def run_shares(work: Sequence[Share], store: Store, jobs: int) -> Iterator[tuple[str, list[Verdict]]]:
    """(share, its verdicts) one after another as they are done; those that are stored come at once."""
    left: list[Share] = []
    for share in work:
        done = store.read(share)
        if done is None:
            left.append(share)
        else:
            yield share.name, done
    if not left:
        return
    reach = measure_reach(store.settings, jobs)
    with ProcessPoolExecutor(max(jobs, 1)) as pool:
        futures = {pool.submit(try_share, share, store.settings, store.draws, reach): share for share in left}
        for future in as_completed(futures):
            store.write(futures[future], future.result())
            yield futures[future].name, future.result()
