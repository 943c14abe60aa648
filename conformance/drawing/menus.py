"""Few structures with many values each, for an engine that compiles for every shape.

A structure is all of a program but its leaves' data. Of some that are drawn, those are taken that show the most kinds
of things between them: dtypes, ranks, layouts, sizes, keywords, broadcasting. What that leaves out is in the results:
``structures`` is how many of the programs had one of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from ..programs.program import Call, Leaf, Program
from .source import Menu, Source, mix

CANDIDATES, HOPELESS = 24, 8
"""How many are drawn, and how many where none of those is a program that the engine claims."""
PER_STRUCTURE = 25
SHARE_FIXED = 0.2

Draw = Callable[[Source], Program | None]


def sources(draw: Draw, seed: tuple[int, ...], examples: int) -> Iterator[Menu]:
    """A source for each example, of the chosen structures in turn; the last example has the one without values.
    ``draw`` gives None where there is no program."""
    chosen, fixed = choose(draw, seed, max(2, examples // PER_STRUCTURE))
    for index in range(examples):
        structure = chosen[index % len(chosen)] if fixed is None or index < examples - 1 else fixed
        yield Menu(mix(*seed, structure), mix(*seed, index))


def choose(draw: Draw, seed: tuple[int, ...], count: int) -> tuple[Sequence[int], int | None]:
    """The candidates that show the most, in the order of what each adds, small ones first (the first ones where nothing
    is drawn); and where many have no values to draw, being empty, one of those."""
    programs = dict(_candidates(draw, seed, max(CANDIDATES, count)))
    fixed = [index for index, program in programs.items() if not varies(program)]
    left = {index: frozenset(kinds(program)) for index, program in programs.items() if varies(program)}
    chosen: list[int] = []
    shown: set[str] = set()
    while left and len(chosen) < count:
        best = max(left, key=lambda index: (len(left[index] - shown), -size(programs[index]), -index))
        chosen.append(best)
        shown |= left.pop(best)
    if not chosen:
        return fixed[:count] or range(count), None
    return chosen, fixed[0] if len(fixed) > len(programs) * SHARE_FIXED else None


def _candidates(draw: Draw, seed: tuple[int, ...], count: int) -> Iterator[tuple[int, Program]]:
    found = 0
    for index in range(count):
        if index == HOPELESS and not found:
            return
        program = draw(Menu(mix(*seed, index), mix(*seed, index)))
        if program is not None:
            found += 1
            yield index, program


def varies(program: Program) -> bool:
    """Whether there are values to draw."""
    return any(isinstance(step, Leaf) and isinstance(step.data, bytes) and step.data for step in program.steps)


def size(program: Program) -> int:
    """How many numbers the leaves hold."""
    return sum(math.prod(step.shape) for step in program.steps if isinstance(step, Leaf))


def kinds(program: Program) -> Iterator[str]:
    """What a program shows, as words."""
    leaves = [step for step in program.steps if isinstance(step, Leaf)]
    for leaf in leaves:
        yield leaf.dtype
        yield leaf.layout
        yield f"rank {len(leaf.shape)}"
        yield "empty" if 0 in leaf.shape else "one element" if set(leaf.shape) <= {1} else "several"
    if len({leaf.shape for leaf in leaves}) > 1:
        yield "several shapes"
    for step in program.steps:
        if isinstance(step, Call):
            yield f"{step.op} {step.form} {len(step.args)}"
            yield from (f"{step.op}.{name}={value!r}" for name, value in step.attrs)
