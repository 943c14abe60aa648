"""Timings from pytest-benchmark's JSON: by work, engine and size."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .untrusted import Record, entries, listed, mapping, number, tame, text

FLOOR, REFERENCE = "numpy", "torch"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a round: the median with the quartiles around it, and all of them where engines took turns."""

    work: str
    engine: str
    size: float | None
    median: float
    low: float
    high: float
    rounds: int
    operators: int = 0
    turns: tuple[float, ...] = ()

    @property
    def each(self) -> float | None:
        """Seconds an operator, where it is known how many the work calls."""
        return self.median / self.operators if self.operators else None


@dataclass(slots=True)
class Timings:
    """All timings of some files, and the machine they were taken on."""

    machine: str = ""
    all: list[Timing] = field(default_factory=list[Timing])

    def works(self) -> dict[str, list[Timing]]:
        """Timings by work, in the order of the files."""
        works: dict[str, list[Timing]] = {}
        for timing in self.all:
            works.setdefault(timing.work, []).append(timing)
        return works


def read(files: Iterable[object]) -> Timings:
    """Timings of parsed JSON files of pytest-benchmark.

    The work is a benchmark's group; the engine and the size are ``extra_info`` or parameters of these names
    (``backend`` and ``n`` do too). A benchmark without an engine or a positive median is left out.
    """
    timings = Timings()
    for raw in files:
        file: Record = entries(tame(raw))
        timings.machine = timings.machine or _machine(mapping(file, "machine_info"))
        for item in map(entries, listed(file.get("benchmarks"))):
            timings.all.extend(_timing(item))
    return timings


def _machine(info: Record) -> str:
    cpu = text(mapping(info, "cpu"), "brand_raw") or text(info, "machine")
    versions = mapping(info, "versions")
    words = [cpu, text(info, "system"), f"Python {text(info, 'python_version')}"]
    words += [f"{name} {text(versions, name)}" for name in versions]
    return ", ".join(word for word in words if word.strip())


def _timing(item: Record) -> Iterator[Timing]:
    told = {**mapping(item, "params"), **mapping(item, "extra_info")}
    floor = FLOOR if "floor" in text(item, "name") else ""
    engine = text(told, "engine") or text(told, "backend") or floor
    stats = mapping(item, "stats")
    median = number(stats, "median")
    if engine and median and median > 0:
        size = number(told, "size") or number(told, "n")
        low, high = number(stats, "q1") or median, number(stats, "q3") or median
        work = text(item, "group") or text(item, "name").split("[")[0]
        rounds, operators = (int(number(*pair) or 0) for pair in ((stats, "rounds"), (told, "operators")))
        yield Timing(work, engine, size, median, low, high, rounds, operators, _turns(told, stats))


def _turns(told: Record, stats: Record) -> tuple[float, ...]:
    """The rounds in their order, where the engines took turns and the file has them."""
    rounds = listed(stats.get("data")) if told.get("paired") is True else []
    return tuple(rounds) if all(isinstance(seconds, float) and seconds > 0 for seconds in rounds) else ()


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times another engine's time a timing is: the median and quartiles of the rounds' own ratios where engines
    took turns, so that a noisy machine is noisy for both; else the medians' ratio, with what the quartiles make of it."""

    median: float
    low: float
    high: float


def ratio(timing: Timing, to: str, among: Iterable[Timing]) -> Ratio | None:
    """A timing by an engine's median on the same work and size; None where there is no such other one."""
    for other in among:
        if other.engine == to and other.size == timing.size and other is not timing:
            if pairs := [mine / theirs for mine, theirs in zip(timing.turns, other.turns)]:
                low, median, high = statistics.quantiles(pairs, n=4, method="inclusive") if pairs[1:] else pairs * 3
                return Ratio(median, low, high)
            return Ratio(*(seconds / other.median for seconds in (timing.median, timing.low, timing.high)))
    return None


def spell_seconds(seconds: float) -> str:
    """A time with a fitting unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
