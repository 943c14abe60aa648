"""How often each kind of step arises in drawn programs: ``python -m conformance.drawing.census [programs]`` prints it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from ..programs.program import Backward, Call, Flag, Grad, Hook, MultiHook, Program, SetGrad, Step, Transform, Write
from .source import Source, Stream, mix

Draw = Callable[[Source], Program]


def drawn(draw: Draw, count: int, seed: int = 0) -> Iterator[Program]:
    """``count`` programs of a generator."""
    return (draw(Stream(mix(seed, index))) for index in range(count))


def census(programs: Iterable[Program]) -> Counter[str]:
    """How many steps of each kind the programs hold, and how many run under each mode."""
    return Counter(name for program in programs for step in program.steps for name in _names(step))


def _names(step: Step) -> Iterator[str]:
    yield type(step).__name__
    for mode in step.modes:
        yield f"mode {mode}"
    if isinstance(step, Call) and step.form == "inplace":
        yield "Call in place"
    elif isinstance(step, (Write, Transform)):
        yield f"{type(step).__name__} {step.kind}"
    elif isinstance(step, Hook):
        yield f"Hook {step.kind}"
        yield f"Hook {step.action}"
    elif isinstance(step, MultiHook):
        yield f"MultiHook {step.mode}"
    elif isinstance(step, Flag):
        yield f"Flag {step.flag}"
    elif isinstance(step, SetGrad):
        yield "SetGrad None" if step.grad is None else "SetGrad value"
    elif isinstance(step, (Backward, Grad)):
        yield from _pass_names(step)


def _pass_names(step: Backward | Grad) -> Iterator[str]:
    name = type(step).__name__
    if step.create_graph:
        yield f"{name} create_graph"
    if isinstance(step, Grad):
        if len(step.inputs) > 1:
            yield "Grad of several"
    else:
        if step.inputs is not None:
            yield "Backward to inputs"
        if len(step.roots) > 1:
            yield "Backward from several"


def main(count: int) -> None:
    from .language import language

    found = census(drawn(language, count))
    for name in sorted(found):
        print(f"{1000 * found[name] / count:8.0f}  {name}")
    print(f"per 1000 of {count} whole-language programs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
