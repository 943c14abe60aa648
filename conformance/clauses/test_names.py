"""Clauses of documented names that no other clause uses: levels by hand, classes behind Functions, settings of devices,
and what checkpointing is made of."""

from __future__ import annotations

import importlib
from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, rows
from .seeing import attempt


def module(torch: Any, path: str) -> Any:
    """A module by its path, also where a function of its package hides it."""
    return importlib.import_module(f"{torch.__name__}.{path}")


def levels_by_hand(torch: Any, drawn: Any) -> Any:
    forward = torch.autograd.forward_ad
    x, t = (torch.tensor([v * k for v in drawn]) for k in (1, 2))
    level = forward.enter_dual_level()
    nested = attempt(forward.enter_dual_level)
    found = forward.unpack_dual(forward.make_dual(x, t) ** 2)
    seen = isinstance(found, forward.UnpackedDualTensor), found._fields, found.primal.tolist(), found.tangent.tolist()
    forward.exit_dual_level(level=level)
    after = attempt(lambda: forward.make_dual(x, t)), attempt(forward.exit_dual_level)
    return level, nested, seen, after


@clause(
    "forward.levels-by-hand",
    "enter_dual_level and exit_dual_level do what dual_level does; unpack_dual gives an UnpackedDualTensor.",
    source="torch.autograd.forward_ad.enter_dual_level",
    profile="forward",
)
def test_levels_by_hand(check: Any, scene: Any = scenario(levels_by_hand, numbers)) -> None:
    check(scene)


def function_classes(torch: Any, drawn: Any) -> Any:
    function = torch.autograd.function
    values, base = drawn

    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    def backward(ctx: Any, g: Any) -> Any:
        return g * 3

    rules = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    made = type("Made", (getattr(function, base),), rules)
    x = torch.tensor(values, requires_grad=True)
    out = made.apply(x)
    out.backward(torch.ones(len(values)))
    is_node = isinstance(out.grad_fn, function.BackwardCFunction), isinstance(out.grad_fn, made._backward_cls)
    return isinstance(made, function.FunctionMeta), is_node, out.grad_fn.name(), out.tolist(), x.grad.tolist()


@clause(
    "function.classes-behind",
    "A Function's class is a FunctionMeta, its nodes are BackwardCFunctions of a class of its own; InplaceFunction is "
    "an old base.",
    source="torch.autograd.function",
)
def test_function_classes(
    check: Any, scene: Any = scenario(function_classes, one_of("Function", "InplaceFunction"))
) -> None:
    check(scene)


def nested_function(torch: Any, drawn: Any) -> Any:
    nested = torch.autograd.function.NestedIOFunction
    return torch.autograd.NestedIOFunction is nested, issubclass(nested, torch.autograd.Function)


@clause(
    "function.nested-io-is-a-function",
    "NestedIOFunction is a Function, named in torch.autograd too.",
    source="torch.autograd.function.NestedIOFunction",
)
def test_nested_function(check: Any, scene: Any = scenario(nested_function)) -> None:
    check(scene)


def variable_class(torch: Any, drawn: Any) -> Any:
    variable = module(torch, "autograd.variable")
    x, values = torch.tensor(drawn), drawn
    known = [isinstance(v, variable.Variable) for v in (x, values, torch.nn.Parameter(x), None)]
    made = variable.Variable(x, requires_grad=True)
    made.sum().backward()
    return known, type(variable.Variable) is variable.VariableMeta, made.requires_grad, made.grad.tolist()


@clause(
    "leaf.variable-is-tensor",
    "Every tensor is an instance of Variable, which gives a tensor when called.",
    source="torch.autograd.Variable",
)
def test_variable_class(check: Any, scene: Any = scenario(variable_class, numbers)) -> None:
    check(scene)


def jacobian_of_one(torch: Any, drawn: Any) -> Any:
    gradcheck = module(torch, "autograd.gradcheck")
    (matrix, factor), index = drawn
    x = torch.tensor(matrix, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(factor, dtype=torch.float64, requires_grad=True)

    def columns(a: Any, b: Any) -> Any:
        return ((a * b).sum(0),)

    found = gradcheck.get_numerical_jacobian_wrt_specific_input(columns, index, (x, y), columns(x, y), 0.5)
    return [m.tolist() for m in found]


@clause(
    "gradcheck.numerical-jacobian-of-one-input",
    "get_numerical_jacobian_wrt_specific_input gives, by central differences, the Jacobian in one of the inputs.",
    source="torch.autograd.gradcheck.get_numerical_jacobian_wrt_specific_input",
)
def test_jacobian_of_one(check: Any, scene: Any = scenario(jacobian_of_one, lambda b: (rows(b), b.choose(2)))) -> None:
    check(scene)


def error_class(torch: Any, drawn: Any) -> Any:
    wrong = module(torch, "autograd.gradcheck").GradcheckError
    values, factor = drawn

    def backward(ctx: Any, g: Any) -> Any:
        return g * factor

    rules = {"forward": staticmethod(lambda ctx, x: x * 2), "backward": staticmethod(backward)}
    function = type("Scaled", (torch.autograd.Function,), rules).apply
    try:
        return torch.autograd.gradcheck(function, torch.tensor(values, dtype=torch.float64, requires_grad=True))
    except wrong as error:
        return type(error).__name__, isinstance(error, RuntimeError), str(error)[:60]


@clause(
    "gradcheck.error-class",
    "Where the gradients disagree gradcheck raises GradcheckError, which is a RuntimeError.",
    source="torch.autograd.gradcheck.GradcheckError",
)
def test_error_class(check: Any, scene: Any = scenario(error_class, one_of(2, 3))) -> None:
    check(scene)


def device_settings(torch: Any, drawn: Any) -> Any:
    graph = torch.autograd.graph
    values, setting = drawn
    accepted = [
        attempt(lambda: graph.set_warn_on_accumulate_grad_stream_mismatch(setting)),
        attempt(lambda: graph.set_override_stale_capture_stream(setting)),
    ]
    x = torch.tensor(values, requires_grad=True)
    (x * x).sum().backward()
    graph.set_warn_on_accumulate_grad_stream_mismatch(True)
    graph.set_override_stale_capture_stream(False)
    return accepted, x.grad.tolist()


@clause(
    "node.settings-of-devices",
    "The settings of streams take bools only, and change nothing on the CPU.",
    source="torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch",
)
def test_device_settings(check: Any, scene: Any = scenario(device_settings, one_of(True, False, 1, None))) -> None:
    check(scene)


def memory_budget(torch: Any, drawn: Any) -> Any:
    return attempt(lambda: torch.autograd.graph.region_activation_memory_budget(drawn[1]))


@clause(
    "saved.memory-budget-needs-a-compiler",
    "region_activation_memory_budget takes a number from 0 to 1, and is refused outside a compiled region.",
    source="torch.autograd.graph.region_activation_memory_budget",
)
def test_memory_budget(check: Any, scene: Any = scenario(memory_budget, one_of(0.5, 1.0, 0.0, 2.0, -1.0))) -> None:
    check(scene)


def unwrapped(torch: Any, drawn: Any) -> Any:
    values, transform = drawn
    seen: list[Any] = []

    def look(x: Any) -> Any:
        inner = torch.func.debug_unwrap(x)
        seen.append((tuple(inner.shape), inner.tolist()))
        return (x * x).sum()

    x = torch.tensor(values)
    result = getattr(torch.func, transform)(look)(x)
    return torch.func.debug_unwrap(x) is x, seen, result.tolist()


@clause(
    "func.debug-unwrap",
    "debug_unwrap shows the whole tensor that a transform's function sees a part or a copy of; others it gives back.",
    source="torch.func.debug_unwrap",
    profile="functional",
)
def test_unwrapped(check: Any, scene: Any = scenario(unwrapped, one_of("grad", "vmap"))) -> None:
    check(scene)


def rearranged(torch: Any, drawn: Any) -> Any:
    (matrix, _), pattern = drawn
    x = torch.tensor(matrix, requires_grad=True)
    y = torch.func.rearrange(x, pattern)
    weights = torch.arange(1.0, y.numel() + 1).reshape(y.shape)
    y.backward(weights)
    return y.tolist(), x.grad.tolist()


PATTERNS = ("a b -> b a", "a b -> (a b)", "a b -> (b a)", "a b -> a b 1", "... b -> b ...")


@clause(
    "func.rearrange",
    "rearrange transposes, joins and adds dimensions by their names, differentiably.",
    source="torch.func.rearrange",
    profile="functional",
)
def test_rearranged(check: Any, scene: Any = scenario(rearranged, lambda b: (rows(b), b.pick(PATTERNS)))) -> None:
    check(scene)


def statistics_off(torch: Any, drawn: Any) -> Any:
    norm = torch.nn.BatchNorm1d(drawn[1])
    net = torch.nn.Sequential(norm, torch.nn.Sequential(torch.nn.BatchNorm1d(drawn[1])))
    same = torch.func.replace_all_batch_norm_modules_(net) is net
    return same, [(m.running_mean, m.running_var, m.track_running_stats) for m in (norm, net[1][0])]


@clause(
    "func.batch-norm-without-statistics",
    "replace_all_batch_norm_modules_ takes the running statistics from batch norms, nested ones too.",
    source="torch.func.replace_all_batch_norm_modules_",
    profile="functional",
)
def test_statistics_off(check: Any, scene: Any = scenario(statistics_off, one_of(1, 2, 3))) -> None:
    check(scene)
