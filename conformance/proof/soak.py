"""The soak: very many programs on engines that should agree, to see that the suite raises no false alarm.

PyTorch with one or two threads, and refgrad, stand against PyTorch with one thread, in float32 and in float64. Half of
the programs are of the whole language, the rest are operators' properties and clauses. A file takes one line a chunk,
so that a run that was cut goes on. The headroom is the largest error seen, as a share of what was allowed. A program
that ends the process is a difference of the kind ``crash``, whichever engine it was; the run goes on.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..backends import Backend, collecting_warnings, load
from ..catalogue import operators
from ..drawing.generate import one_operator
from ..drawing.language import language
from ..drawing.source import Rejected, Stream, mix
from ..judging.compare import Divergence
from ..judging.judge import Judge, Judgement, Law
from ..programs.codec import encode_program
from ..programs.program import Program
from ..programs.trace import Trace
from ..promises.check import Settings
from ..promises.clause import Programs, clause_functions
from ..promises.properties import properties_of
from ..promises.questions import Question
from ..searching.excuse import Excuse, LanguageExcuse
from ..searching.finding import find_fault, source_of
from ..searching.search import Draw
from ..searching.shrink import shrink_steps
from .trials import asked
from .workers import Note, ends_its_process, results

ORACLE = "torch"
CHUNK = 250
SHOWN = 2
"""Programs kept, and arbitrated, for one question and kind of difference in a chunk."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Which engine stands against the oracle, in which dtype, on how many threads."""

    engine: str
    dtype: str
    threads: int

    @property
    def name(self) -> str:
        return f"{self.engine}/{self.dtype}/{self.threads}"


CELLS = tuple(Cell(e, d, t) for e in (ORACLE, "refgrad") for d in ("float32", "float64") for t in (1, 2))
ANY = "any"
LANGUAGE = (Cell("refgrad", ANY, 1),)
"""Programs of the whole language alone, in the dtypes that the suite itself draws."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of program: what it is asked as, how it is drawn, and what law it is held to."""

    identity: dict[str, Any]
    draw: Draw
    law: Law | None = None
    convention: bool = False


@dataclass(slots=True)
class Chunk:
    """What became of one chunk: programs by status; ``headroom``: the largest share of the allowed error by how it was
    allowed (units in the last place or a contraction's bound, few noisy runs, all of them)."""

    cell: str
    index: int
    seed: int
    programs: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    headroom: dict[str, float] = field(default_factory=dict)
    needed: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def line(self) -> dict[str, Any]:
        """Its form in the file."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Threaded:
    """A backend whose programs run on so many threads, after which the process is back to one."""

    def __init__(self, sound: Backend, threads: int) -> None:
        self.sound, self.threads = sound, threads
        self.name, self.version, self.family, self.claims = sound.name, sound.version, sound.family, sound.claims
        self.ns = getattr(sound, "ns", None)

    def execute(self, program: Program, noise: int | None = None) -> Trace:
        """The trace on the given number of threads."""
        set_threads = getattr(self.ns, "set_num_threads", lambda count: None)
        set_threads(self.threads)
        try:
            return self.sound.execute(program, noise)
        finally:
            set_threads(1)

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        """A scenario, as on the sound engine."""
        return self.sound.call(run, drawn)


@cache
def kinds(dtype: str) -> tuple[tuple[Kind, ...], ...]:
    """What may be drawn in a dtype: whole programs, operators' properties (costly ones rarely), clauses."""
    if dtype == ANY:
        return ((Kind(_identity("language/soak", None, None), language),),) * 3
    whole = Kind(_identity("language/soak", None, None), lambda source: language(source, (dtype,)))
    return (whole,), tuple(_properties(dtype)), tuple(_clauses(dtype))


def _identity(id: str, operator: str | None, property: str | None) -> dict[str, Any]:
    return {"id": id, "operator": operator, "property": property, "sentence": "", "source": ""}


def _properties(dtype: str) -> Iterator[Kind]:
    for line in operators().values():
        for kind in properties_of(line):
            if dtype in kind.dtypes(line) and kind.rarity == 1:
                identity = _identity(f"op/{line.name}/{kind.name}", line.name, kind.name)
                yield Kind(identity, one_operator(line, kind.build, (dtype,)), kind.law, kind.convention)


def _clauses(dtype: str) -> Iterator[Kind]:
    for function in clause_functions():
        clause = function.clause  # type: ignore[attr-defined]
        found = asked(Question(clause.id, function, clause), Settings())
        if found.draw is not None and isinstance(made := found.draw.__self__, Programs) and dtype in made.dtypes:  # type: ignore[attr-defined]
            draw = replace(made, dtypes=(dtype,)).draw
            yield Kind(_identity(clause.id, None, None), draw, found.law, clause.convention)


class Soaker:
    """Judges the programs of one chunk."""

    def __init__(self, cell: Cell, chunk: Chunk) -> None:
        self.cell, self.chunk = cell, chunk
        engine = load(cell.engine)
        self.judge = Judge(engine if cell.threads == 1 else Threaded(engine, cell.threads), load(ORACLE))
        self.excuses: dict[str, Excuse] = {}
        self.shown: Counter[tuple[str, str]] = Counter()

    def run(self, programs: int, ended: Mapping[int, str], note: Note) -> None:
        """Judges so many programs, and notes each before; those that ``ended`` a process are not run here again."""
        seed, attempt = (self.chunk.seed, zlib.crc32(self.cell.name.encode()), self.chunk.index), 0
        while self.chunk.programs < programs:
            source, number = Stream(mix(*seed, attempt)), attempt
            attempt += 1
            groups = kinds(self.cell.dtype)
            group = groups[(0, 0, 0, 0, 1, 1, 1, 2)[source.choose(8)]]
            kind = group[source.choose(len(group))]
            try:
                program = kind.draw(source)
            except Rejected:
                self.chunk.statuses["filtered"] += 1
                continue
            if number in ended:
                self._crash(kind, program, ended[number])
                continue
            note(number)
            self._one(kind, program)

    def _one(self, kind: Kind, program: Program) -> None:
        judge = self.judge
        judge.close.headroom, judge.at_kinks = 0.0, kind.convention
        judgement = judge.judge(program, kind.law)
        self.chunk.programs += 1
        if judgement.status == "different":
            self.chunk.statuses[self._differs(kind, program, judgement)] += 1
            return
        self.chunk.statuses[judgement.status] += 1
        if judgement.status == "same":
            how = f"{judge.noisy} noisy runs" if judge.noisy else "bounds"
            self.chunk.needed[how] += 1
            self.chunk.headroom[how] = max(self.chunk.headroom.get(how, 0.0), judge.close.headroom)

    def _excuse(self, kind: Kind) -> Excuse:
        id = str(kind.identity["id"])
        if id not in self.excuses:
            make = LanguageExcuse if id.startswith("language") else Excuse
            self.excuses[id] = make(kind.identity, self.judge)
        return self.excuses[id]

    def _crash(self, kind: Kind, program: Program, how: str) -> None:
        """Reports a program that ended a process, made smaller where one engine alone does so with it. A recorded fault
        of the oracle's is one only where the backend lives on."""
        sides = {"backend": self.judge.backend, "oracle": self.judge.oracle}
        dead = [side for side, engine in sides.items() if _is_deadly(engine, program)]
        if dead:
            program = shrink_steps(program, partial(_is_deadly, sides[dead[0]]))
        names = " and ".join(sides[side].name for side in dead) or "neither engine alone"
        found = Divergence("crash", ("step", len(program.steps) - 1, ()), f"the process ended ({how}): {names}")
        self.chunk.programs += 1
        if dead == ["oracle"] and self._excuse(kind).explains(program, found):
            self.chunk.statuses["recorded fault"] += 1
            return
        self.chunk.statuses["unexplained"] += 1
        shown = {"id": str(kind.identity["id"]), "status": "unexplained", "kind": found.kind, "message": found.message}
        verdict = dead[0] if len(dead) == 1 else "both" if dead else "undecided"
        source = source_of(program, sides[dead[0]] if dead else self.judge.backend)
        self.chunk.differences.append(
            {**shown, "verdict": verdict, "script": source, "program": encode_program(program)}
        )

    def _differs(self, kind: Kind, program: Program, judgement: Judgement) -> str:
        """Whether a difference is a recorded fault of the oracle, a matter of convention, or unexplained."""
        id, found = str(kind.identity["id"]), judgement.divergence
        assert found is not None
        excuse = self._excuse(kind)
        if not isinstance(excuse, LanguageExcuse) and excuse.enough and excuse.fault(found) is not None:
            return "recorded fault, not arbitrated again"
        if excuse(program, judgement):
            return "recorded fault"
        self.shown[id, found.kind] += 1
        if self.shown[id, found.kind] > SHOWN and self.cell.dtype != ANY:
            return "unexplained"
        line = find_fault(kind.identity, program, judgement, self.judge.backend, self.judge.oracle).line
        status = "convention" if line["verdict"] == "convention" else "unexplained"
        shown = {"id": id, "status": status, "kind": found.kind, "verdict": line["verdict"], "message": line["message"]}
        self.chunk.differences.append({**shown, "program": encode_program(program)})
        return status


def _is_deadly(engine: Backend, program: Program) -> bool:
    return ends_its_process(partial(engine.execute, program))


def soak_chunk(
    cell: Cell,
    index: int,
    seed: int,
    programs: int,
    ended: Mapping[int, str] = MappingProxyType({}),
    note: Note = lambda number: None,
) -> Chunk:
    """One chunk, in this process. ``ended``: how programs, by number, ended a process that ran this chunk before."""
    chunk, started = Chunk(cell.name, index, seed), time.perf_counter()
    with collecting_warnings():
        Soaker(cell, chunk).run(programs, ended, note)
    chunk.seconds = round(time.perf_counter() - started, 3)
    return chunk


def _chunk(work: tuple[Cell, int, int, int], ended: dict[int, str], note: Note) -> Chunk:
    return soak_chunk(*work, ended, note)


def done(path: Path, seed: int) -> dict[tuple[str, int], dict[str, Any]]:
    """The chunks of a file that are whole, by cell and index. Raises ValueError where they are of another seed."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # cut in the middle of a line: that chunk runs again
        if line["seed"] != seed:
            raise ValueError(f"{path} holds a soak of seed {line['seed']}, not {seed}: name another file or that seed")
        found[line["cell"], line["index"]] = line
    return found


def soak(path: Path, programs: int, jobs: int = 2, seed: int = 0, cells: Sequence[Cell] = CELLS) -> dict[str, Any]:
    """Judges ``programs`` programs, evenly over the cells, those of the file included; the summary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    chunks = -(-programs // (CHUNK * len(cells)))
    before = done(path, seed)
    missing = [(cell, k, seed, CHUNK) for k in range(chunks) for cell in cells if (cell.name, k) not in before]
    if path.exists() and (text := path.read_bytes()) and not text.endswith(b"\n"):
        path.write_bytes(text + b"\n")
    with path.open("a", encoding="ascii") as file:
        for chunk in results(_chunk, missing, jobs):
            file.write(json.dumps(chunk.line()) + "\n")
            file.flush()
    return summary(list(done(path, seed).values()))


def summary(chunks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All chunks together, and by cell."""
    names = list(dict.fromkeys(chunk["cell"] for chunk in chunks))
    cells = {name: _added([c for c in chunks if c["cell"] == name]) for name in sorted(names)}
    return {"type": "soak", "format": 1, "total": _added(chunks), "cells": cells, "differences": _differences(chunks)}


def _added(chunks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    statuses, needed, headroom = Counter[str](), Counter[str](), dict[str, float]()
    for chunk in chunks:
        statuses.update(chunk["statuses"])
        needed.update(chunk["needed"])
        for how, share in chunk["headroom"].items():
            headroom[how] = max(headroom.get(how, 0.0), share)
    return {
        "programs": sum(chunk["programs"] for chunk in chunks),
        "unexplained": statuses["unexplained"],
        "statuses": dict(statuses),
        "needed": dict(needed),
        "headroom": headroom,
        "seconds": round(sum(chunk["seconds"] for chunk in chunks), 1),
    }


def _differences(chunks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first difference of each engine, question and kind; all of those between whole programs alone."""
    first: dict[tuple[str, str, str], dict[str, Any]] = {}
    for chunk in chunks:
        for found in chunk["differences"]:
            own = found["message"] if f"/{ANY}/" in chunk["cell"] else ""
            key = (chunk["cell"].partition("/")[0], found["id"], found["kind"] + own)
            first.setdefault(key, {"cell": chunk["cell"], **found})
    return list(first.values())


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The table for the terminal."""
    yield f"{'engine/dtype/threads':<22} {'programs':>9} {'unexplained':>11} {'recorded':>9}  headroom"
    for name, row in (*found["cells"].items(), ("all", found["total"])):
        shares = ", ".join(
            f"{row['headroom'][how]:.2f} ({how}: {row['needed'][how]})" for how in sorted(row["headroom"])
        )
        excused = sum(n for status, n in row["statuses"].items() if status.startswith("recorded"))
        yield f"{name:<22} {row['programs']:>9} {row['unexplained']:>11} {excused:>9}  {shares}"
    for d in found["differences"]:
        yield f"  {d['cell']} {d['id']} ({d['kind']}, {d['verdict']}): {d['message'][:150]}"
