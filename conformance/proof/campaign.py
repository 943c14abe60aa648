"""A campaign: all systematic faults of a set of rows, tried in several processes, each with rows of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import groupby

from ..backends import collecting_warnings, load
from ..promises.check import Settings
from ..promises.questions import Question, questions
from ..searching.search import smallest
from .equivalence import DRAWS, Comparator
from .faults.differing import FaultJudge
from .faults.fault import Broken, Fault
from .faults.sites import keys
from .faults.systematic import SiteFault, faults_of, systematic_fault
from .qualify import Verdict, is_minimal, measure
from .trials import OBSERVATION, Bench, Kill, Reached, asked, site_of

SAMPLE = 211
"""One in so many caught faults has its failing program shrunk."""
LONGEST_LOG = 2000
EQUIVALENT, UNREACHED = "equivalent", "no program reaches the site"


def all_rows() -> list[str]:
    """Every differentiable row's name."""
    return list(keys().values())


def campaign(
    rows: Sequence[str], settings: Settings, jobs: int = 2, draws: int = DRAWS, lines: Sequence[str] = ()
) -> list[Verdict]:
    """The verdicts on all systematic faults of the rows, asked about these operators or all; survivors are compared on
    ``draws`` further programs."""
    if jobs <= 1:
        return try_rows(rows, settings, draws, lines)
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(try_rows, rows[k::jobs], settings, draws, lines) for k in range(jobs)]
        return [verdict for future in futures for verdict in future.result()]


def try_rows(
    rows: Sequence[str],
    settings: Settings,
    draws: int = DRAWS,
    lines: Sequence[str] = (),
    reach: Reached | None = None,
) -> list[Verdict]:
    """The verdicts on the faults of some rows, asked in one process."""
    faults = [fault for name in rows for fault in faults_of(name)]
    bench, ask = Bench(faults, settings), operator_questions(lines)
    bench.ask(ask, reach)
    reasons = _survivors(bench, ask, settings, draws) if draws else {}
    verdicts = [_verdict(bench, fault, reasons) for fault in faults]
    caught = [(v, f) for v, f in zip(verdicts, faults) if v.caught and _can_shrink(bench.kills[f.id])]
    for verdict, fault in caught[::SAMPLE] if settings.shrink else []:
        shrink_into(verdict, fault, bench.kills[fault.id], settings)
    return verdicts


def operator_questions(lines: Sequence[str] = ()) -> list[Question]:
    """What a row's faults are asked: the questions about these operators; or all questions, of operators first."""
    wanted = tuple(f"op/{name}/" for name in lines) or ("",)
    return [question for question in questions() if question.id.startswith(wanted)]


def _survivors(bench: Bench, ask: Sequence[Question], settings: Settings, draws: int) -> dict[str, str]:
    """What further programs say of each survivor, row by row."""
    passed = {id: list(sites) for id, sites in bench.passed.items()}
    return compared([f for f in bench.survivors() if isinstance(f, SiteFault)], ask, passed, settings, draws)


def compared(
    living: Sequence[SiteFault], ask: Sequence[Question], reach: Reached, settings: Settings, draws: int
) -> dict[str, str]:
    """What further programs of the questions that reach their sites say of faults, row by row."""
    reasons: dict[str, str] = {}
    sound = load("refgrad")
    for _, group in groupby(sorted(living, key=site_of), key=lambda fault: site_of(fault)[0]):
        faults = list(group)
        sites = {fault.site for fault in faults}
        passing = [q for q in ask if sites & set(reach.get(q.id, ()))]
        for found in Comparator(faults, sound).run(passing, settings, draws) if passing else ():
            reasons[found.fault] = f"{EQUIVALENT}: {found.reason}" if found.equivalent else found.reason
    return reasons


def explained(verdicts: Sequence[Verdict], settings: Settings, draws: int, reach: Reached) -> list[Verdict]:
    """The verdicts; of survivors with what further programs say."""
    living = [systematic_fault(v.fault) for v in verdicts if not v.caught]
    reasons = compared(living, operator_questions(), reach, settings, draws)
    return [replace(v, message=reasons.get(v.fault, v.message)) for v in verdicts]


def _verdict(bench: Bench, fault: Fault, reasons: dict[str, str]) -> Verdict:
    kill, cost = bench.kills.get(fault.id), bench.costs.get(site_of(fault))
    verdict = Verdict(fault.id, fault.kind, False)
    if kill is not None:
        verdict.caught_by, verdict.expected = [kill.question], True
        verdict.programs, verdict.seconds, verdict.message = kill.programs, kill.seconds, kill.message
    elif cost is None or not cost.programs:
        verdict.message = UNREACHED
    else:
        verdict.programs, verdict.seconds = cost.programs, cost.seconds
        verdict.message = reasons.get(fault.id, _effect(bench.fired.get(fault.id, 0)))
    return verdict


def _effect(fired: int) -> str:
    """Why a fault survived though programs came by its place."""
    return f"took effect and no check told: in {fired} programs" if fired else "took effect in none of the programs"


def _can_shrink(kill: Kill) -> bool:
    """A scenario is no program, and what took very many choices takes too long."""
    return kill.kind != OBSERVATION and len(kill.log) < LONGEST_LOG


def shrink_into(verdict: Verdict, fault: Fault, kill: Kill, settings: Settings) -> None:
    """Shrinks the program that caught the fault and notes its size."""
    question = next(q for q in questions() if asked(q, settings).id == kill.question)
    found, sound = asked(question, settings), load("refgrad")
    judge = FaultJudge(Broken(fault, sound), sound, load("torch"))
    assert found.draw is not None
    with collecting_warnings():
        program = smallest(judge, found.draw, kill.log, kill.kind, found.law)
    verdict.steps, verdict.elements = measure(program)
    verdict.minimal = is_minimal(judge, program, kill.kind, found.law)
