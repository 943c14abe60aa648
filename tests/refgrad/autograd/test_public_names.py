"""The public names of torch.autograd, torch.func and torch.utils.checkpoint exist here, with the same parameters and
defaults, and so do their classes' methods."""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import Any

import pytest

from tests.documented import MODULES

# Of these PyTorch's own signature can't be read: they are written in C++, or built while it is imported.
WITHOUT_SIGNATURE = {"Variable", "BackwardCFunction", "FunctionMeta", "GradientEdge", "NestedIOFunction", "Node"}
# What Functions define for themselves, and a name kept for old code: no users' interface.
INTERNAL = {"BackwardCFunction", "CheckpointFunction", "NestedIOFunction"}
TENSOR_METHODS = ("backward", "register_hook", "register_post_accumulate_grad_hook")


def module(package: str, name: str) -> Any:
    """The module itself, also where a function of its package hides it (autograd.gradcheck)."""
    importlib.import_module(f"{package}.{name}")
    return sys.modules[f"{package}.{name}"]


def parameters(function: Any) -> list[Any]:
    """Name, kind and default of each parameter; a default that is an object counts as one."""
    found = []
    for p in inspect.signature(function).parameters.values():
        is_plain = p.default is None or isinstance(p.default, (bool, int, float, str))
        found.append((p.name, p.kind.name, p.default if is_plain else p.default is inspect.Parameter.empty))
    return found


def members(owner: type) -> list[str]:
    """The public methods that a class, or a base in the same package, writes itself. In PyTorch a Function is a
    FunctionCtx, too, from old days; here its methods are only where they work: on ctx."""
    bases = [base for base in owner.__mro__ if base.__module__.startswith(("torch.autograd", "torch.utils.checkpoint"))]
    bases = [base for base in bases if base is owner or base.__name__ != "FunctionCtx"]
    return sorted({n for base in bases for n, m in vars(base).items() if not n.startswith("_") and callable(m)})


@pytest.mark.parametrize("name", MODULES)
def test_names_and_signatures(name: str) -> None:
    pytest.importorskip("torch")
    theirs, ours = module("torch", name), module("refgrad", name)
    assert len(theirs.__all__) > 1
    for member in theirs.__all__:
        assert hasattr(ours, member), f"refgrad.{name} has no {member}"
        expected = signature_of(getattr(theirs, member))
        if member not in WITHOUT_SIGNATURE and expected is not None:
            assert signature_of(getattr(ours, member)) == expected, member


@pytest.mark.parametrize("name", MODULES)
def test_methods(name: str) -> None:
    pytest.importorskip("torch")
    theirs, ours = module("torch", name), module("refgrad", name)
    for member in theirs.__all__:
        owner = getattr(theirs, member)
        for method in members(owner) if inspect.isclass(owner) and member not in INTERNAL else ():
            assert hasattr(getattr(ours, member), method), f"refgrad.{name}.{member} has no {method}"
            expected = signature_of(getattr(owner, method))
            # Node.metadata is a property that PyTorch declares as an abstract method.
            if expected is not None and method != "metadata":
                assert signature_of(getattr(getattr(ours, member), method)) == expected, f"{member}.{method}"


def signature_of(method: Any) -> list[Any] | None:
    """The parameters, or None for what is no function or, written in C++, hides them."""
    try:
        return parameters(method)
    except (TypeError, ValueError):
        return None


@pytest.mark.parametrize("name", TENSOR_METHODS)
def test_tensor_methods(name: str) -> None:
    torch = pytest.importorskip("torch")
    import refgrad

    assert parameters(getattr(refgrad.Tensor, name)) == parameters(getattr(torch.Tensor, name))
