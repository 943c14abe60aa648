"""Systematic faults, generated: every differentiable row of refgrad, at every site, with every mutation that suits it.

Ids are ``sys/<row>/<site>/<mutation>``, such as ``sys/MulBackward0/vjp.other/negated``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .changes import MUTATIONS, Event, Mutation, event, is_floating, of_zero
from .fault import Fault
from .planting import Planted, part, row
from .sites import Around, Pull, Site, event_at, is_strided, keys, places, planner, reads_strided, runs_again
from .standing import (
    gives_floats,
    has_cotangent,
    has_tangent,
    has_zero_cotangent,
    has_zero_result,
    has_zero_tangent,
    takes_complex,
)

OF_RULES = {
    "ignored": "takes the cotangent for ones",
    "swapped": "is the next input's",
    "unconjugated": "conjugates nothing",
}
MEANINGS = {mutation.name: mutation.title for mutation in MUTATIONS} | OF_RULES
"""What is wrong with a result, a gradient or a tangent, by the kind of fault."""


@dataclass(frozen=True, slots=True)
class SiteFault(Fault):
    """A fault of one site; ``fires`` says on which events it changes anything."""

    site: Site = ("", "", "")
    fires: Callable[[Event], bool] = lambda event: True


@cache
def systematic() -> dict[str, SiteFault]:
    """Every systematic fault of the rows by id."""
    return {fault.id: fault for name in keys().values() for fault in faults_of(name)}


def systematic_fault(id: str) -> SiteFault:
    """The systematic fault of an id. Raises LookupError where there is none."""
    name = id.split("/")[1]
    for fault in faults_of(name) if name in keys().values() else ():
        if fault.id == id:
            return fault
    raise LookupError(f"no systematic fault {id!r}; ids are sys/<row>/<site>/<mutation>")


def faults_of(name: str) -> Iterator[SiteFault]:
    """The faults of one row."""
    broken = row(name)
    for k in broken.edged:
        given = broken.schema.inputs[k].name
        if has_cotangent(broken, given):
            is_zero = has_zero_cotangent(broken, given)
            yield from (_at(name, "vjp", given, m) for m in _mutations("vjp", is_zero) if _suits(broken, m))
            yield from _of_rule(name, broken, given, is_zero)
    if has_tangent(broken):
        yield from (_at(name, "jvp", "", m) for m in _mutations("jvp", has_zero_tangent(broken)))
    if not broken.is_view and gives_floats(broken):
        yield from (_at(name, "forward", "", m) for m in _mutations("forward", has_zero_result(broken)))


def _mutations(kind: str, is_zero: bool) -> Iterator[Mutation]:
    """The mutations that are faults of a kind of site."""
    for mutation in MUTATIONS:
        found = of_zero(mutation) if is_zero else mutation
        if kind in mutation.sites and found is not None:
            yield found


def _suits(broken: Any, mutation: Mutation) -> bool:
    """A row with one operand never has a cotangent to reduce."""
    return mutation.name != "unreduced" or (bool(broken.promote) and len(broken.schema.inputs) > 1)


def _at(name: str, kind: str, given: str, mutation: Mutation) -> SiteFault:
    where = f"{kind}.{given}" if given else kind
    what = {"vjp": f"the cotangent of {given}", "jvp": "the tangent", "forward": "the result"}[kind]
    plant = {"vjp": _plant_vjp, "jvp": _plant_jvp, "forward": _plant_forward}[kind]
    return SiteFault(
        f"sys/{name}/{where}/{mutation.name}",
        f"{name}: {what} {mutation.title}",
        mutation.name if kind == "vjp" else f"{kind} {mutation.name}",
        lambda: plant(row(name), given, mutation),
        site=(name, kind, given),
        fires=mutation.fires,
    )


def _of_rule(name: str, broken: Any, given: str, is_zero: bool) -> Iterator[SiteFault]:
    """The faults that are in a rule rather than in its result."""
    site = (name, "vjp", given)

    def fault(kind: str, title: str, around: Around, fires: Callable[[Event], bool]) -> SiteFault:
        def plant() -> Planted:
            return Planted([(row(name), "plan", planner(row(name), around))])

        return SiteFault(f"sys/{name}/vjp.{given}/{kind}", f"{name}: {title}", kind, plant, site=site, fires=fires)

    swapped, ones = _swapping(broken, given), _ignoring(broken, given)
    if not is_zero:
        yield fault("ignored", f"the rule of {given} takes the cotangent for ones", ones, lambda e: True)
    if len(broken.edged) > 1 and not all(has_zero_cotangent(broken, other) for other in broken.rules):
        yield fault("swapped", f"the cotangent of {given} is the next input's", swapped, lambda e: True)
    if _conjugates(broken, given):
        plain = _unconjugated(broken, given)
        yield fault("unconjugated", f"the rule of {given} conjugates nothing", plain, lambda e: e.dtype.kind == "c")


def _conjugates(broken: Any, given: str) -> bool:
    rule = broken.joint or broken.rules.get(given)
    return takes_complex(broken) and rule is not None and "conj" in rule.function.__code__.co_names


def _merged(broken: Any, given: str, node: Any, found: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    """``found`` with the cotangents of one input taken from ``other``."""
    mine = {position for name, position in places(broken, node) if name == given}
    return tuple([other[k] if k in mine else g for k, g in enumerate(found)])


def _swapping(broken: Any, given: str) -> Around:
    def around(pull: Pull, node: Any, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        found = pull(node, cotangents, live)
        rotated = (*found[1:], found[0]) if found else found
        if any(g is None for g in rotated):
            return found
        return _merged(broken, given, node, found, rotated)

    return around


def _ignoring(broken: Any, given: str) -> Around:
    def around(pull: Pull, node: Any, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        found = pull(node, cotangents, live)
        ones = [g if g is None else _ones_like(g) for g in cotangents]
        return _merged(broken, given, node, found, pull(node, ones, live))

    return around


def _ones_like(g: Any) -> Any:
    return part("_tensor").plain(np.ones_like(g._array)) if hasattr(g, "_array") else np.ones_like(g)


def _unconjugated(broken: Any, given: str) -> Around:
    spaces = [getattr(part("_interpreters"), name) for name in ("RAW", "NARROW", "LIVE")]
    bare = Planted([(space, "conj", lambda x: x) for space in spaces])

    def around(pull: Pull, node: Any, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        found = pull(node, cotangents, live)
        with bare:
            other = pull(node, cotangents, live)
        return _merged(broken, given, node, found, other)

    return around


def _plant_vjp(broken: Any, given: str, mutation: Mutation) -> Planted:
    counts = mutation.name == "second-backward"

    def around(pull: Pull, node: Any, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        strided = mutation.name == "strided" and reads_strided(node, cotangents)
        found = pull(node, cotangents, live)
        again = counts and runs_again(node)
        changed = list(found)
        for name, position in places(broken, node):
            if name == given and position < len(found) and is_floating(found[position]):
                seen = event_at(found[position], node, position, live, again, strided)
                changed[position] = _changed(mutation, found[position], seen)
        return tuple(changed)

    return Planted([(broken, "plan", planner(broken, around))])


def _changed(mutation: Mutation, x: Any, seen: Event) -> Any:
    if not mutation.fires(seen):
        return x
    with np.errstate(all="ignore"):
        return mutation.change(x, seen)


def _plant_forward(broken: Any, given: str, mutation: Mutation) -> Planted:
    sound = broken.kernel

    def kernel(*args: Any) -> Any:
        found, strided = sound(*args), is_strided(args)
        several = isinstance(found, (list, tuple))
        results = [
            _changed(mutation, np.asarray(r), event(r, False, False, strided)) if is_floating(r) else r
            for r in (found if several else [found])
        ]
        return results if several else results[0]

    return Planted([(broken, "kernel", kernel), (broken, "kernels", {})])


def _plant_jvp(broken: Any, given: str, mutation: Mutation) -> Planted:
    forward = part("_forward")
    sound = forward.jvp

    def jvp(asked: Any, *rest: Any) -> list[Any]:
        found = sound(asked, *rest)
        if asked is not broken:
            return found
        strided = is_strided([getattr(x, "_array", x) for x in rest[0]])
        return [_changed(mutation, t, event(t, True, False, strided)) if is_floating(t) else t for t in found]

    return Planted([(forward, "jvp", jvp)])
