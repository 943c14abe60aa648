"""How a fault is planted: a named part of refgrad is replaced while a context is entered, and put back after.

Contexts are made once and entered for every program, so that entering costs a few attribute writes. Operators keep
their fast path in closures; while a fault is planted no thread counts as plain, which sends every call down the general
path, where its row's plan and kernel are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from importlib import import_module
from typing import Any

Replacement = Callable[[Any], Any]
_SETTLE: list[Any] = []
SETTINGS = ("grad", "inference", "forward_grad", "saved_hooks", "saved_hooks_disabled", "multithreading")


class Planted(AbstractContextManager[None]):
    """Replaces attributes, by (owner, name) -> value, while entered; ``absent`` marks one that the owner lacks."""

    absent = object()

    def __init__(self, changes: list[tuple[Any, str, Any]]) -> None:
        self.changes = changes
        self.before: list[Any] = []
        self.settings: tuple[Any, ...] = ()

    def __enter__(self) -> None:
        self.before = [vars(owner).get(name, self.absent) for owner, name, _ in self.changes]
        for owner, name, value in self.changes:
            setattr(owner, name, value)
        self.settings = tuple(getattr(part("_modes").state, name) for name in SETTINGS)
        slow_paths(+1)

    def __exit__(self, *_: object) -> None:
        # A mode that the broken engine left behind must not break the sound one.
        for name, value in zip(SETTINGS, self.settings):
            setattr(part("_modes").state, name, value)
        slow_paths(-1)
        for (owner, name, _), value in zip(reversed(self.changes), reversed(self.before)):
            if value is self.absent:
                delattr(owner, name)
            else:
                setattr(owner, name, value)


def _unsettled(self: Any) -> None:
    """Stands in for ``settle`` while a fault is planted: a thread never takes a fast path."""
    self.plain = self.computes = False


def slow_paths(step: int) -> None:
    """Sends operators down their general path (+1), or lets them go (-1)."""
    modes = part("_modes")
    if step > 0:
        _SETTLE.append(modes.CurrentState.settle)
        modes.CurrentState.settle = _unsettled
    else:
        modes.CurrentState.settle = _SETTLE.pop()
    modes.state.settle()


def part(module: str) -> Any:
    """A module of refgrad, such as ``_engine``; "" is the package."""
    return import_module(f"refgrad.{module}".rstrip("."))


def row(name: str) -> Any:
    """A row of refgrad by its node name. Raises LookupError for one that refgrad lacks."""
    rows = part("_op").ROWS
    if name not in rows:
        raise LookupError(f"refgrad has no row {name!r}")
    return rows[name]


def replaced(module: str, name: str, change: Replacement) -> Callable[[], Planted]:
    """Replaces ``refgrad.<module>.<name>`` (dotted: an attribute of it) by ``change(sound)``."""

    def plant() -> Planted:
        owner = part(module)
        *path, last = name.split(".")
        for step in path:
            owner = getattr(owner, step)
        return Planted([(owner, last, change(getattr(owner, last)))])

    return plant


def rule(node: str, **rules: Callable[..., Any]) -> Callable[[], Planted]:
    """Replaces vjp rules of a row, by input; a parameter's name says what the rule needs, as in refgrad."""

    def plant() -> Planted:
        broken = row(node)
        compiled = {name: part("_schema").rule(broken.schema, f) for name, f in rules.items()}
        return Planted([(broken, "rules", {**broken.rules, **compiled}), (broken, "plans", {})])

    return plant


def pulled(nodes: str | tuple[str, ...], change: Callable[..., Any]) -> Callable[[], Planted]:
    """Passes the cotangents that rows return through ``change(found, node, cotangents, live)``."""
    names = (nodes,) if isinstance(nodes, str) else nodes

    def plant() -> Planted:
        return Planted([(r, "plan", _planner(r, change)) for r in map(row, names)])

    return plant


def _planner(broken: Any, change: Callable[..., Any]) -> Callable[[tuple[bool, ...]], Any]:
    """A row's ``plan`` whose plans pull through ``change``."""
    made: dict[tuple[bool, ...], Any] = {}
    sound = type(broken).plan

    def plan(needs: tuple[bool, ...]) -> Any:
        if needs not in made:
            original = sound(broken, needs)
            changed = copy(original)
            changed.pull = lambda node, cotangents, live: change(
                original.pull(node, cotangents, live), node, cotangents, live
            )
            made[needs] = changed
        return made[needs]

    return plan


def kernel(node: str, change: Replacement) -> Callable[[], Planted]:
    """Replaces a row's kernel by ``change(sound)``."""

    def plant() -> Planted:
        broken = row(node)
        changed = change(broken.kernel)
        return Planted([(broken, "kernel", changed), (broken, "kernels", {})])

    return plant


def every_row() -> Iterator[str]:
    """The node names of all differentiable rows."""
    yield from (name for name, r in part("_op").ROWS.items() if r.is_differentiable)
