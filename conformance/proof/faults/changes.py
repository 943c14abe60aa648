"""What can be wrong with one array or tensor, and when: the material that systematic faults are made of.

An `Event` says what a rule's result looked like when it passed a site; a `Mutation` fires on some events and changes
the result there. Both the tracer and the broken engine make events in the same way, so that a fault that does not fire
in a program need not be tried on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .planting import part

LARGE = 32768
HUGE = 65536
TINY_ERROR = 1e-6


@dataclass(frozen=True, slots=True)
class Event:
    """A result at a site. ``again``: the node ran before; ``strided``: something that it read is not contiguous;
    ``target``: the shape that it is to be reduced to."""

    shape: tuple[int, ...]
    size: int
    dtype: np.dtype
    live: bool = False
    again: bool = False
    strided: bool = False
    target: tuple[int, ...] | None = None

    @property
    def is_double(self) -> bool:
        return self.dtype.char in "dD"

    @property
    def is_square(self) -> bool:
        return len(self.shape) > 1 and self.shape[-1] == self.shape[-2] > 1


@dataclass(frozen=True, slots=True)
class Mutation:
    """``fires``: on which events; ``change``: the wrong result. ``sites``: of which sites it is a fault."""

    name: str
    title: str
    change: Callable[[Any, Event], Any]
    fires: Callable[[Event], bool] = lambda event: True
    sites: tuple[str, ...] = ("vjp", "jvp", "forward")


def array_of(x: Any) -> np.ndarray:
    return x._array if hasattr(x, "_array") else np.asarray(x)


def is_floating(x: Any) -> bool:
    """Whether it is an array or tensor of floats (NumPy knows bfloat16 as kind V)."""
    return x is not None and array_of(x).dtype.kind in "fcV"


def event(x: Any, live: bool, again: bool, strided: bool, target: tuple[int, ...] | None = None) -> Event:
    array = array_of(x)
    return Event(array.shape, array.size, array.dtype, live, again, strided, target)


def times(factor: float) -> Callable[[Any, Event], Any]:
    return lambda x, event: x * factor


def _by(x: Any, event: Event, factor: np.ndarray) -> Any:
    return x * part("_tensor").plain(factor) if hasattr(x, "_array") else x * factor


def element(place: Callable[[int], int]) -> Callable[[Any, Event], Any]:
    """One element wrong by a millionth of it."""

    def change(x: Any, event: Event) -> Any:
        factor = np.ones(event.shape, event.dtype)
        factor.reshape(-1)[place(event.size)] = 1 + TINY_ERROR
        return _by(x, event, factor)

    return change


def _plus(x: Any, event: Event, term: np.ndarray) -> Any:
    return x + part("_tensor").plain(term) if hasattr(x, "_array") else x + term


def plus_one(x: Any, event: Event) -> Any:
    """1 where 0 is right."""
    return _plus(x, event, np.ones(event.shape, event.dtype))


def one_at(place: Callable[[int], int]) -> Callable[[Any, Event], Any]:
    """A millionth instead of 0 in one element."""

    def change(x: Any, event: Event) -> Any:
        term = np.zeros(event.shape, event.dtype)
        term.reshape(-1)[place(event.size)] = TINY_ERROR
        return _plus(x, event, term)

    return change


def _plus_tail(x: Any, event: Event) -> Any:
    term = np.zeros(event.shape, event.dtype)
    term.reshape(-1)[LARGE:] = 1
    return _plus(x, event, term)


def _tail(x: Any, event: Event) -> Any:
    factor = np.ones(event.shape, event.dtype)
    factor.reshape(-1)[LARGE:] = 2
    return _by(x, event, factor)


def _transposed(x: Any, event: Event) -> Any:
    return x.transpose(-1, -2) if hasattr(x, "_array") else np.ascontiguousarray(np.swapaxes(x, -1, -2))


def _narrowed(x: Any, event: Event) -> Any:
    narrow = np.dtype(np.complex64 if event.dtype.kind == "c" else np.float32)
    if hasattr(x, "_array"):
        cast = part("_interpreters").LIVE.cast
        return cast(cast(x, narrow), event.dtype)
    return x.astype(narrow).astype(event.dtype)


def _first_slice(x: Any, event: Event) -> Any:
    """The first slice of each dimension that is to be summed, which has the right shape but not the value."""
    target = event.target or ()
    lead = len(event.shape) - len(target)
    key = [slice(0, 1)] * lead
    key += [slice(0, 1) if n == 1 else slice(None) for n in target]
    return x[tuple(key)]


def _is_stretched(event: Event) -> bool:
    return event.target is not None and event.target != event.shape and len(event.target) <= len(event.shape)


def _severed(x: Any, event: Event) -> Any:
    return x.detach()


def _first(n: int) -> int:
    return 0


def _last(n: int) -> int:
    return n - 1


def _somewhere(size: int) -> int:
    return (size * 2654435761 >> 7) % size


MUTATIONS = (
    Mutation("negated", "has the wrong sign", times(-1)),
    Mutation("doubled", "is twice what it should be", times(2)),
    Mutation("off-by-1e-4", "is too large by 10⁻⁴ of itself", times(1 + 1e-4)),
    Mutation("off-by-1e-8", "is too large by 10⁻⁸ of itself", times(1 + 1e-8), lambda e: e.is_double),
    Mutation("transposed", "has its last two dimensions swapped", _transposed, lambda e: e.is_square),
    Mutation("dropped", "is None", lambda x, e: None, sites=("vjp", "jvp")),
    Mutation("zeroed", "is zero", times(0)),
    Mutation("unreduced", "takes a slice where it should sum", _first_slice, _is_stretched, ("vjp",)),
    Mutation("narrowed", "is rounded to single precision", _narrowed, lambda e: e.is_double),
    Mutation("first-element", "is wrong by 10⁻⁶ in the first element", element(_first), lambda e: e.size > 0),
    Mutation("last-element", "is wrong by 10⁻⁶ in the last element", element(_last), lambda e: e.size > 0),
    Mutation("some-element", "is wrong by 10⁻⁶ in some element", element(_somewhere), lambda e: e.size > 1),
    Mutation("one-of-65536", "is wrong by 10⁻⁶ in one of 65,536", element(_somewhere), lambda e: e.size >= HUGE),
    Mutation("size-1", "is doubled where it has one element", times(2), lambda e: e.size == 1),
    Mutation("empty", "is None where it has no element", lambda x, e: None, lambda e: e.size == 0, ("vjp",)),
    Mutation("strided", "is doubled where an operand is not contiguous", times(2), lambda e: e.strided),
    Mutation("large", "is doubled beyond 32,768 elements", _tail, lambda e: e.size > LARGE),
    Mutation("second-backward", "is doubled when a node runs again", times(2), lambda e: e.again, ("vjp",)),
    Mutation("create-graph", "is doubled with create_graph only", times(2), lambda e: e.live, ("vjp",)),
    Mutation("constant", "has no history with create_graph", _severed, lambda e: e.live, ("vjp",)),
    Mutation("plain-only", "is doubled without create_graph only", times(2), lambda e: not e.live, ("vjp",)),
)
"""``jvp`` sites are faults in forward mode only: reverse mode stays right."""


OF_ZERO: dict[str, tuple[str, Callable[[Any, Event], Any]]] = {
    "doubled": ("is 1 where it should be 0", plus_one),
    "first-element": ("is 10⁻⁶ instead of 0 in the first element", one_at(_first)),
    "last-element": ("is 10⁻⁶ instead of 0 in the last element", one_at(_last)),
    "some-element": ("is 10⁻⁶ instead of 0 in some element", one_at(_somewhere)),
    "one-of-65536": ("is 10⁻⁶ instead of 0 in one of 65,536", one_at(_somewhere)),
    "size-1": ("is 1 instead of 0 where it has one element", plus_one),
    "strided": ("is 1 instead of 0 where an operand is not contiguous", plus_one),
    "large": ("is 1 instead of 0 beyond 32,768 elements", _plus_tail),
    "second-backward": ("is 1 instead of 0 when a node runs again", plus_one),
    "create-graph": ("is 1 instead of 0 with create_graph only", plus_one),
    "plain-only": ("is 1 instead of 0 without create_graph only", plus_one),
}
"""What can be wrong with a zero, by the mutation that it takes the place of: a multiple of zero is no fault."""


def of_zero(mutation: Mutation) -> Mutation | None:
    """What becomes of a mutation where the right result is always zero."""
    if mutation.name in ("dropped", "empty"):
        return mutation
    title, change = OF_ZERO.get(mutation.name, ("", None))
    return None if change is None else replace(mutation, title=title, change=change)
