"""The public names of torch.autograd exist here, with the same parameters and defaults."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

MODULES = ["autograd.graph", "autograd.function", "autograd.grad_mode", "autograd.anomaly_mode"]
# Classes written in C++ show no signature of their own.
WITHOUT_SIGNATURE = {"Variable", "BackwardCFunction", "FunctionMeta", "GradientEdge", "NestedIOFunction", "Node"}
MEMBERS = {
    "Function": ["forward", "backward", "jvp", "vjp", "vmap", "setup_context", "apply"],
    "function.FunctionCtx": [
        "mark_dirty",
        "mark_non_differentiable",
        "save_for_backward",
        "save_for_forward",
        "set_materialize_grads",
    ],
    "graph.Node": ["name", "register_hook", "register_prehook"],
}


def parameters(function: Any) -> list[Any]:
    """Name, kind and default of each parameter; a default that is an object counts as one."""
    found = []
    for p in inspect.signature(function).parameters.values():
        is_plain = p.default is None or isinstance(p.default, (bool, int, float, str))
        found.append((p.name, p.kind.name, p.default if is_plain else p.default is inspect.Parameter.empty))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_names_and_signatures(module: str) -> None:
    pytest.importorskip("torch")
    theirs = importlib.import_module(f"torch.{module}")
    ours = importlib.import_module(f"refgrad.{module}")
    for name in theirs.__all__:
        assert hasattr(ours, name), f"refgrad.{module} has no {name}"
        if name not in WITHOUT_SIGNATURE:
            assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name)), name


@pytest.mark.parametrize("owner", MEMBERS)
def test_members(owner: str) -> None:
    torch = pytest.importorskip("torch")
    import refgrad

    for name in MEMBERS[owner]:
        theirs, ours = torch.autograd, refgrad.autograd
        for part in owner.split("."):
            theirs, ours = getattr(theirs, part), getattr(ours, part)
        assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name)), name


@pytest.mark.parametrize("name", ["backward", "grad", "detect_anomaly", "set_detect_anomaly", "Function"])
def test_top_level(name: str) -> None:
    torch = pytest.importorskip("torch")
    import refgrad

    assert parameters(getattr(refgrad.autograd, name)) == parameters(getattr(torch.autograd, name))


def test_tensor_methods() -> None:
    torch = pytest.importorskip("torch")
    import refgrad

    for name in ("backward", "register_hook", "register_post_accumulate_grad_hook"):
        assert parameters(getattr(refgrad.Tensor, name)) == parameters(getattr(torch.Tensor, name)), name
