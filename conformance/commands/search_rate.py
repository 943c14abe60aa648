"""How many programs the search judges a second and core, in processor time, and what it spends the time on.

    python -m conformance.commands.search_rate refgrad

One-operator programs (forward and vjp with a random cotangent, drawn uniformly over all lines) and whole-language ones:
drawn, run on both engines and compared. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ..backends import collecting_warnings, load
from ..catalogue import operators
from ..drawing.generate import one_operator
from ..drawing.language import language
from ..drawing.source import Rejected, Stream, mix
from ..judging.judge import Judge
from ..programs.program import Leaf, Program
from ..promises.properties import PROPERTIES, properties_of
from ..searching.search import Draw

BARS = {"one-operator": 2000, "whole-language": 250}
PROGRAMS = {"one-operator": 4000, "whole-language": 400}
ELEMENTS, EMPTY = 6, 0.1
WARM = 0.25
"""Every operator's first programs look functions up and load what engines load late: a share of the programs, uncounted."""


@dataclass(slots=True)
class Rate:
    """Distinct programs, and processor seconds by what they went into (``judging``: all but draws and runs)."""

    programs: list[Program] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("draws", "backend", "oracle", "all"), 0.0))

    def spend(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*args: Any, **options: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **options)
            finally:
                self.seconds[name] += time.process_time() - started

        return timed

    @property
    def a_second(self) -> float:
        return len({program.digest() for program in self.programs}) / self.seconds["all"]

    def sizes(self) -> tuple[float, float]:
        """Elements of the largest leaf: the median, and the share of programs in which all are empty."""
        largest = [max((math.prod(s.shape) for s in p.steps if isinstance(s, Leaf)), default=0) for p in self.programs]
        return median(largest), largest.count(0) / len(largest)

    def shares(self) -> str:
        """What the time goes into."""
        whole = self.seconds["all"]
        parts = {name: spent for name, spent in self.seconds.items() if name != "all"}
        parts["judging"] = whole - sum(parts.values())
        return ", ".join(f"{name} {100 * spent / whole:.0f} %" for name, spent in parts.items())


def measure(engine: str, draws: Sequence[Draw], count: int, oracle: str = "torch") -> Rate:
    """Judges so many programs of drawn kinds."""
    judge, rate = Judge(load(engine), load(oracle)), Rate()
    warm = int(WARM * count)
    with collecting_warnings():
        _judge(judge, draws, range(count, count + warm), Rate())
        watched = Judge(_Timed(judge.backend, rate, "backend"), _Timed(judge.oracle, rate, "oracle"))
        rate.spend("all", _judge)(watched, draws, range(count), rate)
    return rate


class _Timed:
    """An engine whose runs are timed."""

    def __init__(self, engine: Any, rate: Rate, name: str) -> None:
        self.name, self.version, self.family, self.claims = engine.name, engine.version, engine.family, engine.claims
        self.execute, self.call = rate.spend(name, engine.execute), engine.call


def _judge(judge: Judge, draws: Sequence[Draw], indices: range, rate: Rate) -> None:
    for index in indices:
        source = Stream(mix(0, index))
        draw = rate.spend("draws", draws[source.choose(len(draws))])
        try:
            program = draw(source)
        except Rejected:
            continue
        judge.judge(program)
        rate.programs.append(program)


def main(words: list[str]) -> int:
    """Prints the two rates; 0 if both reach their bars."""
    engine = words[0] if words else "refgrad"
    vjp = PROPERTIES["vjp"]
    lines = [line for line in operators().values() if vjp in properties_of(line)]
    drawn = {
        "one-operator": [one_operator(line, vjp.build, vjp.dtypes(line)) for line in lines],
        "whole-language": [language],
    }
    missed = False
    for kind, draws in drawn.items():
        rate = measure(engine, draws, PROGRAMS[kind])
        print(f"{kind}: {rate.a_second:.0f} distinct programs a second and core (bar {BARS[kind]}); {rate.shares()}")
        missed |= rate.a_second < BARS[kind]
        if kind == "one-operator":
            middle, empty = rate.sizes()
            print(
                f"  the largest leaf: median {middle:.0f} elements (bar {ELEMENTS}), {100 * empty:.1f} % empty (bar 10)"
            )
            missed |= middle < ELEMENTS or empty > EMPTY
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
