"""The proof table: which engines broken on purpose were caught, and by what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .untrusted import Record, entries, listed, mapping, tame, text, texts


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
class Proof:
    header: list[str]
    lines: list[Line]
    scores: list[str]


def read(raw: object) -> Proof:
    """The table of the JSON that ``refgrad qualify --json`` prints.

    ``{"faults": [{"id", "class", "control": bool, "caught": [clause ids], "others": {method: bool}}]}``
    """
    file: Record = entries(tame(raw))
    faults = [fault for fault in map(entries, listed(file.get("faults"))) if fault]
    others = list(dict.fromkeys(name for fault in faults for name in mapping(fault, "others")))
    lines = [_line(fault, others) for fault in faults]
    header = ["fault", "class", "this suite", *others, "caught by"]
    return Proof(header, lines, _scores(lines, ["this suite", *others]))


def _line(fault: Record, others: list[str]) -> Line:
    control = fault.get("control") is True
    caught = texts(fault, "caught")
    marks = [_mark(bool(caught), control)]
    marks += [_mark(mapping(fault, "others").get(name) is True, control) for name in others]
    more = f" and {len(caught) - 4} more" if len(caught) > 4 else ""
    marks.append(Mark("absent", ", ".join(caught[:4]) + more))
    return Line(text(fault, "id"), "control" if control else text(fault, "class"), marks)


def _mark(caught: bool, control: bool) -> Mark:
    if control:
        return Mark("fail", "✗ blamed") if caught else Mark("pass", "✓ not blamed")
    return Mark("pass", "✓ caught") if caught else Mark("fail", "✗ missed")


def _scores(lines: Iterable[Line], methods: list[str]) -> list[str]:
    faults = [line for line in lines if line.kind != "control"]
    controls = [line for line in lines if line.kind == "control"]
    scores: list[str] = []
    for number, method in enumerate(methods):
        caught = Counter(line.marks[number].status for line in faults)["pass"]
        blamed = Counter(line.marks[number].status for line in controls)["fail"]
        scores.append(f"{method}: {caught} of {len(faults)} faults caught, {blamed} of {len(controls)} controls blamed")
    return scores
