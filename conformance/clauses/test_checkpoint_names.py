"""Clauses of checkpointing's other documented names: its classes, the states it keeps, its policies."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of
from .seeing import attempt

SOURCE = "torch.utils.checkpoint"


def classes(torch: Any, drawn: Any) -> Any:
    point = torch.utils.checkpoint
    values, use_reentrant = drawn
    x = torch.tensor(values, requires_grad=True)
    out = point.checkpoint(lambda a: a * a, x, use_reentrant=use_reentrant)
    kinds = issubclass(point.CheckpointFunction, torch.autograd.Function), point.CheckpointError.__mro__[1].__name__
    return kinds, out.grad_fn.name(), isinstance(out.grad_fn, point.CheckpointFunction._backward_cls)


@clause(
    "checkpoint.classes-behind",
    "The reentrant form is a node of CheckpointFunction, the other the function's own nodes; a CheckpointError is a "
    "RuntimeError.",
    source=SOURCE,
)
def test_classes(check: Any, scene: Any = scenario(classes, one_of(True, False))) -> None:
    check(scene)


def detached(torch: Any, drawn: Any) -> Any:
    point = torch.utils.checkpoint
    values, kind = drawn
    x = torch.tensor(values, requires_grad=True)
    given = {"leaf": x, "result": x * 2, "constant": torch.tensor(values), "number": 3}[kind]
    (made,) = point.detach_variable((given,))
    seen = (made.requires_grad, made.is_leaf, made is given, made.tolist()) if isinstance(made, torch.Tensor) else made
    return seen, attempt(lambda: point.detach_variable([given]))


@clause(
    "checkpoint.detach-variable",
    "detach_variable gives a tuple's tensors as leaves that require grad as before, and refuses a list.",
    source=SOURCE,
)
def test_detached(check: Any, scene: Any = scenario(detached, one_of("leaf", "result", "constant", "number"))) -> None:
    check(scene)


def validity(torch: Any, drawn: Any) -> Any:
    values, kind = drawn
    x = torch.tensor(values, requires_grad=True)
    given = {"leaf": [x], "constant": [torch.tensor(values)], "both": [torch.tensor(values), x], "none": []}[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.utils.checkpoint.check_backward_validity(given)
    return [str(warning.message) for warning in caught]


@clause(
    "checkpoint.backward-validity",
    "check_backward_validity warns where no input requires grad.",
    source=SOURCE,
)
def test_validity(check: Any, scene: Any = scenario(validity, one_of("leaf", "constant", "both", "none"))) -> None:
    check(scene)


def devices(torch: Any, drawn: Any) -> Any:
    point = torch.utils.checkpoint
    states = point.get_device_states(torch.tensor(drawn), 3)
    point.set_device_states(*states)
    before = point.DefaultDeviceType.get_device_type()
    point.DefaultDeviceType.set_device_type("cpu")
    chosen = point.DefaultDeviceType.get_device_type()
    point.DefaultDeviceType.set_device_type(before)
    return states, chosen, [type(context).__name__ for context in point.noop_context_fn()]


@clause(
    "checkpoint.devices-and-contexts",
    "On the CPU no device has a random state to keep; the device type is a setting; the contexts default to none.",
    source=SOURCE,
)
def test_devices(check: Any, scene: Any = scenario(devices, numbers)) -> None:
    check(scene)


def debugged(torch: Any, drawn: Any) -> Any:
    point = torch.utils.checkpoint
    values, is_debugged = drawn
    x = torch.tensor(values, requires_grad=True)
    with point.set_checkpoint_debug_enabled(is_debugged):
        out = point.checkpoint(lambda a: a * a * 2, x, use_reentrant=False)
    out.sum().backward()
    return out.tolist(), x.grad.tolist()


@clause(
    "checkpoint.debug-setting",
    "set_checkpoint_debug_enabled changes no value.",
    source=SOURCE,
)
def test_debugged(check: Any, scene: Any = scenario(debugged, one_of(True, False, None))) -> None:
    check(scene)


def policies(torch: Any, drawn: Any) -> Any:
    point = torch.utils.checkpoint
    named = [(policy.name, policy.value) for policy in point.CheckpointPolicy]
    return named, point.SelectiveCheckpointContext(is_recompute=drawn[1]).is_recompute, len(point.SAC_IGNORED_OPS) > 0


@clause(
    "checkpoint.policies-by-name",
    "A CheckpointPolicy says what to save; its context tells whether it is asked for the recomputation.",
    source=SOURCE,
)
def test_policies(check: Any, scene: Any = scenario(policies, one_of(True, False))) -> None:
    check(scene)


def grouped(torch: Any, drawn: Any) -> Any:
    values, (is_grouped, overlaps) = drawn
    point, calls = torch.utils.checkpoint, []
    x = torch.tensor(values, requires_grad=True)

    def powers(a: Any) -> Any:
        calls.append(0)
        return a * a, a * 2 * a

    first, second = point.checkpoint(powers, x, use_reentrant=False)

    def pull(root: Any) -> Any:
        return attempt(lambda: torch.autograd.grad(root.sum(), x, retain_graph=True)[0].tolist())

    with point.GraphExecGroup() if is_grouped else contextlib.nullcontext():
        found = [pull(first), pull(first if overlaps else second)]
    return found, len(calls)


@clause(
    "checkpoint.group-of-passes",
    "Within a GraphExecGroup several backward passes share one recomputation, over different parts of the graph only.",
    source="torch.utils.checkpoint.GraphExecGroup",
)
def test_grouped(
    check: Any, scene: Any = scenario(grouped, one_of((True, False), (True, True), (False, True)))
) -> None:
    check(scene)
