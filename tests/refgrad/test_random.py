"""Random arrays: PyTorch's bits for the same seed and the same calls.

PyTorch itself gives other last bits where it runs without AVX2 and fused multiply-add (ATEN_CPU_CAPABILITY=default, or
another processor): the bits held here are those of its x86 wheels on any machine with AVX2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad
from refgrad import _random as ours
from refgrad._random_stream import Generator

FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEXES = ("complex64", "complex128")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
SIZES = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 623, 624, 625, 1000)

Call = Callable[[Generator], np.ndarray]
TorchCall = Callable[[Any], Any]


def to_array(tensor: Any) -> np.ndarray:
    """The tensor's values; bfloat16 as float32, which holds them exactly."""
    return (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()


def assert_same(actual: np.ndarray, tensor: Any) -> None:
    """Same dtype, shape and bits."""
    assert f"torch.{actual.dtype.name}" == str(tensor.dtype)
    expected = to_array(tensor)
    actual = actual.astype(expected.dtype)
    assert actual.shape == expected.shape
    assert actual.tobytes() == np.ascontiguousarray(expected).tobytes()


def assert_same_draw(name: str, actual: np.ndarray, tensor: Any) -> None:
    """Bits; but blocks of half normals may be one unit off, seldom.

    PyTorch takes their float32 logarithm, sine and cosine from the C library, which doesn't round correctly; ours do.
    About 1 value in 40,000 then falls on the other side of a rounding boundary.
    """
    if name != "randn" or actual.dtype.itemsize > 2 or actual.size < 16:
        assert_same(actual, tensor)
        return
    expected, got = to_array(tensor).astype(np.float64), actual.astype(np.float64)
    unit = np.spacing(np.abs(expected).astype(np.float16)) if actual.dtype == np.float16 else np.abs(expected) * 2.0**-7
    assert (np.abs(got - expected) <= unit).all()
    assert (got != expected).sum() <= 1 + actual.size / 10_000


def torch_filled(torch: Any, name: str, size: int, dtype: str, *args: float) -> TorchCall:
    """A call of an in-place method such as `exponential_` on an empty tensor."""
    return lambda g: getattr(torch.empty(size, dtype=getattr(torch, dtype)), name)(*args, generator=g)


def kinds(torch: Any, size: int, dtype: str) -> dict[str, tuple[Call, TorchCall]]:
    """Every floating distribution: ours, and the call of PyTorch's that it must equal."""
    kind, shape = getattr(torch, dtype), (size,)

    def fill(name: str, *args: float) -> TorchCall:
        return torch_filled(torch, name, size, dtype, *args)

    return {
        "rand": (lambda g: ours.uniform(g, shape, dtype), lambda g: torch.rand(size, dtype=kind, generator=g)),
        "uniform": (lambda g: ours.uniform(g, shape, dtype, -1.3, 2.7), fill("uniform_", -1.3, 2.7)),
        "randn": (lambda g: ours.normal(g, shape, dtype), lambda g: torch.randn(size, dtype=kind, generator=g)),
        "exponential": (lambda g: ours.exponential(g, shape, dtype, 1.7), fill("exponential_", 1.7)),
        "cauchy": (lambda g: ours.cauchy(g, shape, dtype, 0.5, 2.0), fill("cauchy_", 0.5, 2.0)),
        "geometric": (lambda g: ours.geometric(g, shape, dtype, 0.3), fill("geometric_", 0.3)),
        "log_normal": (lambda g: ours.log_normal(g, shape, dtype, 0.5, 0.8), fill("log_normal_", 0.5, 0.8)),
        "random": (lambda g: ours.random_full(g, shape, dtype), fill("random_")),
        "bernoulli": (lambda g: ours.bernoulli(g, shape, 0.3).astype(dtype_of(dtype)), fill("bernoulli_", 0.3)),
    }


def dtype_of(dtype: str) -> np.dtype:
    """NumPy's dtype of that name."""
    return ours.uniform(Generator(), (0,), dtype).dtype


@pytest.mark.parametrize("dtype", FLOATS)
def test_distributions_equal_torch(dtype: str) -> None:
    """Each distribution at each size, three seeds; the stream stands at the same place afterwards."""
    torch = pytest.importorskip("torch")
    for size in SIZES:
        for number, (name, (call, torch_call)) in enumerate(kinds(torch, size, dtype).items()):
            for seed in (0, 17 * size + number, 2**63 + size):
                mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
                assert_same_draw(name, call(mine), torch_call(theirs))
                assert mine.get_state().tobytes() == theirs.get_state().numpy().tobytes(), (name, size)


@pytest.mark.parametrize("seed", range(12))
def test_interleaved_calls_equal_torch(seed: int) -> None:
    """200 calls of random kind, dtype and size on one generator: what a call leaves behind counts."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    for _ in range(200):
        choices = kinds(torch, int(rng.choice(SIZES)), str(rng.choice(FLOATS)))
        name = str(rng.choice(list(choices)))
        assert_same_draw(name, choices[name][0](mine), choices[name][1](theirs))


@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_normal_with_mean_and_std(dtype: str) -> None:
    """Scaled and shifted in one rounding, below and from 16 elements on, and when not contiguous."""
    torch = pytest.importorskip("torch")
    for seed, size in enumerate(SIZES):
        for mean, std in ((0.7, 1.9), (-3.0, 0.0), (1e6, 1e-3), (0.0, 1e-5), (5.0, 1e5)):
            mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
            call = torch_filled(torch, "normal_", size, dtype, mean, std)
            assert_same(ours.normal(mine, (size,), dtype, mean, std), call(theirs))
            strided = torch.empty((size, 2), dtype=getattr(torch, dtype))[:, 0].normal_(mean, std, generator=theirs)
            if size > 1:
                assert_same(ours.normal(mine, (size,), dtype, mean, std, contiguous=False), strided)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_half_normal_with_mean_and_std(dtype: str) -> None:
    """Equal but for one unit in the last place, seldom: the C library's single-precision log isn't ours.

    A block's radius and angle are computed in float32; 1 value in 1000 may cross a rounding boundary of the half type.
    """
    torch = pytest.importorskip("torch")
    mine, theirs = Generator().manual_seed(3), torch.Generator().manual_seed(3)
    actual = ours.normal(mine, (100_000,), dtype, 0.7, 1.9).astype(np.float32)
    expected = to_array(torch_filled(torch, "normal_", 100_000, dtype, 0.7, 1.9)(theirs))
    differ = actual != expected
    assert differ.mean() < 1e-3
    assert np.abs(actual - expected).max() <= 8 * 2.0 ** (-10 if dtype == "float16" else -7)


@pytest.mark.parametrize("dtype", COMPLEXES)
def test_complex_equals_torch(dtype: str) -> None:
    """Pairs of reals, the normal ones with half the variance each."""
    torch = pytest.importorskip("torch")
    kind = getattr(torch, dtype)
    for seed, size in enumerate(SIZES):
        mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
        assert_same(ours.normal(mine, (size,), dtype), torch.randn(size, dtype=kind, generator=theirs))
        assert_same(ours.uniform(mine, (size,), dtype), torch.rand(size, dtype=kind, generator=theirs))


def test_large_arrays_equal_torch() -> None:
    """A million values: rare branches of the float32 polynomials, and no other path for large bernoulli draws."""
    torch = pytest.importorskip("torch")
    size = 1_000_003
    for dtype in ("float32", "float16", "bfloat16"):
        for name in ("randn", "rand", "bernoulli", "uniform"):
            call, torch_call = kinds(torch, size, dtype)[name]
            actual, expected = call(Generator().manual_seed(5)), torch_call(torch.Generator().manual_seed(5))
            assert_same_draw(name, actual, expected)


@pytest.mark.parametrize("low, high", [(1e8, 1e8 + 16), (2.0**24, 2.0**24 + 3), (-1e-3, 1e-3), (3.0, 3.0), (0, 1e38)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform_upper_end(dtype: str, low: float, high: float) -> None:
    """The upper end is never returned, not even by rounding."""
    torch = pytest.importorskip("torch")
    if dtype == "float16" and high > 60000:
        low, high = 2048.0, 2051.0
    call = torch_filled(torch, "uniform_", 20_000, dtype, low, high)
    actual = ours.uniform(Generator().manual_seed(9), (20_000,), dtype, low, high)
    assert_same(actual, call(torch.Generator().manual_seed(9)))


@pytest.mark.parametrize("dtype", (*INTEGERS, "bool", "float32", "float64"))
def test_integers_equal_torch(dtype: str) -> None:
    """Ranges on both sides of 2**28, negative ones, and the whole range."""
    torch = pytest.importorskip("torch")
    kind = getattr(torch, dtype)
    bounds = [(0, 1), (0, 2), (0, 10), (-5, 7), (0, 100), (-(2**27), 2**27), (-(2**27), 2**27 - 1), (3, 2**31 - 1)]
    bounds += [(0, 2**32), (-(2**40), 2**41 + 7), (-(2**63), 2**63 - 1)] if dtype == "int64" else []
    least, most = {"bool": (0, 1), "float32": (-(2**24), 2**24)}.get(dtype, (-(2**63), 2**63))
    least, most = (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype in INTEGERS else (least, most)
    for seed, size in enumerate(SIZES):
        mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
        for low, high in bounds:
            if least <= low and high - 1 <= most:
                expected = torch.randint(low, high, (size,), dtype=kind, generator=theirs)
                assert_same(ours.randint(mine, low, high, (size,), dtype), expected)
        assert_same(ours.random_full(mine, (size,), dtype), torch_filled(torch, "random_", size, dtype)(theirs))


def test_permutations_equal_torch() -> None:
    """Every size and the dtypes that can hold it."""
    torch = pytest.importorskip("torch")
    for seed, size in enumerate((*SIZES, 30_000)):
        for dtype in ("int64", "int32", "float64"):
            expected = torch.randperm(size, dtype=getattr(torch, dtype), generator=torch.Generator().manual_seed(seed))
            assert_same(ours.randperm(Generator().manual_seed(seed), size, dtype), expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_bernoulli_with_probabilities_equals_torch(dtype: str) -> None:
    """One probability an entry; its dtype decides how much is drawn."""
    torch = pytest.importorskip("torch")
    for seed, size in enumerate(SIZES):
        mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
        assert_same(ours.uniform(mine, (size,), dtype), torch.rand(size, dtype=getattr(torch, dtype), generator=theirs))
        p = ours.uniform(Generator().manual_seed(1), (size,), dtype)
        torch_p = torch.rand(size, dtype=getattr(torch, dtype), generator=torch.Generator().manual_seed(1))
        mask = ours.bernoulli_each(mine, p)
        assert_same(mask, torch.bernoulli(torch_p, generator=theirs).bool())


@pytest.mark.parametrize("p", (0.0, 0.1, 0.3, 0.5, 0.9, 1.0))
def test_dropout_mask_equals_torch(p: float) -> None:
    """PyTorch's dropout draws from the default generator; 0 and 1 draw nothing."""
    torch = pytest.importorskip("torch")
    mine = Generator()
    for seed, size in enumerate(SIZES):
        torch.manual_seed(seed)
        mine.manual_seed(seed)
        kept = torch.nn.functional.dropout(torch.ones(size), p) != 0
        assert_same(ours.dropout_mask(mine, (size,), p), kept)
        assert mine.get_state().tobytes() == torch.get_rng_state().numpy().tobytes()


def test_state_travels_between_the_two() -> None:
    """A state of either continues in the other, from any place in the stream, the spare normal value included."""
    torch = pytest.importorskip("torch")
    for words in (0, 1, 5, 623, 624, 625, 1248):
        for spare in (0, 1):
            theirs = torch.Generator().manual_seed(words)
            torch.rand(words, generator=theirs)
            torch.randn(spare, generator=theirs)
            mine = Generator().set_state(theirs.get_state().numpy())
            assert mine.get_state().tobytes() == theirs.get_state().numpy().tobytes()
            assert mine.initial_seed() == theirs.initial_seed()
            back = torch.Generator()
            back.set_state(torch.from_numpy(mine.get_state()))
            assert_same(ours.normal(mine, (3,), "float64"), torch.randn(3, dtype=torch.float64, generator=theirs))
            assert (
                torch.randn(3, generator=back).tolist()
                == ours.normal(
                    Generator().set_state(np.frombuffer(mine_before(words, spare), np.uint8)), (3,), "float32"
                ).tolist()
            )


def mine_before(words: int, spare: int) -> bytes:
    """The state after `words` words and perhaps one normal value."""
    generator = Generator().manual_seed(words)
    generator.words(words)
    ours.normal(generator, (spare,), "float32")
    return generator.get_state().tobytes()


@pytest.mark.parametrize("seed", (0, 1, 2**31, 2**32, 2**40 + 3, 2**64 - 1, -1, -(2**63)))
def test_seeds(seed: int) -> None:
    """Any 64-bit seed, negative ones wrapped."""
    torch = pytest.importorskip("torch")
    mine, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    assert mine.initial_seed() == theirs.initial_seed()
    assert_same(ours.uniform(mine, (5,), "float32"), torch.rand(5, generator=theirs))
    assert mine.seed() == mine.initial_seed()
    assert Generator().initial_seed() == torch.Generator().initial_seed()


def message_of(call: Callable[[], Any]) -> tuple[str, str]:
    """The kind and the first line of what a call raises."""
    try:
        call()
    except Exception as error:
        return type(error).__name__, str(error).splitlines()[0]
    return "", ""


def test_errors_are_torch_errors() -> None:
    """Kind and text of each rejected argument."""
    torch = pytest.importorskip("torch")
    g, t = Generator(), torch.Generator()
    e = torch.empty(3)
    pairs: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (lambda: g.manual_seed(1.5), lambda: t.manual_seed(1.5)),  # pyright: ignore[reportArgumentType]
        (lambda: g.manual_seed(True), lambda: t.manual_seed(True)),
        (lambda: g.manual_seed(2**64), lambda: t.manual_seed(2**64)),
        (lambda: g.set_state(np.zeros(3, np.uint8)), lambda: t.set_state(torch.zeros(3, dtype=torch.uint8))),
        (lambda: g.set_state(np.zeros(5056)), lambda: t.set_state(torch.zeros(5056))),
        (lambda: g.set_state(np.zeros(5056, np.uint8)), lambda: t.set_state(torch.zeros(5056, dtype=torch.uint8))),
        (lambda: ours.uniform(g, (3,), "float32", 2, 1), lambda: e.uniform_(2, 1)),
        (lambda: ours.uniform(g, (3,), "float32", -3e38, 3e38), lambda: e.uniform_(-3e38, 3e38)),
        (lambda: ours.uniform(g, (3,), "int64"), lambda: torch.rand(3, dtype=torch.int64)),
        (lambda: ours.normal(g, (3,), "int16"), lambda: torch.randn(3, dtype=torch.int16)),
        (lambda: ours.normal(g, (3,), "float32", 0, -1.5), lambda: e.normal_(0, -1.5)),
        (lambda: ours.randint(g, 5, 5, (2,)), lambda: torch.randint(5, 5, (2,))),
        (lambda: ours.bernoulli(g, (3,), 1.5), lambda: e.bernoulli_(1.5)),
        (lambda: ours.bernoulli(g, (3,), math.nan), lambda: e.bernoulli_(math.nan)),
        (lambda: ours.bernoulli_each(g, np.array([0.5, 2.0])), lambda: torch.bernoulli(torch.tensor([0.5, 2.0]))),
        (lambda: ours.bernoulli_each(g, np.array([math.nan])), lambda: torch.bernoulli(torch.tensor([math.nan]))),
        (lambda: ours.dropout_mask(g, (3,), 2), lambda: torch.nn.functional.dropout(e, 2)),
        (lambda: ours.exponential(g, (3,), "float32", -1), lambda: e.exponential_(-1)),
        (lambda: ours.cauchy(g, (3,), "float32", 0, -1), lambda: e.cauchy_(0, -1)),
        (lambda: ours.geometric(g, (3,), "float32", 0), lambda: e.geometric_(0)),
        (lambda: ours.log_normal(g, (3,), "float32", 0, 0), lambda: e.log_normal_(0, 0)),
        (lambda: ours.randperm(g, -1), lambda: torch.randperm(-1)),
    ]
    for low, high, dtype in (
        (0, 5, "bool"),
        (0, 300, "uint8"),
        (-1, 3, "uint8"),
        (0, 129, "int8"),
        (-(2**15) - 1, 0, "int16"),
        (0, 2**33, "int32"),
    ):
        pairs.append(
            (
                lambda low=low, high=high, dtype=dtype: ours.randint(g, low, high, (2,), dtype),
                lambda low=low, high=high, dtype=dtype: torch.randint(low, high, (2,), dtype=getattr(torch, dtype)),
            )
        )
    for mine, theirs in pairs:
        expected = message_of(theirs)
        assert expected[0]
        assert message_of(mine) == expected


# Recorded from PyTorch 2.13, so that the stream is held where torch is not installed.
def test_recorded_values() -> None:
    """torch.manual_seed(0), then rand(2), randint(10, (5,)), randperm(5)."""
    assert ours.uniform(Generator().manual_seed(0), (2,), "float32").tolist() == [
        0.49625658988952637,
        0.7682217955589294,
    ]
    assert ours.randint(Generator().manual_seed(0), 0, 10, (5,)).tolist() == [4, 9, 3, 0, 3]
    assert ours.randperm(Generator().manual_seed(0), 5).tolist() == [4, 0, 1, 3, 2]


OF_THE_NAMESPACE: dict[str, Callable[[Any], Any]] = {
    "rrelu float32": lambda t: t.nn.functional.rrelu(-t.ones(1000), training=True),
    "rrelu float64": lambda t: t.nn.functional.rrelu(-t.ones(1000, dtype=t.float64), 0.1, 0.7, True),
    "rrelu bfloat16": lambda t: t.nn.functional.rrelu(-t.ones(1000, dtype=t.bfloat16), training=True),
    "multinomial": lambda t: t.multinomial(t.full((1000,), 0.25), 300),
    "multinomial float16": lambda t: t.multinomial(t.full((1000,), 0.25, dtype=t.float16), 300, replacement=True),
    "multinomial bfloat16": lambda t: t.multinomial(t.full((1000,), 0.25, dtype=t.bfloat16), 300, replacement=True),
    "fractional pool": lambda t: t.nn.functional.fractional_max_pool2d(t.arange(98.0).reshape(2, 7, 7), 2, 3),
}


@pytest.mark.parametrize("name", OF_THE_NAMESPACE)
def test_functions_that_draw_equal_torch(name: str) -> None:
    """Public functions, from the seed on; the stream stands at the same place afterwards."""
    torch = pytest.importorskip("torch")
    for seed in range(3):
        torch.manual_seed(seed)
        refgrad.manual_seed(seed)
        mine, theirs = (OF_THE_NAMESPACE[name](engine) for engine in (refgrad, torch))
        assert to_array(mine).tobytes() == to_array(theirs).tobytes()
        assert refgrad.rand(3).numpy().tobytes() == torch.rand(3).numpy().tobytes()
