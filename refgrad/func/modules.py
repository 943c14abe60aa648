"""Modules as functions of their parameters. Source: torch.func.functional_call, torch.func.stack_module_state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._op import PUBLIC
from .._tensor import Tensor
from ..nn.layers import _BatchNorm


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """The module's result with other parameters and buffers, by name; its own are as they were afterwards.
    Source: torch.func.functional_call. Raises ValueError for a name in two dicts, RuntimeError (strict) for missing or
    unexpected names. Trap: a single argument need not be in a tuple."""
    given = _joined(parameter_and_buffer_dicts)
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    if strict and (missing := sorted(own.keys() - given.keys())):
        names = ", ".join(f"'{n}'" for n in missing)
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\tMissing key(s): {names}.")
    if strict and (unknown := sorted(given.keys() - own.keys())):
        names = ", ".join(f"'{n}'" for n in unknown)
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\tUnexpected key(s): {names}.")
    if tie_weights:
        given = _tied(given, own)
    before: list[tuple[dict[str, Any], str, Any]] = []
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for name, value in given.items():
            _place(module, name, value, before)
        return module(*arguments, **(kwargs or {}))
    finally:
        for holder, key, value in reversed(before):
            holder[key] = value


def _joined(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dict(dicts)
    if not isinstance(dicts, Sequence) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    names = [name for d in dicts for name in d]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {name: value for d in dicts for name, value in d.items()}


def _tied(given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A replacement for one name of a shared parameter replaces it under its other names too."""
    by_id = {id(own[name]): value for name, value in given.items() if name in own}
    return {**{name: by_id[id(t)] for name, t in own.items() if id(t) in by_id}, **given}


def _place(module: Any, name: str, value: Any, before: list[tuple[dict[str, Any], str, Any]]) -> None:
    """Puts a tensor in the place of a parameter or buffer; a name that the module lacks is left out."""
    *path, last = name.split(".")
    for part in path:
        module = getattr(module, part, None)
        if module is None:
            return
    for holder in (module._parameters, module._buffers):
        if last in holder:
            before.append((holder, last, holder[last]))
            holder[last] = value


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(parameters, buffers) of several models of one class, stacked: new leaves. Source: torch.func.stack_module_state."""
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    stacked = {name: _stacked([p[name] for p in parameters]) for name in parameters[0]}
    return stacked, {name: _stacked([b[name] for b in buffers]) for name in buffers[0]}


def _stacked(tensors: list[Tensor]) -> Tensor:
    needs = {t.requires_grad for t in tensors}
    if len(needs) > 1:
        raise RuntimeError("Expected parameter to have the same requires_grad for each model")
    made = PUBLIC["stack"]([t.detach() for t in tensors], 0)  # type: ignore[attr-defined]
    return made.requires_grad_(needs.pop())


def functionalize(func: Any, *, remove: str = "mutations") -> Any:
    """The function itself: refgrad has no graph in which a write would matter. Source: torch.func.functionalize."""
    return func


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """The module itself, its batch norms without running statistics, which vmap can't update.
    Source: torch.func.replace_all_batch_norm_modules_."""
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
