"""The stream of random words: a Mersenne Twister seeded, advanced and stored as PyTorch's CPU generator does."""

from __future__ import annotations

import os

import numpy as np

_DEFAULT_SEED = 67280421310721
_WORDS = 624
_LOW_24, _LOW_53 = np.uint64(2**24 - 1), np.uint64(2**53 - 1)
# PyTorch's state: seed, words left, seeded?, next word, the words, then the spare normal value. 5056 bytes.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "words", "spare", "has_spare"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", _WORDS), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": 5056,
    }
)


class Generator:
    """A seeded stream, bit for bit that of `torch.Generator("cpu")`.

    Source: torch.Generator. Trap: only the low 32 bits of a seed reach the stream, so seeds 3 and 2**40 + 3 give
    the same numbers.
    """

    __slots__ = ("_bits", "_fresh", "_seed", "_seeder", "spare_normal")

    def __init__(self) -> None:
        self._bits = np.random.MT19937(0)
        self._seeder = np.random.RandomState(self._bits)
        self.spare_normal: float | None = None
        self.manual_seed(_DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Restart from `seed`, in [-2**63, 2**64); a negative seed stands for seed + 2**64."""
        if type(seed) is not int:
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed = seed % 2**64
        # RandomState's integer seeding is the reference initialisation, which PyTorch uses too.
        self._seeder.seed(self._seed % 2**32)
        self._fresh = True
        self.spare_normal = None
        return self

    def seed(self) -> int:
        """Restart from a seed drawn from the operating system, and return it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the last restart."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """The state as PyTorch lays it out: uint8, shape (5056,); either library can continue from it."""
        inner = self._bits.state["state"]
        record = np.zeros((), dtype=_STATE)
        record["seed"], record["seeded"], record["words"] = self._seed, 1, inner["key"]
        # PyTorch counts the words left before the next twist, and is 1 short of a full round when newly seeded.
        record["next"] = 0 if self._fresh else inner["pos"]
        record["left"] = _WORDS + 1 - inner["pos"]
        if self.spare_normal is not None:
            record["spare"], record["has_spare"] = self.spare_normal, 1
        return np.frombuffer(record.tobytes(), dtype=np.uint8).copy()

    def set_state(self, state: np.ndarray) -> Generator:
        """Continue from a state of `get_state`, PyTorch's or ours."""
        if state.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if state.size != _STATE.itemsize:
            message = f"Expected a CPUGeneratorImplState of size {_STATE.itemsize} but found the input RNG state size"
            raise RuntimeError(f"{message} to be {state.size}")
        record = np.frombuffer(state.tobytes(), dtype=_STATE)[0]
        left, position = int(record["left"]), int(record["next"])
        fresh = left == 1 and position == 0
        if record["seeded"] != 1 or not (fresh or (1 <= left <= _WORDS and left + position == _WORDS + 1)):
            raise RuntimeError("Invalid mt19937 state")
        self._seed, self._fresh = int(record["seed"]), fresh
        self._place(record["words"].astype(np.uint32), _WORDS if fresh else position)
        self.spare_normal = float(record["spare"]) if record["has_spare"] else None
        return self

    def words(self, count: int) -> np.ndarray:
        """The next `count` 32-bit words, as uint64."""
        if count:
            self._fresh = False
        return self._bits.random_raw(count)

    def double_words(self, count: int) -> np.ndarray:
        """The next `count` 64-bit words; the first 32-bit word is the high half."""
        pairs = self.words(2 * count).reshape(count, 2)
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]

    def unit_singles(self, count: int) -> np.ndarray:
        """Uniform float32 values in [0, 1): the low 24 bits of one word each."""
        return (self.words(count) & _LOW_24).astype(np.float32) * np.float32(2.0**-24)

    def unit_doubles(self, count: int) -> np.ndarray:
        """Uniform float64 values in [0, 1): the low 53 bits of two words each."""
        return (self.double_words(count) & _LOW_53).astype(np.float64) * 2.0**-53

    def _place(self, words: np.ndarray, position: int) -> None:
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": words, "pos": position}}
