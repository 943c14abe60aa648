"""The places in refgrad where systematic faults are planted, and which of them a program passes.

A site is (row, kind, input): the cotangent of an input (``vjp``), the row's tangents (``jvp``) or results (``forward``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from functools import cache
from typing import Any

import numpy as np

from .changes import Event, event, is_floating
from .planting import Planted, part

Site = tuple[str, str, str]
Pull = Callable[..., tuple[Any, ...]]
Around = Callable[[Pull, Any, list[Any], bool], tuple[Any, ...]]


@cache
def keys() -> dict[int, str]:
    """The name of each differentiable row, by identity."""
    return {id(row): name for name, row in part("_op").ROWS.items() if row.is_differentiable}


def places(row: Any, node: Any) -> Iterator[tuple[str, int]]:
    """(input, position among the node's cotangents) of each; a list of tensors has several positions."""
    position = 0
    for order, k in enumerate(row.edged):
        count = 1 if node.counts is None else node.counts[order]
        for _ in range(count):
            yield row.schema.inputs[k].name, position
            position += 1


def reads_strided(node: Any, cotangents: Iterable[Any]) -> bool:
    """Whether a cotangent or a saved value is not contiguous."""
    arrays = [getattr(g, "_array", g) for g in cotangents]
    for entry in node.saved or ():
        found = entry[0] if isinstance(entry, tuple) and entry else getattr(entry, "array", None)
        arrays.append(getattr(found, "_array", found))
    return any(isinstance(a, np.ndarray) and not a.flags.c_contiguous for a in arrays)


def runs_again(node: Any) -> bool:
    """Whether the node ran before; notes that it runs now."""
    notes = node.metadata
    notes["runs"] = notes.get("runs", 0) + 1
    return notes["runs"] > 1


def event_at(g: Any, node: Any, position: int, live: bool, again: bool, strided: bool) -> Event:
    """The event of a cotangent for one edge of a node."""
    edge = node.edges[position] if position < len(node.edges) else None
    target = None if edge is None else edge[0].meta(edge[1])[0]
    return event(g, live, again, strided, target)


def planner(row: Any, around: Around) -> Callable[[tuple[bool, ...]], Any]:
    """``Row.plan`` whose plans pull through ``around(pull, node, cotangents, live)``."""
    made: dict[tuple[bool, ...], Any] = {}
    sound = vars(type(row))["plan"]

    def plan(needs: tuple[bool, ...]) -> Any:
        if needs not in made:
            original = sound(row, needs)
            changed = copy(original)
            changed.pull = lambda node, cotangents, live: around(original.pull, node, cotangents, live)
            made[needs] = changed
        return made[needs]

    return plan


class Reach(AbstractContextManager["Reach"]):
    """While entered, notes the events of every site that runs."""

    def __init__(self) -> None:
        self.events: dict[Site, list[Event]] = {}
        row_class, forward = part("_op").Row, part("_forward")
        self.plans: dict[tuple[int, tuple[bool, ...]], Any] = {}
        self.kernels: dict[int, Any] = {}
        self.planted = Planted(
            [
                (row_class, "plan", self._plan(row_class.plan)),
                (row_class, "kernel_for", self._kernel(row_class.kernel_for)),
                (forward, "jvp", self._jvp(forward.jvp)),
            ]
        )

    def __enter__(self) -> Reach:
        self.events = {}
        self.planted.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.planted.__exit__(*error)

    def note(self, site: Site, found: Event) -> None:
        self.events.setdefault(site, []).append(found)

    def _plan(self, sound: Any) -> Any:
        def plan(row: Any, needs: tuple[bool, ...]) -> Any:
            name = keys().get(id(row))
            if name is None:
                return sound(row, needs)
            key = (id(row), needs)
            if key not in self.plans:
                self.plans[key] = changed = copy(sound(row, needs))
                changed.pull = self._pull(row, name, changed.pull)
            return self.plans[key]

        return plan

    def _pull(self, row: Any, name: str, sound: Any) -> Any:
        def pull(node: Any, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
            strided = reads_strided(node, cotangents)
            found = sound(node, cotangents, live)
            again = runs_again(node)
            for declared, position in places(row, node):
                if position < len(found) and is_floating(found[position]):
                    seen = event_at(found[position], node, position, live, again, strided)
                    self.note((name, "vjp", declared), seen)
            return found

        return pull

    def _kernel(self, sound: Any) -> Any:
        def kernel_for(row: Any, dtype: np.dtype) -> Any:
            name, kernel = keys().get(id(row)), sound(row, dtype)
            if name is None:
                return kernel

            def compute(*args: Any) -> Any:
                found = kernel(*args)
                strided = is_strided(args)
                for r in found if isinstance(found, (list, tuple)) else [found]:
                    if is_floating(r):
                        self.note((name, "forward", ""), event(r, False, False, strided))
                return found

            return compute

        return kernel_for

    def _jvp(self, sound: Any) -> Any:
        def jvp(row: Any, *rest: Any) -> list[Any]:
            found, name = sound(row, *rest), keys().get(id(row))
            if name is not None:
                strided = is_strided([getattr(x, "_array", x) for x in rest[0]])
                for t in found:
                    if is_floating(t):
                        self.note((name, "jvp", ""), event(t, True, False, strided))
            return found

        return jvp


def is_strided(args: Iterable[Any]) -> bool:
    """Whether an array among a kernel's arguments, or in a list of those, is not contiguous."""
    for a in args:
        if isinstance(a, (list, tuple)) and is_strided(getattr(x, "_array", x) for x in a):
            return True
        if isinstance(a, np.ndarray) and not a.flags.c_contiguous:
            return True
    return False
