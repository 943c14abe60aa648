"""Generators of random numbers. Source: torch.Generator, torch.random."""

from __future__ import annotations

from typing import Any

from .. import _random as random
from .._op import public, publish
from .._tensor import Tensor, device, plain

CPU = device("cpu")


class Generator:
    """A stream of random numbers of its own. Source: torch.Generator."""

    __slots__ = ("_stream",)

    def __init__(self, device: Any = "cpu") -> None:
        self._stream = random.Generator()

    @property
    def device(self) -> Any:
        """Where it draws: always the CPU."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Restarts from a seed; returns itself. Trap: only its low 32 bits count."""
        self._stream.manual_seed(seed)
        return self

    def seed(self) -> int:
        """Restarts from a seed that the operating system gives, and returns it."""
        return self._stream.seed()

    def initial_seed(self) -> int:
        """The seed of the last restart."""
        return self._stream.initial_seed()

    def get_state(self) -> Tensor:
        """The state, as PyTorch lays it out."""
        return plain(self._stream.get_state())

    def set_state(self, new_state: Tensor) -> None:
        """Continues from a state."""
        self._stream.set_state(new_state._array)


default_generator = Generator()
default_generator._stream = random.default_generator


def stream_of(generator: Generator | None) -> random.Generator:
    """The stream to draw from: the given one, or the global one."""
    return random.default_generator if generator is None else generator._stream


@public(method=False)
def manual_seed(seed: int) -> Generator:
    """Seeds the global generator and returns it. Source: torch.manual_seed."""
    return default_generator.manual_seed(int(seed))


@public(method=False)
def seed() -> int:
    """Seeds the global generator from the operating system; the seed. Source: torch.seed."""
    return default_generator.seed()


@public(method=False)
def initial_seed() -> int:
    """The seed of the global generator's last restart. Source: torch.initial_seed."""
    return default_generator.initial_seed()


@public(method=False)
def get_rng_state() -> Tensor:
    """The global generator's state, 5056 bytes. Source: torch.get_rng_state."""
    return default_generator.get_state()


@public(method=False)
def set_rng_state(new_state: Tensor) -> None:
    """Continues the global generator from a state. Source: torch.set_rng_state."""
    default_generator.set_state(new_state)


for _name, _part in (("Generator", Generator), ("default_generator", default_generator)):
    publish(_name, _part)  # type: ignore[arg-type]
