"""Changes of how an engine adds gradients up: cotangents at a node, and what a leaf has accumulated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .planting import part

Change = Callable[[Any], Any]
"""From a sound function of the engine to the wrong one."""


# Arrivals: how the cotangents of several uses are added.


def arriving(change: Callable[[Any, Any, Any], Any]) -> Change:
    """What arrives second at an output of a node becomes ``change(before, g, sum)``."""

    def around(sound: Any) -> Any:
        def arrive(task: Any, node: Any, nr: int, g: Any) -> None:
            slots = task.arrived.get(node)
            before = None if slots is None else slots[nr]
            sound(task, node, nr, g)
            if before is not None:
                slots = task.arrived[node]
                slots[nr] = change(before, g, slots[nr])

        return arrive

    return around


# Accumulation: how a leaf's gradient grows.


def accumulating(change: Callable[[Any, Any, Any], Any]) -> Change:
    """What is added to a gradient: ``change(variable, g, is_first)``."""
    return lambda sound: lambda variable, g, live: sound(variable, change(variable, g, variable._grad is None), live)


def replacing_where(is_wrong: Callable[[bool], bool]) -> Change:
    def around(sound: Any) -> Any:
        def accumulate(variable: Any, g: Any, live: bool) -> None:
            if is_wrong(live):
                variable._grad = None
            sound(variable, g, live)

        return accumulate

    return around


def aliased(sound: Any) -> Any:
    """The gradient is the cotangent's own memory."""

    def accumulate(variable: Any, g: Any, live: bool) -> None:
        if live or variable._grad is not None or type(g) is not np.ndarray or not g.flags.writeable:
            sound(variable, g, live)
        else:
            variable._grad = part("_tensor").plain(g)

    return accumulate


def fresh(sound: Any) -> Any:
    """A new gradient tensor replaces the old one, which a user may hold."""

    def accumulate(variable: Any, g: Any, live: bool) -> None:
        before = variable._grad
        if live or before is None or type(g) is not np.ndarray:
            sound(variable, g, live)
        else:
            variable._grad = part("_tensor").plain(np.asarray(before._array + g))

    return accumulate


def keeps_history(sound: Any) -> Any:
    """The gradient requires grad although nothing was recorded."""

    def accumulate(variable: Any, g: Any, live: bool) -> None:
        sound(variable, g, live)
        if not live and variable._grad is not None:
            variable._grad._needs = True

    return accumulate


def loses_history(sound: Any) -> Any:
    """The gradient of a recorded pass requires no grad."""

    def accumulate(variable: Any, g: Any, live: bool) -> None:
        sound(variable, g, live)
        if live and variable._grad is not None:
            variable._grad = variable._grad.detach()

    return accumulate
