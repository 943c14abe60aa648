"""Few structures with many values each, for an engine that compiles for every shape.

A structure is all of a program but its leaves' data. Of some that are drawn, those are taken that show the most kinds
of things between them: dtypes, ranks, layouts, sizes, keywords, broadcasting. What that leaves out is in the results:
``structures`` is how many of the programs had one of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .program import Call, Leaf, Program
from .source import Menu, Source, mix

CANDIDATES = 24
PER_STRUCTURE = 25

Draw = Callable[[Source], Program | None]


def sources(draw: Draw, seed: tuple[int, ...], examples: int) -> Iterator[Menu]:
    """A source for each example, of the chosen structures in turn. ``draw`` gives None where there is no program."""
    chosen = choose(draw, seed, max(2, examples // PER_STRUCTURE))
    for index in range(examples):
        yield Menu(mix(*seed, chosen[index % len(chosen)]), mix(*seed, index))


def choose(draw: Draw, seed: tuple[int, ...], count: int) -> Sequence[int]:
    """The candidates that show the most, in the order of what each adds; the first ones where nothing is drawn."""
    drawn = ((index, draw(Menu(mix(*seed, index), mix(*seed, index)))) for index in range(max(CANDIDATES, count)))
    left = {index: frozenset(kinds(program)) for index, program in drawn if program is not None}
    chosen: list[int] = []
    shown: set[str] = set()
    while left and len(chosen) < count:
        best = max(left, key=lambda index: (len(left[index] - shown), -index))
        chosen.append(best)
        shown |= left.pop(best)
    return chosen or range(count)


def kinds(program: Program) -> Iterator[str]:
    """What a program shows, as words."""
    leaves = [step for step in program.steps if isinstance(step, Leaf)]
    yield f"shapes {sorted({leaf.shape for leaf in leaves})}"
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
