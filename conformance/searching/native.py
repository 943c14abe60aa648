"""A program as a script for an engine with other names than PyTorch's: its adapter's table, its own vjp or tape.

The script runs where the engine is installed, with this package on the path (``refgrad replay`` sees to that).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..programs import program as p
from ..programs.leafdata import leaf_array
from .script import argument, numbers

WHOLE = "torch:compile"
"""It compiles whole stretches of a program: there is no table of single calls."""
PACKAGE = str(__package__).partition(".")[0]


class Unwritable(ValueError):
    """The program has steps that an engine of functions has no words for."""


def native_script(program: p.Program, engine: str, shown: int | None = None, expected: str = "") -> str:
    """Python source that runs the program on an engine and prints the step ``shown`` (default: the last value)."""
    if engine.startswith(WHOLE):
        return _as_data(program, engine, shown, expected)
    writer = _Tape(program) if any(map(_is_write, program.steps)) else _Functions(program)
    try:
        body = [line for index, step in enumerate(program.steps) for line in writer.lines(index, step, "")]
    except Unwritable:
        return _as_data(program, engine, shown, expected)
    head = ["import numpy as np", f"from {PACKAGE}.backends import load"]
    if "leaf_array(" in "".join(body):
        head += [
            f"from {PACKAGE}.programs.leafdata import leaf_array",
            f"from {PACKAGE}.programs.program import Leaf, Pattern",
        ]
    if "transform(" in "".join(body):
        head += [f"from {PACKAGE}.backends.regions import transform"]
    comment = f"  # expected: {expected}" if expected else ""
    start = [f"engine = load({engine!r})", "op = engine.operators"]
    return "\n".join([*head, "", *start, "", *body, f"print({writer.shown(shown)}){comment}", ""])


def _as_data(program: p.Program, engine: str, shown: int | None, expected: str) -> str:
    """For an engine that runs programs whole, such as a compiler."""
    step = len(program.steps) - 1 if shown is None else shown
    comment = f"  # expected: {expected}" if expected else ""
    lines = (
        "import json",
        f"from {PACKAGE}.backends import load",
        f"from {PACKAGE}.programs.codec import decode_program",
        "",
        f"program = decode_program(json.loads({program.canonical()!r}))",
        f"trace = load({engine!r}).execute(program)",
        f"print(trace.steps[{step}], trace.gradients){comment}",
        "",
    )
    return "\n".join(lines)


def _is_write(step: p.Step) -> bool:
    return isinstance(step, p.Write) or (isinstance(step, p.Call) and step.form == "inplace")


class _Functions:
    """Steps as values, and derivatives of functions that make them anew from what is differentiated."""

    def __init__(self, program: p.Program) -> None:
        self.steps: tuple[p.Step | None, ...] = program.steps
        self.gradients: list[int] = []

    def shown(self, index: int | None) -> str:
        step = None if index is None else self.steps[index]
        if step is not None and not isinstance(step, (p.Leaf, p.Backward)):
            return f"v{index}"
        if self.gradients:
            return f"g{index}" if index in self.gradients else ", ".join(f"g{i}" for i in self.gradients)
        made = [i for i, step in enumerate(self.steps) if not isinstance(step, (p.Leaf, p.Backward))]
        return f"v{made[-1]}" if made else "'ran'"

    def lines(self, index: int, step: p.Step | None, indent: str) -> Iterator[str]:
        """The source of a step."""
        if step is None or step.modes:
            raise Unwritable
        if isinstance(step, p.Leaf):
            yield f"{indent}v{index} = engine.array({leaf_source(step)})"
        elif isinstance(step, p.Call):
            yield f"{indent}v{index} = {call_source(step)}"
        elif isinstance(step, (p.Item, p.Observe)):
            place = f"[{step.index}]" if isinstance(step, p.Item) else ""
            yield f"{indent}v{index} = v{step.value.index}{place}"
        elif isinstance(step, p.Grad) and not step.is_grads_batched:
            yield from self._grad(index, step, indent)
        elif isinstance(step, p.Backward):
            yield from self._backward(index, step, indent)
        elif isinstance(step, p.Transform) and step.region is not None:
            yield from self._transform(index, step, step.region, indent)
        else:
            raise Unwritable

    def _grad(self, index: int, step: p.Grad, indent: str) -> Iterator[str]:
        targets = [ref.index for ref in step.inputs]
        seeds = _seeds(step.outputs, step.grad_outputs)
        if len(set(targets)) == len(targets) and not self._entangled(targets):
            yield from self._function(f"f{index}", targets, step.outputs, indent)
            yield f"{indent}v{index} = engine.vjp(f{index}, {_tuple(targets)}, {seeds})"
            return
        for place, target in enumerate(targets):
            yield from self._function(f"f{index}_{place}", [target], step.outputs, indent)
        each = (f"engine.vjp(f{index}_{k}, (v{t},), {seeds})[0]" for k, t in enumerate(targets))
        yield f"{indent}v{index} = ({', '.join(each)},)"

    def _entangled(self, targets: list[int]) -> bool:
        return any(self._follows(t, [u for u in targets if u != t]) for t in targets)

    def _backward(self, index: int, step: p.Backward, indent: str) -> Iterator[str]:
        leaves = [i for i, s in enumerate(self.steps) if isinstance(s, p.Leaf) and s.requires_grad]
        targets = [i for i in leaves if any(self._follows(ref.index, [i]) for ref in step.roots)]
        yield from self._function(f"f{index}", targets, step.roots, indent)
        yield f"{indent}found = engine.vjp(f{index}, {_tuple(targets)}, {_seeds(step.roots, step.gradients)})"
        for place, target in enumerate(targets):
            before = f"g{target} + " if target in self.gradients else ""
            yield f"{indent}g{target} = {before}found[{place}]"
        self.gradients += [target for target in targets if target not in self.gradients]

    def _function(self, name: str, targets: list[int], roots: tuple[p.Ref, ...], indent: str) -> Iterator[str]:
        """A function of what is differentiated, that makes the roots: the steps between are run again in it."""
        yield f"{indent}def {name}({', '.join(f'v{t}' for t in targets)}):"
        for index in sorted(self._between(targets, roots)):
            yield from self.lines(index, self.steps[index], indent + "    ")
        yield f"{indent}    return {_tuple(ref.index for ref in roots)}"

    def _between(self, targets: list[int], roots: tuple[p.Ref, ...]) -> set[int]:
        found: set[int] = set()
        waiting = [ref.index for ref in roots]
        while waiting:
            index = waiting.pop()
            if index in found or index in targets or not self._follows(index, targets):
                continue
            found.add(index)
            waiting += [ref.index for ref in _operands(self.steps[index])]
        return found

    def _follows(self, index: int, targets: list[int]) -> bool:
        if index in targets:
            return True
        step = self.steps[index]
        if step is None or (isinstance(step, p.Grad) and not step.create_graph):
            return False
        return any(self._follows(ref.index, targets) for ref in _operands(step))

    def _transform(self, index: int, step: p.Transform, region: p.Region, indent: str) -> Iterator[str]:
        own = region.params - len(step.captures)
        yield f"{indent}def f{index}({', '.join(f'v{i}' for i in range(own))}):"
        inner = _Functions(p.Program(region.steps))
        inner.steps = (*(None,) * region.params, *region.steps)
        if step.captures:
            raise Unwritable
        for place in range(region.params, len(inner.steps)):
            yield from inner.lines(place, inner.steps[place], indent + "    ")
        results = ", ".join(f"v{ref.index}" for ref in region.results)
        yield f"{indent}    return {results}"
        options = ", ".join(f"{name!r}: {value_source(value)}" for name, value in step.options)
        yield f"{indent}v{index} = transform(engine, {step.kind!r}, f{index}, {value_source(step.args)}, {{{options}}})"


class _Tape(_Functions):
    """Steps one after the other on the engine's own tape, for programs that write."""

    def lines(self, index: int, step: p.Step | None, indent: str) -> Iterator[str]:
        if isinstance(step, p.Leaf) and not step.modes:
            yield f"v{index} = engine.leaf({leaf_source(step)}, {step.requires_grad})"
        elif isinstance(step, p.Call) and not step.modes:
            table = "engine.writes" if step.form == "inplace" else "op"
            yield f"v{index} = {call_source(step, table)}"
        elif isinstance(step, p.Write) and not step.modes:
            args = "".join(f", {value_source(value)}" for value in step.args)
            yield f"v{index} = engine.writes[{step.kind!r}](v{step.target.index}{args})"
        elif isinstance(step, p.Backward) and not step.modes:
            roots = [ref.index for ref in step.roots]
            yield f"engine.backward(list({_tuple(roots)}), list({_seeds(step.roots, step.gradients)}))"
            self.gradients = [i for i, s in enumerate(self.steps) if isinstance(s, p.Leaf) and s.requires_grad]
            yield from (f"g{i} = engine.gradient(v{i})" for i in self.gradients)
        elif isinstance(step, (p.Item, p.Observe)):
            yield from super().lines(index, step, indent)
        else:
            raise Unwritable


def _operands(step: p.Step | None) -> list[p.Ref]:
    names = ("args", "attrs", "captures", "options", "value", "outputs", "inputs", "grad_outputs", "roots", "gradients")
    return [ref for name in names for ref in p.refs(getattr(step, name, None))]


def _tuple(indices: Iterable[int]) -> str:
    return f"({', '.join(f'v{index}' for index in indices)},)"


def _seeds(roots: tuple[p.Ref, ...], given: Any) -> str:
    pairs = zip(roots, given or (None,) * len(roots))
    parts = [f"v{root.index} * 0 + 1" if g is None else f"v{g.index}" for root, g in pairs]
    return f"({', '.join(parts)},)"


def call_source(step: p.Call, table: str = "op") -> str:
    """A call by the adapter's table."""
    args = [value_source(value) for value in step.args]
    attrs = [f"{name}={value_source(value)}" for name, value in step.attrs]
    return f"{table}[{step.op!r}]({', '.join([*args, *attrs])})"


def value_source(value: Any) -> str:
    """An argument; dtypes are names here."""
    if isinstance(value, p.Dtype):
        return repr(value.name)
    if isinstance(value, tuple):
        return "(" + "".join(value_source(part) + ", " for part in value).rstrip() + ")"
    return argument(value)


def leaf_source(step: p.Leaf) -> str:
    """A leaf's data as a NumPy array."""
    array = leaf_array(step)
    if isinstance(step.data, p.Pattern) or step.dtype == "bfloat16":
        return f"leaf_array({p.Leaf(step.data, step.dtype, step.shape, step.layout)!r})"
    values = numbers(step).replace("float('nan')", "np.nan").replace("float('inf')", "np.inf")
    shaped = f".reshape({step.shape})" if 0 in array.shape else ""
    return f"np.array({values}, {step.dtype!r}){shaped}"
