"""All that the suite can ask an engine, without pytest: operators' properties, clauses, whole-language blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from ..catalogue import operators
from ..drawing.generate import one_operator
from ..drawing.language import language
from ..judging.judge import Judge
from .check import Check, Outcome, Settings
from .clause import Clause, clause_functions
from .properties import properties_of

LANGUAGE_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Question:
    """One test: ``ask(check)`` runs it. ``clause`` is what a clause's check is told."""

    id: str
    ask: Callable[[Check], None]
    clause: Clause | None = None

    def answer(self, judge: Judge, settings: Settings) -> Outcome:
        """What the suite makes of the engine on this question."""
        answers: list[Outcome] = []
        self.ask(Check(judge, settings, answers.append, self.clause))
        return answers[0]


@cache
def questions() -> tuple[Question, ...]:
    """Every question: properties in the catalogue's order, clauses by file, then whole-language programs."""
    return (*_properties(), *_clauses(), *_language())


def _properties() -> Iterator[Question]:
    for line in operators().values():
        for kind in properties_of(line):
            draw = one_operator(line, kind.build, kind.dtypes(line))
            yield Question(f"op/{line.name}/{kind.name}", lambda c, a=line, k=kind, d=draw: c.operator(a, k, d))


def _clauses() -> Iterator[Question]:
    for function in clause_functions():
        yield Question(function.clause.id, function, function.clause)


def _language() -> Iterator[Question]:
    for block in range(LANGUAGE_BLOCKS):
        yield Question(f"language/{block}", lambda c, b=block: c.language(b, language))
