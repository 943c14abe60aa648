"""Optimizer: parameter groups, state, and what all optimisers do alike."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .._modes import enable_grad, no_grad
from .._tensor import Tensor
from ..nn.module import clear_grad


class Optimizer:
    """Holds groups of parameters, each with its own options. Source: torch.optim.Optimizer. Raises ValueError for an
    empty list or a non-leaf."""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"torch.{params.dtype.short}"
            )
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(dict(group))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group; options that it lacks come from the defaults."""
        members = param_group["params"]
        members = [members] if isinstance(members, Tensor) else list(members)
        members = [m[1] if isinstance(m, tuple) else m for m in members]
        for p in members:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if known & {id(p) for p in members}:
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append({**self.defaults, **param_group, "params": members})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears the gradients of all parameters. Source: torch.optim.Optimizer.zero_grad."""
        for group in self.param_groups:
            for p in group["params"]:
                clear_grad(p, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Evaluates the closure, if given, then moves every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            moving = [p for p in group["params"] if p._grad is not None]
            if group.get("differentiable"):
                for p in moving:
                    self.update(p, p._grad, group)
            else:
                with no_grad():
                    for p in moving:
                        self.update(p, p._grad, group)
        return loss

    def update(self, p: Tensor, grad: Any, group: dict[str, Any]) -> None:
        """Moves one parameter."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Groups (parameters as numbers) and state. Source: torch.optim.Optimizer.state_dict."""
        numbers = {id(p): k for k, p in enumerate(p for g in self.param_groups for p in g["params"])}
        groups = [
            {**{k: v for k, v in g.items() if k != "params"}, "params": [numbers[id(p)] for p in g["params"]]}
            for g in self.param_groups
        ]
        return {"state": {numbers[id(p)]: s for p, s in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over groups' options and state. Source: torch.optim.Optimizer.load_state_dict."""
        members = [p for g in self.param_groups for p in g["params"]]
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for mine, theirs in zip(self.param_groups, groups):
            if len(mine["params"]) != len(theirs["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )
            mine.update({k: v for k, v in theirs.items() if k != "params"})
        self.state = defaultdict(dict)
        for number, values in state_dict["state"].items():
            self.state[members[number]] = copy.deepcopy(values)

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for k, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {k}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join(lines) + "\n)"
