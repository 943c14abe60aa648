"""Where draws come from: a fast seeded stream, whose choices are logged so that they can be replayed and shrunk.

Every draw is an index below a bound, and index 0 is the simplest choice: whatever makes logs shorter and their
entries smaller makes programs simpler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
_MASK = (1 << 64) - 1


def mix(*parts: int) -> int:
    """One 64-bit seed from several numbers (SplitMix64's finaliser over their running sum)."""
    z = 0
    for part in parts:
        z = (z + part + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        z ^= z >> 31
    return z


class Source(Protocol):
    """What a generator may ask for."""

    log: list[int]

    def choose(self, n: int) -> int:
        """An index in range(n)."""
        ...

    def indices(self, count: int, n: int) -> NDArray[np.uint8]:
        """``count`` indices in range(n), n a power of two up to 256."""
        ...


@cache
def _low_bits(n: int) -> bytes:
    """Of every byte the bits that count below a power of two: a table for bytes.translate."""
    return bytes(byte & (n - 1) for byte in range(256))


class Stream:
    """The search's source: MT19937 seeded with an int, whose ``random()`` Python promises to keep."""

    __slots__ = ("_bytes", "_random", "log")

    def __init__(self, seed: int) -> None:
        generator = Random(seed)
        self._random: Callable[[], float] = generator.random
        self._bytes = generator.getrandbits
        self.log: list[int] = []

    def choose(self, n: int) -> int:
        index = int(self._random() * n)
        self.log.append(index)
        return index

    def indices(self, count: int, n: int) -> NDArray[np.uint8]:
        if not count:
            return np.empty(0, np.uint8)
        drawn = self._bytes(8 * count).to_bytes(count, "little").translate(_low_bits(n))
        self.log.extend(drawn)
        return np.frombuffer(drawn, np.uint8)


class Menu(Stream):
    """A stream whose data comes from a seed of its own: programs of one structure, with other values."""

    __slots__ = ()

    def __init__(self, structure: int, values: int) -> None:
        super().__init__(structure)
        self._bytes = Random(values).getrandbits


class Replay:
    """Draws again what a log says; an entry out of bounds wraps, and a log that is too short goes on with zeros."""

    __slots__ = ("_entries", "_next", "log")

    def __init__(self, entries: Sequence[int]) -> None:
        self._entries = entries
        self._next = 0
        self.log: list[int] = []

    def choose(self, n: int) -> int:
        entry = self._entries[self._next] if self._next < len(self._entries) else 0
        self._next += 1
        self.log.append(entry % n)
        return entry % n

    def indices(self, count: int, n: int) -> NDArray[np.uint8]:
        return np.array([self.choose(n) for _ in range(count)], np.uint8)


class Recording:
    """A source over any function ``choose(n)``: how Hypothesis drives a generator."""

    __slots__ = ("_choose", "log")

    def __init__(self, choose: Callable[[int], int]) -> None:
        self._choose = choose
        self.log: list[int] = []

    def choose(self, n: int) -> int:
        index = self._choose(n) if n > 1 else 0
        self.log.append(index)
        return index

    def indices(self, count: int, n: int) -> NDArray[np.uint8]:
        return np.array([self.choose(n) for _ in range(count)], np.uint8)


def pick(source: Source, options: Sequence[T]) -> T:
    """One of the options, the first being the simplest."""
    return options[source.choose(len(options))]


def chance(source: Source, one_in: int) -> bool:
    """True once in ``one_in`` draws; False is the simple choice."""
    return source.choose(one_in) == one_in - 1


def integer(source: Source, low: int, high: int) -> int:
    """An integer in [low, high]; low is the simplest."""
    return low + source.choose(high - low + 1)


class Rejected(Exception):
    """The draw made no program of the wanted kind; it counts as filtered."""
