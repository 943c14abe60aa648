"""Functional engines: given a function, they return its value and its vector-Jacobian product.

A program is evaluated as a pure function of its leaves: each Backward or Grad step differentiates the steps before it
once more. What a tape alone can say (hooks, flags, writes) is not claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import program as p
from ..leafdata import leaf_array
from ..trace import Nothing, Observed, Outcome, Raised, Trace
from . import UNCLAIMED, error_kind

Vjp = Callable[[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]


class Functional:
    """``operators``: name → function(*args, **attrs) on the engine's arrays. ``vjp(function, args, cotangents)``:
    the gradients by argument of a function that returns a tuple."""

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
    ) -> None:
        self.name = name
        self.version = version
        self.operators = operators
        self.vjp = vjp
        self.array = array
        self.numpy = numpy
        claimed = {f"op:{op}" for op in operators} | {f"dtype:{dtype}" for dtype in dtypes}
        self.claims = frozenset(claimed | {"vjp", "double"})

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        if noise is not None:
            raise NotImplementedError(f"{self.name} can't be the oracle: it has no noisy form")
        return _Run(self, program).run()

    def see(self, value: Any) -> Outcome:
        """An array's value, dtype and shape."""
        array = np.array(self.numpy(value))
        return Observed(array, array.dtype.name, array.shape)

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        raise NotImplementedError("a functional engine has no namespace of torch's kind")


class _Run:
    def __init__(self, engine: Functional, program: p.Program) -> None:
        self.engine = engine
        self.steps = program.steps
        self.known: dict[int, Any] = {}
        self.gradients: dict[int, Any] = {}
        self.broken: set[int] = set()

    def run(self) -> Trace:
        trace = Trace()
        for index, step in enumerate(self.steps):
            trace.steps.append(self._step(index, step))
        trace.gradients = {leaf: self._see(value) for leaf, value in self.gradients.items()}
        return trace

    def _step(self, index: int, step: p.Step) -> Outcome:
        if any(ref.index in self.broken for name in _OPERANDS for ref in p.refs(getattr(step, name, None))):
            self.broken.add(index)
            return Nothing(skipped=True)
        try:
            if isinstance(step, p.Backward):
                return self._backward(step)
            value = self.known[index] = self._evaluate(index, {})
            return Nothing() if isinstance(step, p.Leaf) else self._see(value)
        except NotImplementedError as error:
            self.broken.add(index)
            return Raised(UNCLAIMED, str(error))
        except Exception as error:
            self.broken.add(index)
            return Raised(error_kind(error), str(error))

    def _see(self, value: Any) -> Outcome:
        if isinstance(value, tuple):
            return tuple(map(self._see, value))
        return Nothing() if value is None else self.engine.see(value)

    def _evaluate(self, index: int, given: dict[int, Any]) -> Any:
        """A step's value where some values are given (traced); the others are known or follow from them."""
        if index in given:
            return given[index]
        if index in self.known and not given:
            return self.known[index]
        step = self.steps[index]
        if isinstance(step, p.Leaf):
            value = self.known.get(index)
            return self.engine.array(leaf_array(step)) if value is None else value
        value = self._compute(step, given)
        given[index] = value
        return value

    def _compute(self, step: p.Step, given: dict[int, Any]) -> Any:
        if isinstance(step, p.Call):
            function = self.engine.operators[step.op]
            args = [self._resolve(argument, given) for argument in step.args]
            return function(*args, **{name: self._resolve(value, given) for name, value in step.attrs})
        if isinstance(step, p.Item):
            return self._evaluate(step.value.index, given)[step.index]
        if isinstance(step, p.Observe):
            return self._evaluate(step.value.index, given)
        if isinstance(step, p.Grad):
            return self._pull(step.outputs, step.grad_outputs, [ref.index for ref in step.inputs], given)
        raise NotImplementedError(f"{type(step).__name__} steps")

    def _resolve(self, argument: Any, given: dict[int, Any]) -> Any:
        if isinstance(argument, p.Ref):
            return self._evaluate(argument.index, given)
        if isinstance(argument, tuple):
            return tuple(self._resolve(part, given) for part in argument)
        if isinstance(argument, p.Slice):
            return slice(argument.start, argument.stop, argument.step)
        return argument

    def _pull(self, roots: Any, cotangents: Any, targets: list[int], given: dict[int, Any]) -> tuple[Any, ...]:
        if self._entangled(targets):
            return tuple(self._pull(roots, cotangents, [target], given)[0] for target in targets)
        base = {k: v for k, v in given.items() if k < max(ref.index for ref in roots) + 1}

        def function(*values: Any) -> tuple[Any, ...]:
            fixed = {k: v for k, v in base.items() if not self._follows(k, targets)}
            inner = {**fixed, **dict(zip(targets, values))}
            return tuple(self._evaluate(ref.index, inner) for ref in roots)

        args = tuple(self._evaluate(target, given) for target in targets)
        seeds = tuple(self._evaluate(ref.index, given) for ref in cotangents)
        return self.engine.vjp(function, args, seeds)

    def _entangled(self, targets: list[int]) -> bool:
        """Whether a target is listed twice or depends on another: they aren't independent variables of one function."""
        if len(targets) == 1:
            return False
        others = [(t, [u for u in targets if u != t]) for t in targets]
        return len(set(targets)) < len(targets) or any(self._follows(t, rest) for t, rest in others)

    def _follows(self, index: int, targets: list[int]) -> bool:
        """Whether a value depends on a target, so that it must be computed anew from the traced one."""
        if index in targets:
            return True
        step = self.steps[index]
        return any(self._follows(ref.index, targets) for name in _OPERANDS for ref in p.refs(getattr(step, name, None)))

    def _backward(self, step: p.Backward) -> Outcome:
        targets = [i for i, s in enumerate(self.steps) if isinstance(s, p.Leaf) and s.requires_grad]
        targets = [t for t in targets if any(self._follows(ref.index, [t]) for ref in step.roots)]
        for target, gradient in zip(targets, self._pull(step.roots, step.gradients, targets, {})):
            before = self.gradients.get(target)
            self.gradients[target] = gradient if before is None else before + gradient
        return Nothing()


_OPERANDS = ("args", "attrs", "value", "outputs", "inputs", "grad_outputs", "roots", "gradients")
