"""A program's steps evaluated as pure functions of its leaves, for engines that differentiate functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..programs import program as p
from ..programs.trace import Nothing, Raised
from . import UNCLAIMED, error_kind
from .regions import transform

if TYPE_CHECKING:
    from .functional import Functional

Values = dict[int, Any]
_OPERANDS = ("args", "attrs", "captures", "options", "value", "outputs", "inputs", "grad_outputs", "roots", "gradients")


class Evaluation:
    """One run. ``known`` are values by index: at first the leaves, or a region's parameters."""

    def __init__(self, engine: Functional, steps: Sequence[p.Step | None], known: Values) -> None:
        self.engine = engine
        self.steps = steps
        self.known = known
        self.gradients: Values = {}
        self.broken: set[int] = set()

    def run(self) -> tuple[list[Any], Values]:
        """What each step made (an array, a tuple, Nothing or Raised), and the leaves' gradients."""
        return [self._step(index, step) for index, step in enumerate(self.steps) if step is not None], self.gradients

    def region(self, region: p.Region, captures: tuple[Any, ...]) -> Callable[..., Any]:
        """The function that a region is: of its parameters, the captured ones given. Several results are a tuple."""
        steps = (*(None,) * region.params, *region.steps)

        def function(*args: Any) -> Any:
            inner = Evaluation(self.engine, steps, dict(enumerate((*args, *captures))))
            results = tuple(inner.evaluate(ref.index, {}) for ref in region.results)
            return results[0] if len(results) == 1 else results

        return function

    def _step(self, index: int, step: p.Step) -> Any:
        if any(ref.index in self.broken for ref in _operands(step)):
            self.broken.add(index)
            return Nothing(skipped=True)
        try:
            if step.modes:
                raise NotImplementedError("modes of recording")
            if isinstance(step, p.Backward):
                self._backward(step)
                return Nothing()
            value = self.known[index] = self.evaluate(index, {})
            return Nothing() if isinstance(step, p.Leaf) else value
        except self.engine.untraceable:
            raise
        except Exception as error:
            self.broken.add(index)
            kind = UNCLAIMED if isinstance(error, NotImplementedError) else error_kind(error)
            return Raised(kind, str(error))

    def evaluate(self, index: int, given: Values) -> Any:
        """A step's value where some values are given (traced); the others are known or follow from them."""
        if index in given:
            return given[index]
        if index in self.known and not given:
            return self.known[index]
        step = self.steps[index]
        if step is None or isinstance(step, p.Leaf):
            return self.known[index]
        value = self._compute(step, given)
        (given if given else self.known)[index] = value
        return value

    def _compute(self, step: p.Step, given: Values) -> Any:
        if isinstance(step, p.Call):
            function = self.engine.operators[step.op]
            args = [self._resolve(argument, given) for argument in step.args]
            return function(*args, **{name: self._resolve(value, given) for name, value in step.attrs})
        if isinstance(step, p.Item):
            return self.evaluate(step.value.index, given)[step.index]
        if isinstance(step, p.Observe):
            return self.evaluate(step.value.index, given)
        if isinstance(step, p.Grad):
            return self._grad(step, given)
        if isinstance(step, p.Transform):
            return self._transform(step, given)
        raise NotImplementedError(f"{type(step).__name__} steps")

    def _resolve(self, argument: Any, given: Values) -> Any:
        if isinstance(argument, p.Ref):
            return self.evaluate(argument.index, given)
        if isinstance(argument, tuple):
            return tuple(self._resolve(part, given) for part in argument)
        if isinstance(argument, p.Slice):
            return slice(argument.start, argument.stop, argument.step)
        return argument.name if isinstance(argument, p.Dtype) else argument

    def _transform(self, step: p.Transform, given: Values) -> Any:
        if step.region is None:
            raise NotImplementedError(f"a {step.kind} of no region")
        function = self.region(step.region, self._resolve(step.captures, given))
        options = {name: self._resolve(value, given) for name, value in step.options}
        return transform(self.engine, step.kind, function, self._resolve(step.args, given), options)

    # Derivatives

    def _grad(self, step: p.Grad, given: Values) -> tuple[Any, ...]:
        if step.is_grads_batched:
            raise NotImplementedError("a batch of cotangents")
        return self._pull(step.outputs, step.grad_outputs, [ref.index for ref in step.inputs], given)

    def _pull(self, roots: Any, cotangents: Any, targets: list[int], given: Values) -> tuple[Any, ...]:
        if self._entangled(targets):
            return tuple(self._pull(roots, cotangents, [target], given)[0] for target in targets)
        base = {k: v for k, v in given.items() if k <= max(ref.index for ref in roots)}

        def function(*values: Any) -> tuple[Any, ...]:
            fixed = {k: v for k, v in base.items() if not self._follows(k, targets)}
            inner = {**fixed, **dict(zip(targets, values))}
            return tuple(self.evaluate(ref.index, inner) for ref in roots)

        args = tuple(self.evaluate(target, given) for target in targets)
        return self.engine.vjp(function, args, self._seeds(roots, cotangents, given))

    def _seeds(self, roots: Any, cotangents: Any, given: Values) -> tuple[Any, ...]:
        """The cotangents; one that is not given is 1, for a root of one element."""
        pairs = zip(roots, cotangents or (None,) * len(roots))
        return tuple(
            self.evaluate(root.index, given) * 0 + 1 if ref is None else self.evaluate(ref.index, given)
            for root, ref in pairs
        )

    def _entangled(self, targets: list[int]) -> bool:
        """Whether a target is listed twice or depends on another: they aren't independent variables of one function."""
        if len(targets) == 1:
            return False
        others = [(t, [u for u in targets if u != t]) for t in targets]
        return len(set(targets)) < len(targets) or any(self._follows(t, rest) for t, rest in others)

    def _follows(self, index: int, targets: list[int]) -> bool:
        """Whether a value depends on a target, so that it must be computed anew from the traced one. A gradient
        without ``create_graph`` is a constant."""
        if index in targets:
            return True
        step = self.steps[index]
        if step is None or (isinstance(step, p.Grad) and not step.create_graph):
            return False
        return any(self._follows(ref.index, targets) for ref in _operands(step))

    def _backward(self, step: p.Backward) -> None:
        targets = [i for i, s in enumerate(self.steps) if isinstance(s, p.Leaf) and s.requires_grad]
        targets = [t for t in targets if any(self._follows(ref.index, [t]) for ref in step.roots)]
        for target, gradient in zip(targets, self._pull(step.roots, step.gradients, targets, {})):
            before = self.gradients.get(target)
            self.gradients[target] = gradient if before is None else before + gradient


def _operands(step: p.Step) -> list[p.Ref]:
    return [ref for name in _OPERANDS for ref in p.refs(getattr(step, name, None))]
