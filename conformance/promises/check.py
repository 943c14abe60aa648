"""What a test function is given: ``check(programs)`` searches, shrinks, arbitrates, records and fails."""

from __future__ import annotations

import inspect
import textwrap
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..backends import UNCLAIMED, collecting_warnings, compiles, missing
from ..catalogue import Operator
from ..drawing.build import Builder
from ..drawing.source import Rejected, Replay, Source, Stream, mix
from ..judging.compare import Divergence
from ..judging.judge import Judge, Judgement, Law
from ..programs.program import Program
from ..programs.trace import Raised, Trace
from ..recording.results import result_line
from ..searching.excuse import ClauseExcuse, Excuse, LanguageExcuse
from ..searching.finding import Finding, convention, find_fault, is_conventional
from ..searching.foreign import choice
from ..searching.kept import Kept
from ..searching.search import DEATHS, Draw, Tally, Witness, search, smallest
from ..searching.shrink import shrink_choices
from . import probing
from .clause import Clause, Programs, Scenario, finished
from .properties import Property

LANGUAGE_SHARE = 13
"""Whole-language programs a block, as a multiple of the examples a property: 100,000 in 16 blocks at thorough."""
Choice = Callable[[Program, Judgement], bool]
MORE = 64
"""How many more programs an engine must refuse before its claim of an operator is called untrue."""
AGAIN = 4
"""How many times the programs are drawn where too many have no one value to show the situation by, such as
eigenvectors that another engine turns otherwise; and where, of fewer than ``ENOUGH``, none shows it, or the engine
claims some only."""
ENOUGH = 8
FAILING = frozenset({"fail", "harness-error", *DEATHS})


@dataclass(slots=True)
class Settings:
    """What one run was asked for."""

    profile: str = "quick"
    examples: int = 8
    seed: int = 0
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    shrink: bool = True
    kept: Kept = field(default_factory=Kept)


@dataclass(slots=True)
class Outcome:
    """What a check came to: its line, its findings, and the text to print."""

    result: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)
    text: str = ""

    @property
    def status(self) -> str:
        return self.result["status"]


class Check:
    """One test's access to the judge. Calling it returns nothing; ``done`` is told the outcome."""

    def __init__(
        self, judge: Judge, settings: Settings, done: Callable[[Outcome], None], clause: Clause | None = None
    ) -> None:
        self.judge = judge
        self.settings = settings
        self.done = done
        self.clause = clause

    def __call__(self, programs: Programs | Scenario, law: Law | None = None) -> None:
        """Checks the clause of the calling test on drawn programs, or a scenario on drawn data."""
        stated = self.clause
        if stated is None:
            raise TypeError("check(programs) needs a test function decorated with @clause")
        identity = {
            "id": stated.id,
            "kind": "clause",
            "area": stated.area,
            "operator": None,
            "property": None,
            "sentence": stated.sentence,
            "source": stated.source,
            "profile": stated.profile,
            **({"convention": True} if stated.convention and not self.judge.universal else {}),
        }
        if isinstance(programs, Scenario):
            self._finish(self._scenario(identity, programs))
            return
        lacking = missing(self.judge.backend, stated.needs)
        if lacking:
            self._finish(self._unclaimed(identity, lacking, Tally()))
            return
        self._finish(self._search(identity, programs.draw, stated.witness, law, stated.convention))

    def operator(self, line: Operator, kind: Property, draw: Draw) -> None:
        """Checks a property of one catalogue line."""
        identity = {
            "id": f"op/{line.name}/{kind.name}",
            "kind": "operator",
            "family": line.family,
            "operator": line.name,
            "property": kind.name,
            "sentence": f"{line.name} {kind.sentence}",
            "source": line.source,
            "profile": kind.profile,
        }
        lacking = missing(self.judge.backend, frozenset({f"op:{line.name}"}))
        if lacking:
            self._finish(self._unclaimed(identity, lacking, Tally()))
            return
        examples = kind.examples(self.settings.examples)
        witness = self._operator_witness(kind, line)
        self._finish(self._search(identity, draw, witness, kind.law, kind.convention, examples))

    def language(self, block: int, draw: Draw) -> None:
        """Checks one block of whole-language programs; every block has a stream of its own."""
        identity = {
            "id": f"language/{block:02}",
            "kind": "clause",
            "area": "language",
            "operator": None,
            "property": None,
            "sentence": "Programs that mix calls, views, writes, hooks, modes and backward passes do as PyTorch.",
            "source": "notes/autograd",
            "profile": "tape",
        }
        examples = self.settings.examples * LANGUAGE_SHARE
        excuse = LanguageExcuse(identity, self.judge)
        self._finish(self._search(identity, draw, lambda trace: bool(trace.gradients), None, False, examples, excuse))

    def claim(self, capability: str) -> None:
        """Checks a capability: one that is claimed must be there; one that is there and not claimed is pointed out."""
        identity = {
            "id": f"claim/{capability}",
            "kind": "clause",
            "area": "claims",
            "operator": None,
            "property": None,
            "sentence": f"What claims {capability} does it, in a program of a few steps.",
            "source": "docs/wire.md",
            "profile": "values",
        }
        tally, missing_claims = Tally(), probing.lacking(self.judge, capability)
        with collecting_warnings():
            program, judgement = probing.ask(self.judge, capability)
        tally.programs = tally.witnessed = 1
        if missing_claims:
            outcome = self._unclaimed(identity, missing_claims, tally)
            if missing_claims == [capability] and judgement.status == "same":
                outcome.result["message"] = f"not claimed: {capability}, yet the probe passes: it may be claimed"
        elif judgement.status == "same":
            outcome = Outcome(result_line(identity, "pass", tally, None))
        else:
            outcome = self._untrue(identity, f"{capability} is claimed, but {_shortly(judgement)}", tally, program)
        self._finish(outcome)

    def _untrue(self, identity: dict[str, Any], message: str, tally: Tally, program: Program) -> Outcome:
        """A claim that isn't true."""
        judgement = Judgement("different", Trace(), Divergence("claim", ("step", 0, ()), message), "backend")
        finding = find_fault(identity, program, judgement, self.judge.backend, self.judge.oracle)
        result = result_line(identity, "fail", tally, None)
        result["findings"], result["message"] = [finding.line["id"]], message
        return Outcome(result, [finding], f"{identity['id']}: {message}")

    def _operator_witness(self, kind: Property, line: Operator) -> Witness:
        """Writes may be refused."""
        writes = kind.name in ("view-write", "inplace", "inplace-forward") or not line.plain_forms
        return (lambda trace: True) if kind.convention or writes else finished

    def _finish(self, outcome: Outcome) -> None:
        self.done(outcome)

    def _unclaimed(self, identity: dict[str, Any], lacking: list[str], tally: Tally) -> Outcome:
        result = result_line(identity, "not-claimed", tally, None)
        result["message"] = "not claimed: " + ", ".join(lacking[:8])
        return Outcome(result)

    def _search(
        self,
        identity: dict[str, Any],
        draw: Draw,
        witness: Witness,
        law: Law | None,
        convention: bool,
        examples: int | None = None,
        excuse: Excuse | None = None,
    ) -> Outcome:
        judge, examples = self.judge, examples or self.settings.examples
        judge.close.headroom, judge.at_kinks = 0.0, convention
        seed = (self.settings.seed, zlib.crc32(identity["id"].encode()))
        excuse = excuse or (Excuse if identity["operator"] else ClauseExcuse)(identity, self.judge)
        judge.settled = excuse.settles
        falsified = self._falsified(identity["id"], law, excuse)
        is_choice = self._choice(identity, convention)
        tally = search(judge, draw, witness, seed, examples, law, excuse, is_choice)
        if _says_little(tally, examples):
            tally = search(judge, draw, witness, seed, AGAIN * examples, law, excuse, is_choice)
        if falsified is not None:
            return self._failed(identity, falsified, tally, excuse)
        if tally.programs and tally.unclaimed == tally.programs:
            if (
                tally.refused
                and identity["property"] == "forward"
                and self._refuses_all(draw, seed, identity["operator"])
            ):
                message = f"op:{identity['operator']} is claimed, but the engine refuses every program of it"
                return self._untrue(identity, message, tally, draw(Stream(mix(*seed, 0))))
            return self._unclaimed(identity, sorted(tally.lacking), tally)
        if tally.failing is not None:
            log, judgement = tally.failing
            is_known = identity["id"] in self.settings.known
            other = is_choice if tally.failing is not tally.choice else _no_other
            other = _or_recorded(other, excuse, judgement)
            smallest = (Program(()), judgement) if is_known else self._smallest(draw, log, judgement, law, other)
            return self._failed(identity, smallest, tally, excuse)
        chosen = tally.unclaimed or compiles(judge.backend)
        if chosen and not tally.witnessed and tally.witness_missing(examples):
            # What little of it the engine claims never shows the situation.
            return self._unclaimed(identity, sorted(tally.lacking), tally)
        if tally.witness_missing(examples) or tally.programs == 0:
            result = result_line(identity, "harness-error", tally, None)
            result["message"] = f"only {tally.witnessed} of {examples} programs showed the situation"
            return Outcome(result, text=f"{identity['id']}: harness error: {result['message']}")
        return Outcome(result_line(identity, "pass", tally, judge.close.headroom), excuse.findings)

    def _choice(self, identity: dict[str, Any], at_kinks: bool) -> Choice:
        """Says of a difference whether it is a choice: that another engine than PyTorch's kind is free in, or, at
        kinks, any engine. A fault beside it is not to be taken for one."""
        judge, at_kink = self.judge, convention(identity)
        if judge.universal and at_kinks:
            return partial(is_conventional, at_kink=at_kink)
        if judge.universal and getattr(judge.oracle, "sets_formulas", True):
            return _no_other
        return lambda program, judgement: choice(program, judgement, judge.backend, judge.oracle, at_kink) is not None

    def _refuses_all(self, draw: Draw, seed: tuple[int, ...], operator: str) -> bool:
        """Whether the engine refuses the operator in every program, and in more of them: a few that were drawn may have
        been of the rarer kinds, or may ask for something else that it hasn't."""
        for index in range(self.settings.examples + MORE):
            try:
                program = draw(Stream(mix(*seed, index)))
            except Rejected:
                continue
            if self.judge.claimed(program) and not self._refuses(program, operator):
                return False
        return True

    def _refuses(self, program: Program, operator: str) -> bool:
        outcomes = zip(program.steps, self.judge.backend.execute(program).steps)
        first = next(((step, outcome) for step, outcome in outcomes if isinstance(outcome, Raised)), None)
        return first is not None and first[1].kind == UNCLAIMED and getattr(first[0], "op", None) == operator

    def _falsified(self, result: str, law: Law | None, excuse: Excuse) -> tuple[Program, Judgement] | None:
        """A kept program on which the engine still differs; it is small already."""
        if result in self.settings.known:
            return None
        with collecting_warnings():
            for program in self.settings.kept.of(result):
                if not self.judge.claimed(program):
                    continue
                judgement = self.judge.judge(program, law)
                if judgement.status == "different" and not excuse(program, judgement):
                    return program, judgement
        return None

    def _failed(
        self, identity: dict[str, Any], smallest: tuple[Program, Judgement], tally: Tally, excuse: Excuse
    ) -> Outcome:
        program, judgement = smallest
        known = self.settings.known.get(identity["id"])
        if known is not None:
            result = result_line(identity, "known", tally, None)
            result["message"], result["known"] = known["reason"], known
            return Outcome(result)
        assert judgement.divergence is not None
        finding = find_fault(identity, program, judgement, self.judge.backend, self.judge.oracle, count=tally.failed)
        verdict = finding.line["verdict"]
        fault = excuse.fault(judgement.divergence) if verdict == "oracle" and judgement.divergence else None
        if fault is not None:
            # What was too large to arbitrate as drawn turned out, when shrunk, to be the recorded fault.
            return Outcome(result_line(identity, "pass", tally, None), [excuse.recorded(finding, fault)])
        kind = finding.line["kind"]
        status = kind if kind in DEATHS else "convention" if verdict == "convention" else "fail"
        result = result_line(identity, status, tally, None)
        result["findings"] = [finding.line["id"]]
        result["message"] = finding.line["message"]
        self.settings.kept.keep(identity["id"], program)
        return Outcome(result, [finding], finding.text)

    def _smallest(
        self,
        draw: Draw,
        log: list[int],
        first: Judgement,
        law: Law | None,
        is_other: Choice,
    ) -> tuple[Program, Judgement]:
        assert first.divergence is not None
        if not self.settings.shrink:
            return draw(Replay(log)), first
        program = smallest(self.judge, draw, log, first.divergence.kind, law, is_other)
        with collecting_warnings():
            again = self.judge.judge(program, law)
        if again.status == "different":
            return program, again
        # It didn't fail a second time: the engine isn't deterministic. Show the program as it was drawn.
        return draw(Replay(log)), first

    def _scenario(self, identity: dict[str, Any], scene: Scenario) -> Outcome:
        lacking = missing(self.judge.backend, frozenset({"scenario"}))
        tally = Tally()
        if lacking:
            return self._unclaimed(identity, lacking, tally)
        seed = (self.settings.seed, zlib.crc32(identity["id"].encode()))
        for index in range(self.settings.examples):
            source = Stream(mix(*seed, index))
            tally.programs += 1
            try:
                found = self.judge.observe(scene.run, scene.draw(Builder(source)))
            except NotImplementedError:
                return self._unclaimed(identity, ["this scenario in another process"], tally)
            if found is not None:
                return self._scenario_failed(identity, scene, source.log, tally)
            tally.witnessed += 1
        return Outcome(result_line(identity, "pass", tally, None))

    def _scenario_failed(self, identity: dict[str, Any], scene: Scenario, log: list[int], tally: Tally) -> Outcome:
        def draw(source: Source) -> Any:
            return scene.draw(Builder(source))

        data = shrink_choices(log, draw, lambda drawn: self.judge.observe(scene.run, drawn) is not None, 200)
        found = self.judge.observe(scene.run, data) or ("?", "?")
        kind = found[0].partition(":")[0]
        kind = kind if kind in DEATHS else "scenario"
        judgement = Judgement("different", Trace(), Divergence(kind, ("step", 0, ()), _differs(*found)), "backend")
        finding = find_fault(identity, Program(()), judgement, self.judge.backend, self.judge.oracle)
        line = {**finding.line, "script": _scenario_script(scene, data), "program": None}
        result = result_line(identity, kind if kind in DEATHS else "fail", tally, None)
        result["findings"], result["message"] = [line["id"]], line["message"]
        head = f"{identity['id']}: {identity['sentence']}\nsource: {identity['source']}\n\n{line['script']}\n"
        return Outcome(result, [Finding(line, "")], head + line["message"])


def _or_recorded(other: Choice, excuse: Excuse, first: Judgement) -> Choice:
    """Keeps what fails by itself from being shrunk into a recorded fault, whose text is known."""
    if excuse.names(first):
        return other
    return lambda program, judgement: other(program, judgement) or excuse.names(judgement)


def _says_little(tally: Tally, examples: int) -> bool:
    """Whether more programs would say what these didn't."""
    is_partial = tally.failing is None and 0 < tally.judged < tally.programs
    missing = tally.witness_missing(examples)
    return (missing or is_partial) if examples < ENOUGH else (missing and tally.ill_posed > 0)


def _no_other(program: Program, judgement: Judgement) -> bool:
    return False


def _shortly(judgement: Judgement) -> str:
    found = judgement.divergence
    return "the engine refuses the probe" if found is None else f"the probe shows {found.message}"


def _differs(mine: str, theirs: str) -> str:
    return f"observed {mine[:400]}, the oracle {theirs[:400]}"


def _scenario_script(scene: Scenario, data: Any) -> str:
    source = textwrap.dedent(inspect.getsource(scene.run))
    return f"import torch\n\n{source}\n\nprint({scene.run.__name__}(torch, {data!r}))\n"
