"""One run of one program on a torch-like engine, step by step."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import catalogue
from ..programs import program as p
from ..programs.leafdata import DTYPES, EPS, leaf_array
from ..programs.trace import NOTHING, Nothing, Observed, Outcome, Raised, Trace
from . import take_warnings
from .aspects import ASPECTS
from .hooking import register, register_multi
from .modes import within
from .noise import disturb, fixed_leaves, is_selecting
from .transforms import transform

if TYPE_CHECKING:
    from .torchlike import Torchlike


class Skipped(Exception):
    """The step uses a value that an earlier failing step should have made."""


class Failed:
    """Stands in for the value of a step that raised or was skipped."""


FAILED = Failed()
REAL = {"complex64": DTYPES["float32"], "complex128": DTYPES["float64"]}


class Run:
    """One run of one program."""

    def __init__(self, engine: Torchlike, noise: int | None = None) -> None:
        self.engine = engine
        self.ns = engine.ns
        self.values: list[Any] = []
        self.trace = Trace()
        self.leaves: list[int] = []
        self.noise = None if noise is None else np.random.default_rng(noise)
        self.fixed: frozenset[int] = frozenset()
        self.classes: dict[int, tuple[int, Any]] = {}
        self.nodes: list[Any] = []
        self.thread = 0
        self.is_inner = False

    def run(self, program: p.Program) -> Trace:
        take_warnings()
        if self.noise is not None:
            self.fixed = fixed_leaves(program)
        outcomes, guarded = self.trace.steps, self.guarded
        for step in program.steps:
            outcomes.append(guarded(step))
        self._read_gradients()
        self.trace.warnings = take_warnings()
        return self.trace

    def guarded(self, step: p.Step) -> Outcome:
        """Runs a step; whatever it raises is an outcome."""
        try:
            value = self.act(step) if step.modes else _STEPS[type(step)](self, step)
        except Skipped:
            self.values.append(FAILED)
            return Nothing(skipped=True)
        except Exception as error:
            self.values.append(FAILED)
            return Raised(self.engine.kind_of(error), str(error))
        self.values.append(value)
        if value is None or type(step) in _SILENT:
            return NOTHING
        return value if type(value) is Observed else self.engine.see(value)

    def act(self, step: p.Step) -> Any:
        """Runs a step under its modes."""
        if step.modes:
            return within(self, step.modes, lambda: _STEPS[type(step)](self, step))
        return _STEPS[type(step)](self, step)

    def resolve(self, argument: Any) -> Any:
        """An argument of a step as the engine takes it."""
        kind = type(argument)
        if kind is p.Ref:
            value = self.values[argument.index]
            if value is FAILED:
                raise Skipped
            return value
        if kind in _LITERAL:
            return argument
        if kind is tuple:
            return tuple([self.resolve(part) for part in argument])
        if kind is p.Slice:
            return slice(argument.start, argument.stop, argument.step)
        if kind is p.Dtype:
            return getattr(self.ns, argument.name)
        return argument

    def leaf(self, step: p.Leaf) -> Any:
        array = leaf_array(step)
        if self.noise is not None and len(self.values) not in self.fixed:
            array = disturb(array, self.noise)
        tensor = self.engine.tensor(array)
        if step.requires_grad:
            tensor.requires_grad_(True)
            self.leaves.append(len(self.values))
        return tensor

    def call(self, step: p.Call) -> Any:
        resolve = self.resolve
        args = [resolve(argument) for argument in step.args]
        function = self.engine.callable(step.op, step.form)
        if step.form == "inplace":
            self.engine.before_write(args[0])
        if step.attrs:
            value = function(*args, **{name: resolve(argument) for name, argument in step.attrs})
        else:
            value = function(*args)
        return value if self.noise is None else self._with_noise(step, value)

    def _with_noise(self, step: p.Call, value: Any) -> Any:
        """A result that rounds, times factors near 1: its gradients and tangents are disturbed with it."""
        line, engine = catalogue.find(step.op), self.engine
        if line.exact or line.view or step.form == "inplace" or not isinstance(value, engine._tensor):
            return value
        dtype = engine.dtype_name(value.dtype)
        if dtype not in EPS:
            return value
        if not self.is_inner and not is_selecting(step):
            # What the node saved of its result has rounded too: a slope such as 1 - y² feels it near 1.
            value.data.copy_(engine.tensor(disturb(engine.array(value), self.noise)))
        ones = np.ones(tuple(value.shape), REAL.get(dtype, DTYPES[dtype]))
        return value * engine.tensor(disturb(ones, self.noise))

    def write(self, step: p.Write) -> Any:
        target, args = self.resolve(step.target), self.resolve(step.args)
        if step.kind == "setitem":
            self.engine.before_write(target, is_part=True)
            target[args[0]] = args[1]
            return target
        return getattr(target, step.kind)(*args)

    def item(self, step: p.Item) -> Any:
        return self.resolve(step.value)[step.index]

    def flag(self, step: p.Flag) -> Any:
        value = self.resolve(step.value)
        if step.flag == "requires_grad":
            value.requires_grad = step.setting
            return value
        result = value.detach_() if step.flag == "detach_" else value.requires_grad_(step.setting)
        if step.flag == "requires_grad_" and step.setting:
            self._note_leaf(step.value.index)
        return result

    def _note_leaf(self, index: int) -> None:
        if index not in self.leaves:
            self.leaves.append(index)

    def hook(self, step: p.Hook) -> Any:
        return register(self, step)

    def multi_hook(self, step: p.MultiHook) -> Any:
        return register_multi(self, step)

    def remove_hook(self, step: p.RemoveHook) -> None:
        self.resolve(step.hook).remove()

    def retain_grad(self, step: p.RetainGrad) -> None:
        self.resolve(step.value).retain_grad()

    def backward(self, step: p.Backward) -> Any:
        roots, gradients, inputs = (self.resolve(a) for a in (step.roots, step.gradients, step.inputs))
        if step.form == "method":
            gradient = None if gradients is None else gradients[0]
            return roots[0].backward(gradient, step.retain_graph, step.create_graph, inputs)
        return self.ns.autograd.backward(roots, gradients, step.retain_graph, step.create_graph, inputs=inputs)

    def grad(self, step: p.Grad) -> Any:
        outputs, inputs, given = (self.resolve(a) for a in (step.outputs, step.inputs, step.grad_outputs))
        return self.ns.autograd.grad(
            outputs,
            inputs,
            given,
            retain_graph=step.retain_graph,
            create_graph=step.create_graph,
            allow_unused=step.allow_unused,
            is_grads_batched=step.is_grads_batched,
            materialize_grads=step.materialize_grads,
        )

    def grad_of(self, step: p.GradOf) -> Any:
        return self.resolve(step.value).grad

    def set_grad(self, step: p.SetGrad) -> None:
        self.resolve(step.value).grad = None if step.grad is None else self.resolve(step.grad)

    def drop(self, step: p.Drop) -> None:
        held = [weakref.ref(self.resolve(ref)) for ref in step.values]
        for ref in step.values:
            self.values[ref.index] = FAILED
            self.leaves = [index for index in self.leaves if index != ref.index]
        self.trace.deaths[len(self.values)] = tuple(ref() is None for ref in held)

    def observe(self, step: p.Observe) -> Any:
        value = self.resolve(step.value)
        if not isinstance(value, self.engine._tensor):
            return value
        seen = self.engine.see(value)
        for aspect in step.aspects:
            ASPECTS[aspect](self, value, seen)
        return seen

    def transform(self, step: p.Transform) -> Any:
        return transform(self, step)

    def function(self, region: p.Region, captures: tuple[Any, ...] = ()) -> Callable[..., Any]:
        """A region as a Python function of tensors; its steps are not traced."""

        def function(*args: Any) -> Any:
            inner = Run(self.engine)
            inner.noise, inner.is_inner = self.noise, True
            inner.trace.hooks = self.trace.hooks
            inner.values = [*args, *captures]
            for step in region.steps:
                inner.values.append(inner.act(step))
            results = tuple([inner.resolve(ref) for ref in region.results])
            return results[0] if len(results) == 1 else results

        return function

    def alias_class(self, tensor: Any) -> int:
        """Small numbers for memory, in the order in which it was first seen."""
        key = self.engine.storage_key(tensor)
        if key not in self.classes:
            # Memory that is kept can't be given to another tensor, which would then look like a view of this one.
            self.classes[key] = (len(self.classes), self.engine.storage(tensor))
        return self.classes[key][0]

    def _read_gradients(self) -> None:
        for index in self.leaves:
            value = self.values[index]
            if value is not FAILED and (grad := value.grad) is not None:
                self.trace.gradients[index] = self.engine.see(grad)


_LITERAL = frozenset({int, float, bool, str, complex, type(None)})
_SILENT = frozenset({p.Leaf, p.Hook, p.MultiHook})
"""A leaf's value is the program's own, a handle is the engine's."""
_STEPS: dict[type, Callable[[Run, Any], Any]] = {
    p.Leaf: Run.leaf,
    p.Call: Run.call,
    p.Write: Run.write,
    p.Item: Run.item,
    p.Flag: Run.flag,
    p.Hook: Run.hook,
    p.MultiHook: Run.multi_hook,
    p.RemoveHook: Run.remove_hook,
    p.RetainGrad: Run.retain_grad,
    p.Backward: Run.backward,
    p.Grad: Run.grad,
    p.GradOf: Run.grad_of,
    p.SetGrad: Run.set_grad,
    p.Drop: Run.drop,
    p.Observe: Run.observe,
    p.Transform: Run.transform,
}
