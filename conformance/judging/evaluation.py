"""The values of a program with 60 digits, and their derivatives by central differences: what the arbiter goes by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath
import numpy as np

from ..catalogue import find as find_operator
from ..programs import program as p
from ..programs.functions import WRITING
from ..programs.leafdata import is_complex, leaf_array
from . import definitions
from .compare import Divergence
from .differences import STEPS, Function, Kink, along, cotangent, slope, tangent, weighted_change
from .references import NoReference

MAX_ELEMENTS, MAX_LINEAR = 400, 1 << 17
LINEAR = frozenset({"scan", "index", "shape", "views", "join", "reduce", "masked"})
"""Families whose definitions take a few plain operations an element."""
WEIGHTS = {"pointwise": 10, "activation": 10, "special": 200, **dict.fromkeys(LINEAR, 1)}
"""What an element of a family's results costs with 60 digits, in additions (some 2 µs); 50 for any other family."""
WORK, WORK_LARGE = 5_000_000, 12_000_000
"""The additions that an evaluation may cost: the same verdict on a slow machine, and under load, as on a fast one."""
SECONDS = 120.0
"""Processor time after which an evaluation is given up, whatever it was estimated to cost."""
MAX_EVALUATIONS = 20000
_VALUE_STEPS = (p.Leaf, p.Call, p.Item, p.Backward, p.Grad, p.GradOf, p.Observe, p.Transform)


def lift(array: np.ndarray) -> np.ndarray:
    """An array as exact mpmath numbers."""
    if array.dtype == object:
        return array
    if array.dtype.kind == "c":
        parts = [_exact(np.ascontiguousarray(part, np.float64)) for part in (array.real, array.imag)]
        return np.asarray(np.frompyfunc(mpmath.mpc, 2, 1)(*parts), dtype=object).reshape(array.shape)
    return _exact(array.astype(np.float64))


def _exact(array: np.ndarray) -> np.ndarray:
    """Float64 numbers as mpmath's; each distinct one is converted once, since few numbers make up most data."""
    distinct, places = np.unique(array.reshape(-1), return_inverse=True)
    numbers = np.empty(distinct.shape, object)
    numbers[:] = [mpmath.mpf(number) for number in distinct.tolist()]
    return np.asarray(numbers.take(places), dtype=object).reshape(array.shape)


@dataclass(slots=True)
class Budget:
    """What may still be spent on an evaluation: additions, and processor time up to a moment."""

    left: int
    deadline: float

    def spend(self, additions: int) -> None:
        """Raises NoReference when the evaluation as a whole costs too much."""
        self.left -= additions
        if self.left < 0 or time.process_time() > self.deadline:
            raise NoReference("too much work with 60 digits")


class Evaluation:
    """Values of a program in high precision; ``overrides`` put other values in some steps' place."""

    def __init__(self, program: p.Program) -> None:
        for step in program.steps:
            _check(step)
        self.steps: tuple[Any, ...] = program.steps
        self.most = MAX_LINEAR if all(map(_is_linear, program.steps)) else MAX_ELEMENTS
        self.spent = 0
        self.budget = Budget(WORK_LARGE if self.most == MAX_LINEAR else WORK, time.process_time() + SECONDS)
        self.lifted: dict[int, np.ndarray] = {}
        self.parameters: dict[int, Any] = {}

    def at(self, found: Divergence, place: tuple[int, ...]) -> Any:
        """The true element at the place of a divergence."""
        kind, index, path = found.place
        if kind == "gradient":
            return self.gradient(index, len(self.steps), {}, 0, place)[place]
        if kind != "step":
            raise NoReference(f"a {kind} isn't a value")
        step = self.steps[index]
        while isinstance(step, (p.Item, p.Observe)):
            path = (step.index, *path) if isinstance(step, p.Item) else path
            index, step = step.value.index, self.steps[step.value.index]
        if isinstance(step, p.Grad):
            target = step.inputs[path[0]].index
            return self._pull(step.outputs, step.grad_outputs, target, {}, 0, place)[place]
        if isinstance(step, p.Transform):
            return self.transformed(step, path, place)
        value = self.value(index, {}, 0)
        for part in path:
            value = value[part]
        return value[place]

    def transformed(self, step: p.Transform, path: tuple[int, ...], place: tuple[int, ...], depth: int = 0) -> Any:
        """One element of what a transform returns: of (results, tangents) or (results, gradients …)."""
        function, point, several = self._function(step)
        options = {k: tuple(self.value(r.index, {}, 0) for r in v) for k, v in step.options if _are_refs(v)}
        if step.kind in ("jvp_of_vjp", "vjp_of_jvp"):
            return self._second(step, function, point, options, path[0], place)
        if step.kind not in ("jvp", "vjp"):
            raise NoReference(f"the arbiter doesn't run {step.kind}")
        if path[0] == 0:
            return function(*point)[path[1] if several else 0][place]
        if step.kind == "jvp":
            return tangent(function, point, options["tangents"], path[1] if several else 0, place, depth)
        target = path[0] - 1
        is_complex = self._is_complex(step.args[target].index, point[target])
        return cotangent(function, point, options["cotangents"], target, place, is_complex, depth)

    def _second(
        self, step: p.Transform, function: Function, point: list[Any], options: Any, target: int, place: tuple[int, ...]
    ) -> Any:
        """One element of how the gradient in one argument changes along tangents: in either order the same."""
        is_complex = self._is_complex(step.args[target].index, point[target])

        def moved(shift: Any) -> Any:
            here = [np.asarray(x + shift * t, dtype=object) for x, t in zip(point, options["tangents"])]
            return cotangent(function, here, options["cotangents"], target, place, is_complex, 1)

        return along(moved, STEPS[0])

    def _function(self, step: p.Transform) -> tuple[Function, list[Any], bool]:
        """A transform's region as a function, the arguments it has, and whether it returns several results."""
        if step.region is None:
            raise NoReference(f"{step.kind} of a named rule")
        region, kept = step.region, [self.value(r.index, {}, 0) for r in step.captures]
        point = [self.value(r.index, {}, 0) for r in step.args]
        inner = Evaluation(p.Program(region.steps))
        inner.budget, inner.steps = self.budget, (*[None] * region.params, *region.steps)
        inner.parameters = dict(enumerate((*point, *kept)))

        def function(*args: Any) -> list[Any]:
            return [inner.value(r.index, dict(enumerate((*args, *kept))), 1) for r in region.results]

        return function, point, len(region.results) > 1

    def value(self, index: int, overrides: dict[int, Any], depth: int) -> Any:
        """The value of a step. Raises NoReference when the evaluation as a whole costs too much."""
        self.spent += 1
        if self.spent > MAX_EVALUATIONS:
            raise NoReference("the program is too large to evaluate in high precision")
        if index in overrides:
            return overrides[index]
        if index in self.parameters:
            return self.parameters[index]
        step = self.steps[index]
        if isinstance(step, p.Leaf):
            if index not in self.lifted:
                self.lifted[index] = self._leaf(step)
            return self.lifted[index]
        if isinstance(step, p.Call):
            return self._call(step, overrides, depth)
        if isinstance(step, p.Item):
            return self.value(step.value.index, overrides, depth)[step.index]
        if isinstance(step, p.Grad):
            return self._grad(step, overrides, depth)
        if isinstance(step, p.GradOf):
            return self.gradient(step.value.index, index, overrides, depth)
        if not isinstance(step, p.Observe):
            raise NoReference(f"{type(step).__name__} isn't a step of a value program")
        return self.value(step.value.index, overrides, depth)

    def _leaf(self, step: p.Leaf) -> np.ndarray:
        array = leaf_array(step)
        if array.size > self.most:
            raise NoReference(f"{array.size} elements are too many to evaluate in high precision")
        return lift(array) if array.dtype.kind in "fcV" else array

    def _call(self, step: p.Call, overrides: dict[int, Any], depth: int) -> Any:
        definition = definitions.REFERENCES.get(step.op)
        if definition is None:
            raise NoReference(f"{step.op} has no definition in high precision")
        # What is detached doesn't move with its source.
        seen = {} if step.op == "detach" else overrides

        def resolve(argument: Any) -> Any:
            if isinstance(argument, p.Ref):
                return self.value(argument.index, seen, depth)
            return tuple(map(resolve, argument)) if isinstance(argument, tuple) else argument

        args = tuple(map(resolve, step.args))
        result = definition(*args, **{k: resolve(v) for k, v in step.attrs})
        elements = sum(np.size(part) for part in (*args, *(result if isinstance(result, tuple) else (result,))))
        self.budget.spend(elements * WEIGHTS.get(find_operator(step.op).family, 50))
        return result if isinstance(result, tuple) else np.asarray(result, dtype=object)

    def gradient(
        self, leaf: int, end: int, overrides: dict[int, Any], depth: int, only: tuple[int, ...] | None = None
    ) -> Any:
        """``.grad`` of a value before step ``end``: the sum over the backward passes so far."""
        total = None
        for step in self.steps[:end]:
            if isinstance(step, p.Backward) and (step.inputs is None or p.Ref(leaf) in step.inputs):
                part = self._pull(step.roots, step.gradients, leaf, overrides, depth, only)
                total = part if total is None else total + part
        if total is None:
            raise NoReference("no backward pass reaches the value")
        return total

    def _grad(self, step: p.Grad, overrides: dict[int, Any], depth: int) -> tuple[Any, ...]:
        if step.is_grads_batched:
            raise NoReference("batched gradients")
        return tuple(self._pull(step.outputs, step.grad_outputs, ref.index, overrides, depth) for ref in step.inputs)

    def _pull(
        self,
        roots: Any,
        given: Any,
        target: int,
        overrides: dict[int, Any],
        depth: int,
        only: tuple[int, ...] | None = None,
    ) -> Any:
        """The vector-Jacobian product by differences, one element and one part of it at a time (or ``only`` one)."""
        if depth >= len(STEPS):
            raise NoReference("third derivatives")
        point = self.value(target, overrides, depth + 1)
        weights = [
            None if given is None or g is None else self.value(g.index, overrides, depth + 1)
            for g in (given if given is not None else roots)
        ]
        base = cache(lambda: [self.value(root.index, overrides, depth + 1) for root in roots])
        directions = (1, mpmath.mpc(0, 1)) if self._is_complex(target, point) else (1,)
        out = np.zeros(point.shape, dtype=object)
        for place in np.ndindex(*point.shape) if only is None else (only,):
            for unit in directions:
                out[place] += unit * self._slope(roots, weights, base, target, point, place, unit, overrides, depth)
        return out

    def _is_complex(self, target: int, point: np.ndarray) -> bool:
        step = self.steps[target]
        if isinstance(step, p.Leaf):
            return is_complex(step.dtype)
        return any(isinstance(v, mpmath.mpc) for v in point.reshape(-1))

    def _slope(
        self,
        roots: Any,
        weights: Any,
        base: Callable[[], list[Any]],
        target: int,
        point: Any,
        place: Any,
        unit: Any,
        overrides: Any,
        depth: int,
    ) -> Any:
        def there(shift: Any) -> dict[int, Any]:
            moved = point.copy()
            moved[place] = moved[place] + shift * unit
            return {**overrides, target: moved}

        def total(shift: Any) -> Any:
            where = there(shift)
            return weighted_change([self.value(root.index, where, depth + 1) for root in roots], base(), weights)

        swept = self._sole_grad(roots, weights, depth)
        if swept is not None:
            try:
                return slope(lambda shift: self._along(swept, roots, weights, there(shift), depth + 1), STEPS[depth])
            except Kink:
                pass  # perhaps of an element that has no part in this one
        return slope(total, STEPS[depth])

    def _sole_grad(self, roots: Any, weights: Any, depth: int) -> p.Grad | None:
        """The one pass whose gradients in leaves the roots are: their weighted sum is one derivative, along the
        weights, instead of as many as there are elements."""
        steps = [self.steps[root.index] for root in roots]
        passes = {step.value.index for step in steps if isinstance(step, p.Item)}
        found = self.steps[passes.pop()] if len(passes) == 1 and depth + 1 < len(STEPS) else None
        if not isinstance(found, p.Grad) or found.is_grads_batched or any(w is None for w in weights):
            return None
        of_leaves = all(isinstance(self.steps[ref.index], p.Leaf) for ref in found.inputs)
        are_apart = len({step.index for step in steps if isinstance(step, p.Item)}) == len(steps)
        return found if of_leaves and are_apart else None

    def _along(self, step: p.Grad, roots: Any, weights: Any, overrides: dict[int, Any], depth: int) -> Any:
        """Re Σ conj(weight)·gradient of a pass: how its weighted outputs change along the weights."""
        given = step.grad_outputs or [None] * len(step.outputs)
        held = [None if g is None else self.value(g.index, overrides, depth) for g in given]
        base = [self.value(ref.index, overrides, depth) for ref in step.outputs]
        path = {step.inputs[self.steps[root.index].index].index: w for root, w in zip(roots, weights)}
        point = {leaf: self.value(leaf, overrides, depth) for leaf in path}

        def total(shift: Any) -> Any:
            moved = {leaf: np.asarray(x + shift * path[leaf], dtype=object) for leaf, x in point.items()}
            where = {**overrides, **moved}
            return weighted_change([self.value(ref.index, where, depth) for ref in step.outputs], base, held)

        return slope(total, STEPS[depth])


def _check(step: p.Step) -> None:
    if isinstance(step, p.Transform) and not WRITING.isdisjoint(v for _, v in step.options if isinstance(v, str)):
        raise NoReference("a function that writes into its argument isn't a step of a value program")
    if not isinstance(step, _VALUE_STEPS) or (isinstance(step, p.Call) and step.form == "inplace"):
        raise NoReference(f"{type(step).__name__} isn't a step of a value program")
    # What a transform differentiates inside takes no notice of the modes around it; what has a definition, of seeds.
    if not isinstance(step, p.Transform) and not all(mode in p.SEEDS for mode in step.modes):
        raise NoReference("modes aren't part of a value program")


def _is_linear(step: p.Step) -> bool:
    if isinstance(step, p.Transform):
        return step.region is not None and all(map(_is_linear, step.region.steps))
    return not isinstance(step, p.Call) or find_operator(step.op).family in LINEAR


def _are_refs(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(part, p.Ref) for part in value)
