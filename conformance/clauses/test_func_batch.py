"""Clauses of function transforms: vmap, modules as functions, custom Functions."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, pairs, rows, with_case


def vmap_runs_once(torch: Any, drawn: Any) -> Any:
    m, _u = drawn
    calls = []

    def f(a):
        calls.append(tuple(a.shape))
        return a * 2

    return torch.func.vmap(f)(torch.tensor(m)).tolist(), calls


@clause(
    "func.vmap-runs-once",
    "vmap calls the function once, whatever the size of the batch.",
    source="torch.func.vmap",
    profile="functional",
)
def test_vmap_runs_once(check: Any, scene: Any = scenario(vmap_runs_once, rows)) -> None:
    check(scene)


def vmap_randomness(torch: Any, drawn: Any) -> Any:
    _values, randomness = drawn
    x = torch.ones(64, 16)
    out = torch.func.vmap(lambda a: torch.nn.functional.dropout(a, 0.5), randomness=randomness)(x)
    return bool((out == out[0]).all()), sorted(set(out.reshape(-1).tolist()))


@clause(
    "func.vmap-randomness",
    "Under vmap random rows are refused, unless one draw or one for each is asked for.",
    source="torch.func.vmap",
    profile="functional",
)
def test_vmap_randomness(
    check: Any, scene: Any = scenario(vmap_randomness, one_of("error", "same", "different"))
) -> None:
    check(scene)


def vmap_item_and_control_flow(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    f = (lambda a: a.sum().item(), lambda a: a if a.sum() > 0 else -a, lambda a: a.nonzero())[case]
    return torch.func.vmap(f)(torch.tensor([values, values]))


@clause(
    "func.vmap-item-and-control-flow",
    "A mapped tensor has no single value: item, branches and results of unknown size are refused.",
    source="torch.func.vmap",
    profile="functional",
)
def test_vmap_item_and_control_flow(
    check: Any, scene: Any = scenario(vmap_item_and_control_flow, with_case(3))
) -> None:
    check(scene)


def vmap_inplace(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    x, y = torch.tensor([values, values]), torch.tensor(values)
    if case == 0:
        return torch.func.vmap(lambda a: a.clone().mul_(a)).__call__(x).tolist()
    if case == 1:
        return torch.func.vmap(lambda a, b: a.clone().add_(b), in_dims=(0, None))(x, y).tolist()
    return torch.func.vmap(lambda a, b: b.copy_(a), in_dims=(0, None))(x, y).tolist()


@clause(
    "func.vmap-inplace",
    "A mapped tensor can be written in place; a mapped value cannot be written into another.",
    source="torch.func.vmap",
    profile="functional",
)
def test_vmap_inplace(check: Any, scene: Any = scenario(vmap_inplace, with_case(3))) -> None:
    check(scene)


def backward_inside_transform_error(torch: Any, drawn: Any) -> Any:
    def f(a):
        (a * a).sum().backward()
        return a.sum()

    return torch.func.grad(f)(torch.tensor(drawn))


@clause(
    "func.backward-inside-transform-error",
    "backward inside a transformed function is refused.",
    source="torch.func",
    profile="functional",
)
def test_backward_inside_transform_error(
    check: Any, scene: Any = scenario(backward_inside_transform_error, numbers)
) -> None:
    check(scene)


def functional_call(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    module = torch.nn.Linear(len(a), 1)
    own = [p.tolist() for p in module.parameters()]
    given = {"weight": torch.tensor([c], dtype=torch.float32), "bias": torch.ones(1)}
    x = torch.tensor(a)
    out = torch.func.functional_call(module, given, (x,))
    gradient = torch.func.grad(lambda p: torch.func.functional_call(module, p, (x,)).sum())(given)
    return (
        out.tolist(),
        [p.tolist() for p in module.parameters()] == own,
        gradient["weight"].tolist(),
        gradient["bias"].tolist(),
    )


@clause(
    "func.functional-call",
    "functional_call runs a module with other parameters and leaves its own as they are.",
    source="torch.func.functional_call",
    profile="functional",
)
def test_functional_call(check: Any, scene: Any = scenario(functional_call, pairs)) -> None:
    check(scene)


def stack_module_state(torch: Any, drawn: Any) -> Any:
    values, count = drawn
    models = [torch.nn.Linear(len(values), 2) for _ in range(count)]
    parameters, buffers = torch.func.stack_module_state(models)
    return {n: (tuple(p.shape), p.is_leaf, p.requires_grad) for n, p in parameters.items()}, dict(buffers)


@clause(
    "func.stack-module-state",
    "stack_module_state gives stacked parameters that are new leaves.",
    source="torch.func.stack_module_state",
    profile="functional",
)
def test_stack_module_state(check: Any, scene: Any = scenario(stack_module_state, one_of(1, 2, 3))) -> None:
    check(scene)


def function_needs_setup_context(torch: Any, drawn: Any) -> Any:
    values, kind = drawn
    rules = {"forward": staticmethod(lambda ctx, a: a * 2), "backward": staticmethod(lambda ctx, g: g * 2)}
    cls = type("Double", (torch.autograd.Function,), rules)
    x = torch.tensor(values)
    return torch.func.grad(lambda a: cls.apply(a).sum())(x) if kind == "grad" else torch.func.vmap(cls.apply)(x)


@clause(
    "func.function-needs-setup-context",
    "Under a transform a custom Function must have setup_context.",
    source="torch.func",
    profile="functional",
)
def test_function_needs_setup_context(
    check: Any, scene: Any = scenario(function_needs_setup_context, one_of("grad", "vmap"))
) -> None:
    check(scene)


def function_generate_vmap_rule(torch: Any, drawn: Any) -> Any:
    values, generated = drawn
    rules = {
        "forward": staticmethod(lambda a: a * a),
        "setup_context": staticmethod(lambda ctx, inputs, output: ctx.save_for_backward(inputs[0])),
        "backward": staticmethod(lambda ctx, g: g * 3 * ctx.saved_tensors[0]),
        "generate_vmap_rule": generated,
    }
    cls = type("Square", (torch.autograd.Function,), rules)
    return torch.func.vmap(torch.func.grad(lambda a: cls.apply(a)))(torch.tensor(values)).tolist()


@clause(
    "func.function-generate-vmap-rule",
    "generate_vmap_rule maps a custom Function; without it or a vmap method mapping is refused.",
    source="torch.func",
    profile="functional",
)
def test_function_generate_vmap_rule(
    check: Any, scene: Any = scenario(function_generate_vmap_rule, one_of(True, False))
) -> None:
    check(scene)
