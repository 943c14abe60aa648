"""Functional engines: given a function, they return its value and its vector-Jacobian product.

A program is evaluated as a pure function of its leaves: each Backward or Grad step differentiates the steps before it
once more, each Transform its region. What a tape alone can say (hooks, flags, writes) is not claimed.

Conjugates: PyTorch's vjp of a complex function is g · conj(f'), and so is what ``vjp`` here must give. An engine whose
vjp is the plain transpose (JAX, HIPS autograd) is given the conjugate of g, and gives the conjugate of PyTorch's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..programs import program as p
from ..programs.leafdata import leaf_array
from ..programs.trace import Nothing, Observed, Outcome, Raised, Trace
from .evaluating import Evaluation

Vjp = Callable[[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]
Jvp = Callable[[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]], tuple[tuple[Any, ...], tuple[Any, ...]]]
Transform = Callable[..., Any]
KEPT = 32
"""How many compiled programs are kept: those of one structure come one after another."""


class Functional:
    """Of the engine's arrays only + between them and with numbers, and * by a number, are asked for.

    ``operators``: name → function(*args, **attrs) on the engine's arrays; one that raises NotImplementedError says
    that it hasn't what it was asked for. ``vjp(function, args, cotangents)``: the gradients by argument of a function
    that returns a tuple. ``jvp(function, args, tangents)``: (outputs, tangents of them), both tuples. ``transforms``:
    the engine's own vmap, jacrev, jacfwd, hessian, as ``name(function, **options)``. ``twice``: whether a vjp can be
    differentiated.

    ``compiled``: the engine's jit. A whole program is then compiled as a function of its leaves' data, once for each
    structure; errors of the classes ``untraceable`` mean that it can't be, and it is run step by step. ``compiles``
    says what a compilation is for: then few structures are drawn, with many values each. ``together``: how an engine
    that is lazy computes several arrays at once."""

    family = "functional"

    def __init__(
        self,
        name: str,
        version: str,
        operators: Mapping[str, Callable[..., Any]],
        vjp: Vjp,
        dtypes: tuple[str, ...] = ("float32", "float64"),
        array: Callable[[np.ndarray], Any] = lambda array: array,
        numpy: Callable[[Any], np.ndarray] = np.asarray,
        *,
        twice: bool = True,
        jvp: Jvp | None = None,
        transforms: Mapping[str, Transform] | None = None,
        compiled: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
        untraceable: tuple[type[Exception], ...] = (),
        compiles: str = "no",
        together: Callable[[list[Any]], object] | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.operators = operators
        self.vjp = vjp
        self.jvp = jvp
        self.transforms = transforms or {}
        self.array = array
        self.numpy = numpy
        self.twice = twice
        self.compiled = compiled
        self.untraceable = untraceable
        self.compiles = compiles
        self.together = together
        self.claims = self._claims(dtypes)
        self._programs: OrderedDict[str, _Compiled | None] = OrderedDict()

    def _claims(self, dtypes: tuple[str, ...]) -> frozenset[str]:
        transforms = {"grad", "vjp", *self.transforms, *(("jvp",) if self.jvp else ())}
        tape = ("vjp", "grad", "double") if self.twice else ("vjp", "grad")
        named = {f"op:{op}" for op in self.operators} | {f"dtype:{dtype}" for dtype in dtypes}
        return frozenset(named | {f"transform:{kind}" for kind in transforms} | set(tape))

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        if noise is not None:
            raise NotImplementedError(f"{self.name} can't be the oracle: it has no noisy form")
        leaves = {i: leaf_array(step) for i, step in enumerate(program.steps) if isinstance(step, p.Leaf)}
        found = self._execute_compiled(program, leaves) if self.compiled else None
        if found is None:
            arrays = {index: self.array(leaf) for index, leaf in leaves.items()}
            found = Evaluation(self, program.steps, arrays).run()
        steps, gradients = found
        self._compute([*steps, *gradients.values()])
        return Trace([self.see(value) for value in steps], gradients={i: self.see(g) for i, g in gradients.items()})

    def _compute(self, found: list[Any]) -> None:
        """Has a lazy engine compute all that is shown at once; what then raises does so again when it is looked at."""
        if self.together is None:
            return
        parts = [part for value in found for part in (value if isinstance(value, tuple) else (value,))]
        with suppress(Exception):
            self.together([part for part in parts if part is not None and not isinstance(part, (Nothing, Raised))])

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        raise NotImplementedError("a functional engine has no namespace of torch's kind")

    def see(self, value: Any) -> Outcome:
        if isinstance(value, tuple):
            return tuple(map(self.see, value))
        if value is None:
            return Nothing()
        if isinstance(value, (Nothing, Raised)):
            return value
        return self.see_array(value)

    def see_array(self, value: Any) -> Outcome:
        """An array's value, dtype and shape."""
        array = np.array(self.numpy(value))
        return Observed(array, array.dtype.name, array.shape)

    def _execute_compiled(self, program: p.Program, leaves: dict[int, np.ndarray]) -> Any:
        """What the program makes, compiled; None where it can't be."""
        key = program.structure()
        if key not in self._programs:
            self._programs[key] = _Compiled(self, program)
            if len(self._programs) > KEPT:
                self._programs.popitem(last=False)
        known = self._programs[key]
        if known is None:
            return None
        try:
            return known(leaves)
        except self.untraceable:
            self._programs[key] = None
            return None


class _Compiled:
    """A program as a compiled function of its leaves' data. What it raises, and its shape, are known once traced."""

    def __init__(self, engine: Functional, program: p.Program) -> None:
        assert engine.compiled is not None
        self.engine = engine
        self.program = program
        self.shape: Any = None
        self.function = engine.compiled(self._traced)

    def _traced(self, leaves: dict[int, Any]) -> list[Any]:
        values: list[Any] = []
        self.shape = _taken(Evaluation(self.engine, self.program.steps, leaves).run(), values)
        return values

    def __call__(self, leaves: dict[int, np.ndarray]) -> Any:
        values = self.function(leaves)
        return _put_back(self.shape, values)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an array was."""

    index: int


def _taken(found: Any, values: list[Any]) -> Any:
    """What was found, with places for the engine's arrays, which are appended to ``values``."""
    if isinstance(found, (tuple, list)):
        return type(found)(_taken(part, values) for part in found)
    if isinstance(found, dict):
        return {key: _taken(part, values) for key, part in found.items()}
    if found is None or isinstance(found, (Nothing, Raised)):
        return found
    values.append(found)
    return _Place(len(values) - 1)


def _put_back(shape: Any, values: list[Any]) -> Any:
    if isinstance(shape, (tuple, list)):
        return type(shape)(_put_back(part, values) for part in shape)
    if isinstance(shape, dict):
        return {key: _put_back(part, values) for key, part in shape.items()}
    return values[shape.index] if isinstance(shape, _Place) else shape
