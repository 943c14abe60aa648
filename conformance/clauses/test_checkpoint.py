"""Clauses of checkpointing: gradients and what is run again."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, scenario
from .draws import numbers, one_of, with_case


def same_gradients(torch: Any, drawn: Any) -> Any:
    values, reentrant, returned, write = drawn
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)

    def f(a):
        cube = a * a * a
        return cube.view(-1) if returned == "view" else cube

    out = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=reentrant)
    if write != "nothing":
        {"whole": out, "element": out[0], "row": out.view(1, -1)}[write].mul_(2)
    out.sum().backward()
    return out.tolist(), x.grad.tolist()


def draw_use(b: Builder) -> Any:
    """What a checkpoint returns, a result or a view of one, and what is written into it, or into a view of it."""
    return numbers(b), b.pick((True, False)), b.pick(("result", "view")), b.pick(("nothing", "whole", "element", "row"))


@clause(
    "checkpoint.same-gradients",
    "A checkpointed call gives the same value and gradients, in both forms, also where its result is written after.",
    source="torch.utils.checkpoint.checkpoint",
    profile="reverse",
)
def test_same_gradients(check: Any, scene: Any = scenario(same_gradients, draw_use)) -> None:
    check(scene)


def recomputes_in_backward(torch: Any, drawn: Any) -> Any:
    values, reentrant = drawn
    calls = []

    def f(a):
        calls.append(len(calls))
        return a * a

    x = torch.tensor(values, requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=reentrant)
    before = len(calls)
    out.sum().backward()
    return before, len(calls)


@clause(
    "checkpoint.recomputes-in-backward",
    "The function runs once more in backward.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_recomputes_in_backward(check: Any, scene: Any = scenario(recomputes_in_backward, one_of(True, False))) -> None:
    check(scene)


def early_stop(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    log = []

    def f(a):
        b = a * a
        log.append("first")
        c = b + 1
        log.append("second")
        return c

    x = torch.tensor(values, requires_grad=True)
    module = torch.utils.checkpoint
    if case == 3:
        with module.set_checkpoint_early_stop(False):
            out = module.checkpoint(f, x, use_reentrant=False)
    else:
        options = ({}, {"early_stop": False}, {})[case]
        out = module.checkpoint(f, x, use_reentrant=case == 2, **options)
    log.append("backward")
    out.sum().backward()
    return log


@clause(
    "checkpoint.early-stop",
    "Recomputation stops when all is there, unless it is told not to; the reentrant form never stops.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_early_stop(check: Any, scene: Any = scenario(early_stop, with_case(4))) -> None:
    check(scene)


def use_reentrant_must_be_explicit(torch: Any, drawn: Any) -> Any:
    import warnings

    x = torch.tensor(drawn, requires_grad=True)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        out = torch.utils.checkpoint.checkpoint(lambda a: a * a, x)
    return [(w.category.__name__, str(w.message)) for w in seen], out.grad_fn.name()


@clause(
    "checkpoint.use-reentrant-must-be-explicit",
    "Drift: leaving use_reentrant out only warns, and takes the reentrant form.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_use_reentrant_must_be_explicit(
    check: Any, scene: Any = scenario(use_reentrant_must_be_explicit, numbers)
) -> None:
    check(scene)


def reentrant_no_autograd_grad(torch: Any, drawn: Any) -> Any:
    values, by_grad = drawn
    x = torch.tensor(values, requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(lambda a: a * a, x, use_reentrant=True).sum()
    return torch.autograd.grad(out, x) if by_grad else out.backward(inputs=[x])


@clause(
    "checkpoint.reentrant-no-autograd-grad",
    "The reentrant form refuses autograd.grad and backward with inputs.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_reentrant_no_autograd_grad(
    check: Any, scene: Any = scenario(reentrant_no_autograd_grad, one_of(True, False))
) -> None:
    check(scene)


def nonreentrant_grad_and_inputs(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(lambda a: a * a * a, x, use_reentrant=False).sum()
    (first,) = torch.autograd.grad(out, x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, retain_graph=True)
    out.backward(inputs=[x])
    return first.tolist(), second.tolist(), x.grad.tolist()


@clause(
    "checkpoint.nonreentrant-grad-and-inputs",
    "The other form works with autograd.grad, inputs= and double backward.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_nonreentrant_grad_and_inputs(check: Any, scene: Any = scenario(nonreentrant_grad_and_inputs, numbers)) -> None:
    check(scene)


def reentrant_needs_grad_input(torch: Any, drawn: Any) -> Any:
    import warnings

    values, reentrant = drawn
    w = torch.tensor(values, requires_grad=True)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        out = torch.utils.checkpoint.checkpoint(lambda a: a * w, torch.ones(len(values)), use_reentrant=reentrant)
    return [str(m.message) for m in seen], out.requires_grad


@clause(
    "checkpoint.reentrant-needs-grad-input",
    "Where no argument requires grad the reentrant form warns and gives no gradient, even to what is captured.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_reentrant_needs_grad_input(
    check: Any, scene: Any = scenario(reentrant_needs_grad_input, one_of(True, False))
) -> None:
    check(scene)


def nested_structures(torch: Any, drawn: Any) -> Any:
    import warnings

    values, reentrant = drawn
    x = torch.tensor(values, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = torch.utils.checkpoint.checkpoint(lambda d: d["a"] * 2, {"a": x}, use_reentrant=reentrant)
    return out.requires_grad, out.tolist()


@clause(
    "checkpoint.nested-structures",
    "Tensors inside lists or dicts take part in the non-reentrant form only.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_nested_structures(check: Any, scene: Any = scenario(nested_structures, one_of(True, False))) -> None:
    check(scene)


def kwargs(torch: Any, drawn: Any) -> Any:
    values, reentrant = drawn
    x = torch.tensor(values, requires_grad=True)
    return torch.utils.checkpoint.checkpoint(lambda a, k: a * k, x, use_reentrant=reentrant, k=3).tolist()


@clause(
    "checkpoint.kwargs",
    "Keyword arguments reach the function in the non-reentrant form and are refused by the other.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_kwargs(check: Any, scene: Any = scenario(kwargs, one_of(True, False))) -> None:
    check(scene)


def context_fn_reentrant_error(torch: Any, drawn: Any) -> Any:
    values, debug = drawn
    options = {"debug": True} if debug else {"context_fn": lambda: None}
    x = torch.tensor(values, requires_grad=True)
    return torch.utils.checkpoint.checkpoint(lambda a: a * a, x, use_reentrant=True, **options)


@clause(
    "checkpoint.context-fn-reentrant-error",
    "context_fn and debug do not go with the reentrant form.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_context_fn_reentrant_error(
    check: Any, scene: Any = scenario(context_fn_reentrant_error, one_of(True, False))
) -> None:
    check(scene)


def context_fn(torch: Any, drawn: Any) -> Any:
    import contextlib

    log = []

    @contextlib.contextmanager
    def noting(name):
        log.append("+" + name)
        try:
            yield
        finally:
            log.append("-" + name)

    x = torch.tensor(drawn, requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(
        lambda a: a * a, x, use_reentrant=False, context_fn=lambda: (noting("forward"), noting("again"))
    )
    out.sum().backward()
    return log


@clause(
    "checkpoint.context-fn",
    "context_fn gives one context for the first run and one for the second.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_context_fn(check: Any, scene: Any = scenario(context_fn, numbers)) -> None:
    check(scene)
