"""Which places of refgrad the suite's programs reach: a fault where none comes by can't be caught.

Of each question some programs are drawn and run on the sound engine. What the properties of an operator reach together
stands for each of them, since their programs differ in what is done with the result, not in how arguments are drawn.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..backends import Backend, collecting_warnings, load, shown
from ..drawing.build import Builder
from ..drawing.source import Rejected, Stream, mix
from ..promises.check import Settings
from ..promises.questions import Question, questions
from .faults.sites import Reach, Site, keys
from .faults.systematic import faults_of
from .trials import HUGE, Asked, Reached, asked

LEAST, OF_LINE = 5, 100
"""Programs drawn of each question; and of an operator's, where that is more, as many in all."""


def measure_reach(settings: Settings, jobs: int, lines: Sequence[str] = ()) -> Reached:
    """The sites that the programs of each question pass, found in several processes: of all questions but the huge
    ones, or those about some operators."""
    if jobs <= 1:
        found = _reach_part(0, 1, settings, lines)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            parts = pool.map(partial(_reach_part, count=jobs, settings=settings, lines=lines), range(jobs))
            found = {id: sites for part in parts for id, sites in part.items()}
    by_line: dict[str, dict[Site, None]] = {}
    for id, sites in found.items():
        by_line.setdefault(_line_of(id), {}).update(dict.fromkeys(sites))
    return {q.id: list(by_line.get(_line_of(q.id), ())) for q in _asking(lines, True)}


def _line_of(id: str) -> str:
    """What questions have in common: the operator. A clause stands for itself."""
    return id.rpartition("/")[0] if id.startswith("op/") else id


def _asking(lines: Sequence[str], huge: bool) -> list[Question]:
    wanted = tuple(f"op/{name}/" for name in lines) or ("",)
    return [q for q in questions() if q.id.startswith(wanted) and (huge or not q.id.endswith(HUGE))]


def _reach_part(k: int, count: int, settings: Settings, lines: Sequence[str]) -> Reached:
    asking = _asking(lines, False)
    sharing = Counter(_line_of(q.id) for q in asking)
    sound, found = load("refgrad"), Reached()
    with collecting_warnings():
        for question in asking[k::count]:
            known, line = asked(question, settings), _line_of(question.id)
            draws = max(LEAST, -(-OF_LINE // sharing[line]) if question.id.startswith("op/") else LEAST)
            if known.blames:
                found[question.id] = list(_passed(known, sound, settings.seed, min(draws, known.examples)))
    return found


def _passed(known: Asked, sound: Backend, seed: int, draws: int) -> dict[Site, None]:
    """The sites that the first programs of a question pass, or its scenario."""
    reach, sites = Reach(), dict[Site, None]()
    for index in range(draws):
        source = Stream(mix(seed, zlib.crc32(known.id.encode()), index))
        try:
            if known.scene is not None:
                data = known.scene.draw(Builder(source))
                with reach:
                    shown(sound, known.scene.run, data)
            elif known.draw is not None:
                program = known.draw(source)
                with reach:
                    sound.execute(program)
        except Rejected:
            continue
        sites.update(dict.fromkeys(reach.events))
    return sites


@dataclass(slots=True)
class Reaching:
    """By site: how many faults it has, and the questions whose programs reach it."""

    faults: Counter[Site] = field(default_factory=Counter)
    questions: dict[Site, list[str]] = field(default_factory=dict)

    @property
    def unreached(self) -> list[Site]:
        return [site for site in self.faults if not self.questions.get(site)]

    def summary(self) -> dict[str, Any]:
        """What is stored: the totals, and by site its faults and the first questions that reach it."""
        sites = [
            {"site": shown_site(site), "faults": count, "questions": self.questions.get(site, [])[:5]}
            for site, count in self.faults.items()
        ]
        out = self.unreached
        totals = {"sites": len(self.faults), "faults": self.faults.total(), "unreached": len(out)}
        return {"type": "reach", **totals, "unreached_faults": sum(self.faults[s] for s in out), "by_site": sites}

    def lines(self) -> Iterator[str]:
        """The unreached sites, and the totals."""
        for site in self.unreached:
            yield f"  unreached: {shown_site(site)}: {self.faults[site]} faults"
        found = self.summary()
        yield (
            f"{found['unreached']} of {found['sites']} sites, {found['unreached_faults']} of {found['faults']} faults, "
            "are reached by no program"
        )

    def text(self) -> str:
        return json.dumps(self.summary(), indent=1) + "\n"


def shown_site(site: Site) -> str:
    """A site as the ids of its faults begin."""
    row, kind, given = site
    return f"{row}/{kind}.{given}" if given else f"{row}/{kind}"


def reaching(rows: Iterable[str], settings: Settings, jobs: int) -> Reaching:
    """Which sites of some rows, or of all, the suite reaches. Raises LookupError for an unknown row."""
    known = list(keys().values())
    wanted = list(rows) or known
    for name in wanted:
        if name not in known:
            raise LookupError(f"no row {name!r}; rows have the names of their nodes, such as MulBackward0")
    found = Reaching(Counter(fault.site for name in wanted for fault in faults_of(name)))
    for question, sites in measure_reach(settings, jobs).items():
        for site in sites:
            if site in found.faults and not question.endswith(HUGE):
                found.questions.setdefault(site, []).append(question)
    return found
