"""Engines with a tape and writes of their own: MyGrad, Paddle.

A program that writes is run step by step on the engine's tape; all others are evaluated as functions. A write through
what PyTorch calls a view is judged where the engine's result shares the memory too: a copy is the engine's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import catalogue
from ..programs import program as p
from ..programs.leafdata import leaf_array
from ..programs.trace import Nothing, Outcome, Raised, Trace
from . import UNCLAIMED, error_kind
from .functional import Functional
from .tables import REFUSALS, Table


def _assign(x: Any, index: Any, value: Any) -> Any:
    try:
        x[index] = value
    except REFUSALS as error:
        raise NotImplementedError(f"refused: {error}") from None
    return x


ASSIGNMENTS: Table = {
    "setitem": _assign,
    "copy_": lambda x, value: _assign(x, ..., value),
    "fill_": lambda x, value: _assign(x, ..., value),
    "zero_": lambda x: _assign(x, ..., 0.0),
}


def _is_write(step: p.Step) -> bool:
    return isinstance(step, p.Write) or (isinstance(step, p.Call) and step.form == "inplace")


class Tape(Functional):
    """``leaf(array, requires_grad)`` makes a tensor, ``writes`` are operators' in-place forms, which return what they
    wrote, ``backward(roots, cotangents)`` runs the tape, ``gradient(leaf)`` reads what it left (or None), and
    ``shares(x, y)`` says whether two tensors have memory in common."""

    def __init__(
        self,
        *given: Any,
        leaf: Callable[[np.ndarray, bool], Any],
        writes: Mapping[str, Callable[..., Any]],
        backward: Callable[[list[Any], list[Any]], None],
        gradient: Callable[[Any], Any],
        shares: Callable[[Any, Any], bool],
        **options: Any,
    ) -> None:
        super().__init__(*given, array=lambda array: leaf(array, False), **options)
        self.leaf = leaf
        self.writes = ASSIGNMENTS | dict(writes)
        self.backward = backward
        self.gradient = gradient
        self.shares = shares
        self.claims |= {"inplace"}

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        if noise is None and any(map(_is_write, program.steps)):
            return _Run(self, program).run()
        return super().execute(program, noise)


class _Run:
    def __init__(self, engine: Tape, program: p.Program) -> None:
        self.engine = engine
        self.steps = program.steps
        self.values: list[Any] = []
        self.broken = False

    def run(self) -> Trace:
        seen = [self._step(step) for step in self.steps]
        made = [i for i, step in enumerate(self.steps) if _is_parameter(step) and self.values[i] is not None]
        grads = {i: self.engine.gradient(self.values[i]) for i in made}
        return Trace(seen, gradients={i: self.engine.see(g) for i, g in grads.items() if g is not None})

    def _step(self, step: p.Step) -> Outcome:
        value: Any = None
        try:
            value = None if self.broken else self._act(step)
            return Nothing(self.broken) if value is None or isinstance(step, p.Leaf) else self.engine.see(value)
        except Exception as error:
            self.broken = True
            return Raised(UNCLAIMED if isinstance(error, NotImplementedError) else error_kind(error), str(error))
        finally:
            self.values.append(value)

    def _act(self, step: p.Step) -> Any:
        if isinstance(step, p.Leaf):
            return self.engine.leaf(leaf_array(step), step.requires_grad)
        if isinstance(step, p.Call):
            return self._call(step)
        if isinstance(step, p.Write):
            target = self._resolve(step.target)
            self._check_view(step.target, target)
            return self.engine.writes[step.kind](target, *self._resolve(step.args))
        if isinstance(step, p.Backward):
            return self.engine.backward(list(self._resolve(step.roots)), list(self._resolve(step.gradients)))
        if isinstance(step, (p.Item, p.Observe)):
            value = self._resolve(step.value)
            return value[step.index] if isinstance(step, p.Item) else value
        raise NotImplementedError(f"{type(step).__name__} steps")

    def _call(self, step: p.Call) -> Any:
        args = [self._resolve(argument) for argument in step.args]
        attrs = {name: self._resolve(value) for name, value in step.attrs}
        if step.form != "inplace":
            return self.engine.operators[step.op](*args, **attrs)
        if step.op not in self.engine.writes:
            raise NotImplementedError(f"{step.op} in place")
        self._check_view(step.args[0], args[0])
        return self.engine.writes[step.op](*args, **attrs)

    def _check_view(self, target: p.Ref, tensor: Any) -> None:
        made = self.steps[target.index]
        is_view = isinstance(made, p.Call) and catalogue.find(made.op).view
        if is_view and not self.engine.shares(tensor, self._resolve(made.args[0])):
            raise NotImplementedError(f"{made.op} copies here")

    def _resolve(self, argument: Any) -> Any:
        if isinstance(argument, p.Ref):
            return self.values[argument.index]
        if isinstance(argument, tuple):
            return tuple(self._resolve(part) for part in argument)
        if isinstance(argument, p.Slice):
            return slice(argument.start, argument.stop, argument.step)
        return argument


def _is_parameter(step: p.Step) -> bool:
    return isinstance(step, p.Leaf) and step.requires_grad
