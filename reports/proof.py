"""The proof table: which engines broken on purpose were caught, and by what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from . import generated
from .untrusted import Record, count, entries, listed, mapping, number, tame, text, texts

CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell: whether a method caught a fault, or blamed a control."""

    status: str
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    kind: str
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Score:
    """How many of the faults a method caught, and how many of the harmless controls it blamed, of those it was tried on."""

    method: str
    caught: int
    faults: int
    blamed: int
    controls: int


@dataclass(frozen=True, slots=True)
class Class:
    """The faults of a class: how many, each method's (caught, tried), and what catching one took (medians)."""

    name: str
    faults: int
    counts: list[tuple[int, int]]
    costs: list[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """``settings`` say how hard was looked; a class's counts follow the methods of ``scores``."""

    settings: str
    header: list[str]
    lines: list[Line]
    scores: list[Score]
    classes: list[Class]
    expected: int = 0
    generated: generated.Generated | None = None


def read(raw: object) -> Proof:
    """The table of the JSON that ``refgrad qualify --json`` prints.

    ``{"faults": [{"id", "class", "control": bool, "caught": [clause ids], "others": {method: bool}}]}``
    """
    file: Record = entries(tame(raw))
    faults = [fault for fault in map(entries, listed(file.get("faults"))) if fault]
    others = list(dict.fromkeys(name for fault in faults for name in mapping(fault, "others")))
    lines = [_line(fault, others) for fault in faults]
    methods = ["this suite", *others]
    header = ["fault", "class", *methods, "caught by"]
    classes = _by_class(lines, len(methods), faults)
    expected, made = count(mapping(file, "score"), "expected"), generated.read(mapping(file, "systematic"))
    return Proof(_settings(file), header, lines, _scores(lines, methods), classes, expected, made)


def _settings(file: Record) -> str:
    """The profile, programs a property and seed, where the file says them."""
    words = [text(file, "profile"), f"{count(file, 'examples')} programs a property", f"seed {text(file, 'seed')}"]
    return ", ".join(words) if words[0] else ""


def _line(fault: Record, others: list[str]) -> Line:
    control = fault.get("control") is True
    caught = texts(fault, "caught")
    marks = [_mark(bool(caught), control)]
    tried = mapping(fault, "others")
    marks += [_mark(tried[name] is True, control) if name in tried else NOT_TRIED for name in others]
    more = f" and {len(caught) - 4} more" if len(caught) > 4 else ""
    marks.append(Mark("absent", ", ".join(caught[:4]) + more))
    return Line(text(fault, "id"), CONTROL if control else text(fault, "class"), marks)


NOT_TRIED = Mark("not-claimed", "– not tried")
"""A method that can't be asked about a fault has not missed it."""


def _mark(caught: bool, control: bool) -> Mark:
    if control:
        return Mark("fail", "✗ blamed") if caught else Mark("pass", "✓ not blamed")
    return Mark("pass", "✓ caught") if caught else Mark("fail", "✗ missed")


def _scores(lines: Sequence[Line], methods: list[str]) -> list[Score]:
    faults = [line for line in lines if line.kind != CONTROL]
    controls = [line for line in lines if line.kind == CONTROL]
    found: list[Score] = []
    for k, method in enumerate(methods):
        caught, planted = _counted(faults, k, "pass")
        found.append(Score(method, caught, planted, *_counted(controls, k, "fail")))
    return found


COSTS = ("programs", "seconds", "steps", "elements")
"""What catching a fault took, and how small the program was shrunk."""


def _by_class(lines: Sequence[Line], methods: int, faults: Sequence[Record]) -> list[Class]:
    classes: dict[str, list[tuple[Line, Record]]] = {}
    for line, fault in zip(lines, faults):
        if line.kind != CONTROL:
            classes.setdefault(line.kind, []).append((line, fault))
    return [_class(name, members, methods) for name, members in sorted(classes.items())]


def _class(name: str, members: Sequence[tuple[Line, Record]], methods: int) -> Class:
    lines, caught = [line for line, _ in members], [fault for _, fault in members if texts(fault, "caught")]
    counts = [_counted(lines, k, "pass") for k in range(methods)]
    return Class(name, len(members), counts, [_median(caught, cost) for cost in COSTS])


def _median(faults: Iterable[Record], cost: str) -> str:
    known = [value for fault in faults if (value := number(fault, cost)) is not None]
    return f"{median(known):,.3g}" if known else "–"


def _counted(lines: Iterable[Line], k: int, status: str) -> tuple[int, int]:
    """(lines that a method marked so, lines it was tried on)."""
    tried = [line.marks[k].status for line in lines if line.marks[k] is not NOT_TRIED]
    return tried.count(status), len(tried)
