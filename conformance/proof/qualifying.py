"""The command ``refgrad qualify``: which faults are planted, and what is stored and shown of the verdicts."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..promises.check import Settings
from . import against, campaign, guarding, scoring, shares
from .faults import QUICK, entries, find
from .faults.passes import FAULTS as ENGINE
from .faults.systematic import MEANINGS, systematic
from .qualify import QUICK as QUICK_EFFORT
from .qualify import Effort, Verdict, qualify
from .ruling import Ruling, rulings
from .ruling import lines as ruling_lines
from .ruling import summary as ruling_summary
from .sampling import sample

QUICK_ROWS = ("MulBackward0", "ExpBackward0", "SumBackward1", "MmBackward0", "CumsumBackward0", "MaximumBackward0")
"""The rows whose systematic faults are part of the quick form: pointwise, reducing, contracting, scanning, tied."""
QUICK_LINES = ("mul", "exp", "sum.dim", "mm", "cumsum", "maximum")


ALL = {"planted": 1.0, "systematic": 1.0}
FLOORS = {"quick": {"planted": 1.0, "systematic": 0.97}, "standard": {"planted": 0.98, "systematic": 0.68}}
"""The least share of faults caught that each form must reach: they follow the best run, and a drop fails."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked for. ``faults``: ids, or names of rows where ``systematic``; ``draws``: programs on
    which each surviving systematic fault is compared with the sound engine; ``against``: try the usual checks too;
    ``full``: planted and generated faults; ``share``: ``k/n``, one part of n of the whole campaign; ``seconds``: after
    these no share is begun; ``jax``: an interpreter that has JAX; ``guards``: ask which clauses kill
    nothing; ``arbiter``: try the arbiter on the oracle's recorded faults; ``folder``: where finished shares are kept."""

    faults: tuple[str, ...] = ()
    quick: bool = False
    systematic: bool = False
    kind: str | None = None
    jobs: int = 2
    seed: int = 0
    draws: int = 0
    against: bool = False
    full: bool = False
    share: str = "0/1"
    seconds: float | None = None
    jax: str | None = None
    guards: bool = False
    arbiter: bool = False
    folder: Path = Path("conformance-report/qualify")


@dataclass(slots=True)
class Qualification:
    """The verdicts on real faults and controls, and those on systematic faults."""

    settings: Settings
    real: list[Verdict] = field(default_factory=list)
    systematic: list[Verdict] = field(default_factory=list)
    comparisons: list[against.Comparison] = field(default_factory=list)
    bars: dict[str, float] = field(default_factory=lambda: ALL)
    guards: dict[str, Any] = field(default_factory=dict)
    rulings: list[Ruling] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a control was blamed, or the oracle, or a score is below its floor."""
        found = scoring.score(self.real)
        return bool(found["blamed_controls"] or found["oracle_blamed"] or any(low for _, low in self.floors()))

    def floors(self) -> Iterator[tuple[str, bool]]:
        """A line for each score beside its floor, and whether it is below. Faults that were asked for by name must all
        be caught."""
        for name, verdicts in (("planted", self.real), ("systematic", self.systematic)):
            counted = [v for v in verdicts if not v.control and not v.lacks]
            counted = [v for v in counted if v.caught or not v.message.startswith(campaign.EQUIVALENT)]
            if counted:
                share, floor = sum(v.caught for v in counted) / len(counted), self.bars[name]
                words = f"{name} faults: {100 * share:.2f} % caught, the floor is {100 * floor:.2f} %"
                yield words + (": BELOW" if share < floor else ": held"), share < floor

    def write(self, path: Path) -> None:
        """Stores scores, matrices and verdicts as JSON."""
        body = scoring.record(self.real, self.settings)
        if self.systematic:
            body["systematic"] = summary(self.systematic)
        self._add_parts(body)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body, indent=1) + "\n")

    def _add_parts(self, body: dict[str, Any]) -> None:
        others = {c.fault: c.caught for c in self.comparisons}
        for line in body["faults"]:
            line["others"] = others.get(line["id"], {})
        if self.comparisons:
            mine = {v.fault: v for v in (*self.real, *self.systematic)}
            body["against"] = against.totals(self.comparisons, mine)
        if self.guards:
            body["guards"] = self.guards
        if self.rulings:
            body["arbiter"] = ruling_summary(self.rulings)

    def write_table(self, path: Path) -> None:
        """Stores what the page and the README show: scores by class, what caught each fault, no list of survivors."""
        kept = ("id", "class", "control", "programs", "seconds", "steps", "elements", "minimal", "caught", "others")
        body = scoring.record(self.real, self.settings)
        self._add_parts(body)
        del body["matrix"]
        body["faults"] = [
            {name: line[name] for name in kept} | {"caught": line["caught"][:5]} for line in body["faults"]
        ]
        if self.systematic:
            body["systematic"] = {k: v for k, v in summary(self.systematic).items() if k != "survivors"}
        if self.guards:
            body["guards"] = {k: v for k, v in self.guards.items() if k != "kills"}
        path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")

    def lines(self) -> Iterator[str]:
        """The tables for the terminal."""
        if self.real:
            yield from scoring.lines(self.real)
        if self.systematic:
            yield from systematic_lines(summary(self.systematic))
        yield from (words for words, _ in self.floors())
        if self.comparisons:
            mine = {v.fault: v for v in (*self.real, *self.systematic)}
            yield from against.lines(against.totals(self.comparisons, mine))
        if self.guards:
            yield from guarding.lines(self.guards)
        if self.rulings:
            yield from ruling_lines(self.rulings)


def run(options: Options) -> Qualification:
    """Plants what was asked for. Raises LookupError for an unknown fault or row."""
    settings = Settings("quick" if options.quick else "standard", 8 if options.quick else 50, options.seed)
    done = Qualification(settings, bars=ALL if options.faults else FLOORS["quick" if options.quick else "standard"])
    if options.full:
        _all(options, done)
    else:
        _some(options, done)
    if options.against:
        faults = [v for v in done.real if not v.control and not v.lacks]
        done.comparisons = against.compare_all([(v.fault, v.caught_by) for v in faults], options.jobs, options.jax)
    if options.guards:
        done.guards = guarding.summary(guarding.resumed(options.folder / "guards.jsonl", options.seed, options.seconds))
    if options.arbiter:
        done.rulings = list(rulings(Settings("standard", 50, options.seed)))
    return done


def _some(options: Options, done: Qualification) -> None:
    if not options.systematic or (options.quick and not options.faults):
        effort = QUICK_EFFORT if options.quick else Effort()
        done.real = qualify(_chosen(options), done.settings, options.jobs, effort)
    if options.systematic or (options.quick and not options.faults and options.kind is None):
        standard = Settings("standard", 50, options.seed)
        lines = QUICK_LINES if not options.faults else ()
        done.systematic = campaign.campaign(_rows(options), standard, options.jobs, options.draws, lines)


def _all(options: Options, done: Qualification) -> None:
    """The campaign in shares, each stored when it is done."""
    k, _, n = options.share.partition("/")
    work = shares.shares(campaign.all_rows(), list(ENGINE), list(entries()))[int(k) :: int(n)]
    store = shares.Store(options.folder, done.settings, options.draws)
    by_name, rows = {share.name: share for share in work}, list[tuple[shares.Share, list[Verdict]]]()
    for name, verdicts in shares.run_shares(work, store, options.jobs, options.seconds):
        (done.real if name.startswith("real") else done.systematic).extend(verdicts)
        print(f"{name}: {sum(v.caught for v in verdicts)} of {len(verdicts)} caught", file=sys.stderr, flush=True)
        rows += [(by_name[name], verdicts)] if name.startswith("rows") else []
    if options.draws:
        said: dict[str, Verdict] = {}
        for name, verdicts in shares.explain_shares(rows, store, options.jobs):
            said.update((v.fault, v) for v in verdicts)
            print(f"{name}: survivors compared", file=sys.stderr, flush=True)
        done.systematic = [said.get(v.fault, v) for v in done.systematic]
    places = {id: k for k, id in enumerate(entries())}
    done.real.sort(key=lambda v: places[v.fault])
    done.systematic.sort(key=lambda v: v.fault)


def _chosen(options: Options) -> list[str]:
    """The ids to plant: those asked for, else the quick form's, else all."""
    some = QUICK if options.quick and options.kind is None else entries()
    chosen = [find(id).id for id in options.faults or some]
    return [id for id in chosen if options.kind is None or find(id).kind == options.kind]


def _rows(options: Options) -> list[str]:
    known = campaign.all_rows()
    asked = options.faults or (QUICK_ROWS if options.quick else known)
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise LookupError(f"no row {unknown[0]!r}; rows have the names of their nodes, such as MulBackward0")
    return list(asked)


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The score of systematic faults: by class, by class and property, and every survivor with its reason."""
    survivors = [v for v in verdicts if not v.caught]
    equivalent = sum(v.message.startswith(campaign.EQUIVALENT) for v in survivors)
    by_property: dict[str, Counter[str]] = {}
    for v in verdicts:
        if v.caught:
            by_property.setdefault(v.kind, Counter())[scoring.column(v.caught_by[0])] += 1
    return {
        "generated": generated(),
        "sample": sample(verdicts),
        "planted": len(verdicts),
        "caught": len(verdicts) - len(survivors),
        "equivalent": equivalent,
        "classes": scoring.by_class(verdicts),
        "meanings": MEANINGS,
        "matrix": {kind: dict(counts) for kind, counts in sorted(by_property.items())},
        "reasons": dict(Counter(_reason(v) for v in survivors).most_common()),
        "survivors": [{"id": v.fault, "class": v.kind, "reason": v.message} for v in survivors],
    }


def generated() -> int:
    """How many faults there are by rule."""
    return len(systematic()) + len(ENGINE)


def _reason(v: Verdict) -> str:
    """The reason of a survivor without its numbers and its particulars."""
    return re.sub(r"\d", "n", re.sub(r" in \d+ programs.*", "", v.message.partition(": ")[0]))


def systematic_lines(found: dict[str, Any]) -> Iterator[str]:
    """The table of systematic faults: classes with their medians, then why the survivors survived."""
    yield f"{'class':<24} {'caught':>12} {'programs':>9} {'seconds':>8} {'steps':>6} {'elements':>8}"
    for kind, row in found["classes"].items():
        cells = [row[name] if row[name] is not None else "-" for name in ("programs", "seconds", "steps", "elements")]
        count = f"{row['caught']} of {row['planted']}"
        yield f"{kind:<24} {count:>12} {cells[0]:>9} {cells[1]:>8} {cells[2]:>6} {cells[3]:>8}"
    for survivor in found["survivors"][:40]:
        yield f"  survived: {survivor['id']}: {survivor['reason']}"
    for reason, count in found["reasons"].items():
        yield f"  {count} survived: {reason}"
    if found["planted"] < found["generated"]:
        low, high = (100 * bound for bound in found["sample"]["interval"])
        yield f"a sample of {found['sample']['rows']} rows, {found['planted']} of {found['generated']} faults: "
        yield f"95 % interval {low:.2f} to {high:.2f} %"
    share = found["caught"] / max(found["planted"] - found["equivalent"], 1)
    yield (
        f"{found['caught']} of {found['planted']} systematic faults caught, {found['equivalent']} equivalent: "
        f"{100 * share:.2f} % of the others"
    )
