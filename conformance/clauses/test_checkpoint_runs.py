"""Clauses of checkpointing: determinism, random state, nesting, policies."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, pairs


def determinism_metadata(torch: Any, drawn: Any) -> Any:
    values, check = drawn
    calls = []

    def f(a):
        calls.append(0)
        return ((a * a) if len(calls) == 1 else (a * a).reshape(-1, 1)).exp().sum()

    x = torch.tensor([v / 8 for v in values], requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False, determinism_check=check)
    try:
        out.backward()
    except Exception as error:
        return type(error).__name__, str(error)[:110]
    return len(calls)


@clause(
    "checkpoint.determinism-metadata",
    "Recomputed tensors of another shape are an error, unless the check is off.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_determinism_metadata(
    check: Any, scene: Any = scenario(determinism_metadata, one_of("default", "none", "other"))
) -> None:
    check(scene)


def determinism_count(torch: Any, drawn: Any) -> Any:
    calls = []

    def f(a):
        calls.append(0)
        return (a * a).exp() if len(calls) == 1 else (a * a)

    x = torch.tensor([v / 8 for v in drawn], requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False)
    return out.sum().backward()


@clause(
    "checkpoint.determinism-count",
    "Saving fewer tensors in recomputation is an error.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_determinism_count(check: Any, scene: Any = scenario(determinism_count, numbers)) -> None:
    check(scene)


def rng_preserved(torch: Any, drawn: Any) -> Any:
    _values, reentrant = drawn
    drop = torch.nn.functional.dropout
    x = torch.ones(64, requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(lambda a: drop(a, 0.5), x, use_reentrant=reentrant)
    out.sum().backward()
    return bool((x.grad == out.detach()).all())


@clause(
    "checkpoint.rng-preserved",
    "Recomputation draws the same random numbers, and later draws are those that would have come.",
    source="torch.utils.checkpoint.checkpoint",
    profile="reverse",
)
def test_rng_preserved(check: Any, scene: Any = scenario(rng_preserved, one_of(True, False))) -> None:
    check(scene)


def detach_inside_nonreentrant(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn, requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(lambda a: (a * 2, a.detach()), x, use_reentrant=False)
    return [o.requires_grad for o in out]


@clause(
    "checkpoint.detach-inside-nonreentrant",
    "A detached result stays detached in the non-reentrant form.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_detach_inside_nonreentrant(check: Any, scene: Any = scenario(detach_inside_nonreentrant, numbers)) -> None:
    check(scene)


def detach_inside_reentrant(torch: Any, drawn: Any) -> Any:
    values, mixed = drawn
    x = torch.tensor(values, requires_grad=True)
    f = (lambda a: (a * 2, a.detach())) if mixed else (lambda a: (a.detach(), a.detach() * 2))
    out = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=True)
    flags = [o.requires_grad for o in out]
    out[0].sum().backward()
    return flags, x.grad.tolist()


@clause(
    "checkpoint.detach-inside-reentrant",
    "Drift: a detached result of the reentrant form requires grad; backward fails only if no result requires grad.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_detach_inside_reentrant(
    check: Any, scene: Any = scenario(detach_inside_reentrant, one_of(True, False))
) -> None:
    check(scene)


def retain_graph(torch: Any, drawn: Any) -> Any:
    values, retain = drawn
    x = torch.tensor(values, requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(lambda a: a * a, x, use_reentrant=False).sum()
    out.backward(retain_graph=retain)
    out.backward()
    return x.grad.tolist()


@clause(
    "checkpoint.retain-graph",
    "A second backward needs retain_graph, and works with it.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_retain_graph(check: Any, scene: Any = scenario(retain_graph, one_of(True, False))) -> None:
    check(scene)


def sequential(torch: Any, drawn: Any) -> Any:
    values, segments = drawn
    x = torch.tensor(values, requires_grad=True)
    functions = [lambda a: a * a, lambda a: a + 1, lambda a: a * 2]
    out = torch.utils.checkpoint.checkpoint_sequential(functions, segments, x, use_reentrant=False)
    out.sum().backward()
    return out.tolist(), x.grad.tolist()


@clause(
    "checkpoint.sequential",
    "checkpoint_sequential gives the result of the whole list, in any number of segments.",
    source="torch.utils.checkpoint.checkpoint_sequential",
    profile="reverse",
)
def test_sequential(check: Any, scene: Any = scenario(sequential, one_of(1, 2, 3))) -> None:
    check(scene)


def under_no_grad(torch: Any, drawn: Any) -> Any:
    values, reentrant = drawn
    x = torch.tensor(values, requires_grad=True)
    with torch.no_grad():
        out = torch.utils.checkpoint.checkpoint(lambda a: a * a, x, use_reentrant=reentrant)
    return out.requires_grad, out.tolist()


@clause(
    "checkpoint.under-no-grad",
    "Under no_grad the call simply runs the function.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_under_no_grad(check: Any, scene: Any = scenario(under_no_grad, one_of(True, False))) -> None:
    check(scene)


def captured_params(torch: Any, drawn: Any) -> Any:
    values, reentrant = drawn
    w, x = torch.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    torch.utils.checkpoint.checkpoint(lambda a: a * w * w, x, use_reentrant=reentrant).sum().backward()
    return w.grad.tolist(), x.grad.tolist()


@clause(
    "checkpoint.captured-params",
    "What the function captures gets its gradient.",
    source="torch.utils.checkpoint.checkpoint",
    profile="reverse",
)
def test_captured_params(check: Any, scene: Any = scenario(captured_params, one_of(True, False))) -> None:
    check(scene)


def nested(torch: Any, drawn: Any) -> Any:
    values, depth = drawn
    calls = []

    def f(a, level):
        calls.append(level)
        inner = a * a if not level else torch.utils.checkpoint.checkpoint(f, a * 2, level - 1, use_reentrant=False)
        return inner * a

    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    torch.utils.checkpoint.checkpoint(f, x, depth, use_reentrant=False).sum().backward()
    return x.grad.tolist(), calls


@clause(
    "checkpoint.nested",
    "Non-reentrant checkpoints nest, each running again when it is needed.",
    source="torch.utils.checkpoint.checkpoint",
    profile="tape",
)
def test_nested(check: Any, scene: Any = scenario(nested, one_of(1, 2, 3))) -> None:
    check(scene)


def selective(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    x = torch.tensor([a], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([c], dtype=torch.float64).t()
    contexts = lambda: torch.utils.checkpoint.create_selective_checkpoint_contexts([torch.ops.aten.mm.default])
    out = torch.utils.checkpoint.checkpoint(
        lambda p: torch.mm(p, w) * torch.mm(p, w), x, use_reentrant=False, context_fn=contexts
    )
    out.sum().backward()
    return x.grad.tolist()


@clause(
    "checkpoint.selective",
    "Results that a selective policy names are kept, and gradients are the same.",
    source="torch.utils.checkpoint.create_selective_checkpoint_contexts",
    profile="tape",
)
def test_selective(check: Any, scene: Any = scenario(selective, pairs)) -> None:
    check(scene)
