"""Printing: equal to PyTorch's text, to the character, on seeded random tensors and on fixed cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from refgrad._printing import format_parameter, format_tensor, get_printoptions, set_printoptions

FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEXES = ("complex64", "complex128")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64", "bool")
SPECIALS = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 5e-324, 1e-40, 1e-4, 9.9e-5, 1e8, 1.00000008e8])
SHAPES: list[tuple[int, ...]] = [
    *[
        (),
        (),
        (1,),
        (2,),
        (3,),
        (5,),
        (12,),
        (40,),
        (1, 1),
        (2, 3),
        (7, 2),
        (1, 25),
        (2, 3, 2),
        (1, 2, 1, 3),
        (2, 1, 2, 1, 2),
    ],
    *[
        (0,),
        (0, 3),
        (2, 0),
        (1, 0, 2),
        (1000,),
        (1001,),
        (2, 501),
        (501, 2),
        (7, 150),
        (6, 6, 6, 6),
        (8, 7, 30),
        (1, 1, 1200),
    ],
    *[(11, 1, 10, 10), (2, 2, 2, 2, 100), (1, 7, 1, 7, 50)],
]


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    """Print options are process-wide state: every test leaves the defaults."""
    yield
    set_printoptions(profile="default")


def draw_reals(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values of one of the kinds that decide the notation: whole, near one, mixed magnitudes, subnormal, special."""
    kind = rng.integers(8)
    if kind == 0:
        return np.round(rng.normal(size=shape) * 10.0 ** rng.integers(0, 12))
    if kind == 1:
        return rng.normal(size=shape) * 10.0 ** rng.integers(-12, 13)
    if kind == 2:
        return rng.normal(size=shape) * 10.0 ** rng.uniform(-12, 12, size=shape)
    if kind == 3:
        return rng.normal(size=shape) * 10.0 ** rng.uniform(-2.2, 1.2, size=shape)
    if kind == 4:
        return rng.integers(-9, 10, size=shape) * 10.0 ** rng.uniform(-324, -305)
    if kind == 5:
        return rng.choice(SPECIALS, size=shape)
    mixed = np.round(rng.normal(size=shape) * 3) if kind == 6 else rng.normal(size=shape)
    return np.where(rng.random(shape) < 0.3, rng.choice(SPECIALS, size=shape), mixed)


def draw_array(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of the dtype, bfloat16 included."""
    if dtype == "bool":
        return rng.random(shape) < rng.random()
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        reach = int(10 ** rng.integers(0, 19))
        return rng.integers(max(info.min, -reach), min(info.max, reach), size=shape, endpoint=True).astype(dtype)
    values = np.asarray(draw_reals(rng, shape))
    if dtype in COMPLEXES:
        pair = np.stack([values, np.asarray(draw_reals(rng, shape))], axis=-1)
        with np.errstate(all="ignore"):
            parts = pair.astype("float32" if dtype == "complex64" else "float64")
        return parts.view(dtype)[..., 0]
    with np.errstate(all="ignore"):
        return values.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def to_torch(torch: Any, array: np.ndarray, dtype: str) -> Any:
    """The same bits as a PyTorch tensor."""
    array = np.array(array, order="C")
    if dtype == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


OPTIONS: list[dict[str, Any]] = [
    *[{}, {}, {}, {"profile": "short"}, {"profile": "full"}, {"sci_mode": True}, {"sci_mode": False}, {"precision": 0}],
    *[{"precision": 8}, {"linewidth": 30}, {"linewidth": 200}, {"edgeitems": 1, "threshold": 3}, {"edgeitems": 5}],
    *[{"threshold": 0}, {"edgeitems": 0}, {"edgeitems": 0, "threshold": 2}, {"precision": 2, "sci_mode": False}],
]


@pytest.mark.parametrize("dtype", FLOATS + COMPLEXES + INTEGERS)
def test_same_text_as_torch(dtype: str) -> None:
    """300 tensors a dtype: every shape, kind of value, default dtype and suffix."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng([7, *dtype.encode()])
    try:
        for number in range(300):
            array = draw_array(rng, dtype, SHAPES[number % len(SHAPES)])
            default = rng.choice(FLOATS) if number % 3 == 0 else "float32"
            torch.set_default_dtype(getattr(torch, default))
            tensor = to_torch(torch, array, dtype)
            assert format_tensor(array, dtype=dtype, default_dtype=default) == repr(tensor)
            if dtype in FLOATS + COMPLEXES and array.size < 100:
                tensor.requires_grad_()
                assert format_tensor(array, dtype=dtype, default_dtype=default, requires_grad=True) == repr(tensor)
                result = tensor.flip(()) if number % 2 else tensor.clone()
                text = format_tensor(array, dtype=dtype, default_dtype=default, grad_fn=result.grad_fn.name())
                assert text == repr(result)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_same_text_under_print_options(options: dict[str, Any]) -> None:
    """The options mean what they mean in PyTorch, together with every dtype."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng([11, *str(options).encode()])
    try:
        torch.set_printoptions(**options)
        set_printoptions(**options)
        for number in range(120):
            dtype = rng.choice(FLOATS + COMPLEXES + INTEGERS)
            array = draw_array(rng, dtype, SHAPES[number % len(SHAPES)])
            assert format_tensor(array, dtype=dtype) == repr(to_torch(torch, array, dtype))
    finally:
        torch.set_printoptions(profile="default")


def test_suffixes_wrap_where_torch_wraps() -> None:
    """The last line's length decides, so every length from 1 to 40 entries is tried, with one, two and three notes."""
    torch = pytest.importorskip("torch")
    for size in range(40):
        for dtype in ("float32", "float64", "complex64"):
            for rows in ((), (2,)):
                tensor = torch.ones((*rows, size), dtype=getattr(torch, dtype), requires_grad=True)
                array = tensor.detach().numpy()
                assert format_tensor(array, dtype=dtype, requires_grad=True) == repr(tensor)
                assert format_tensor(array, dtype=dtype, grad_fn="CloneBackward0") == repr(tensor.clone())
                assert format_parameter(format_tensor(array, dtype=dtype, requires_grad=True)) == repr(
                    torch.nn.Parameter(tensor)
                )


def test_several_suffixes_wrap_on_narrow_lines() -> None:
    """Where a break has been made, the next note is counted from another column."""
    torch = pytest.importorskip("torch")
    try:
        for linewidth in range(45, 60):
            torch.set_printoptions(linewidth=linewidth)
            set_printoptions(linewidth=linewidth)
            for shape in ((0, 3), (0,), *((size,) for size in range(1, 10))):
                result = torch.ones(shape, dtype=torch.float64, requires_grad=True).clone()
                text = format_tensor(np.ones(shape), dtype="float64", grad_fn="CloneBackward0")
                assert text == repr(result)
    finally:
        torch.set_printoptions(profile="default")


def test_unusual_layouts() -> None:
    """Strides, negative steps and broadcast axes don't show."""
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    for view in (array.T, array[::-1, ::2], np.broadcast_to(array[:1], (3, 4))):
        assert format_tensor(view, dtype="float32") == format_tensor(view.copy(), dtype="float32")


def test_shown_entries_decide_the_notation() -> None:
    """A value hidden by the summary has no influence."""
    array = np.ones(5000, dtype=np.float32)
    array[2500] = 1e20
    assert format_tensor(array, dtype="float32") == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_large_tensor_is_not_formatted_whole() -> None:
    """A broadcast array of 10^12 entries would not fit in memory: only what is shown may be touched."""
    array = np.broadcast_to(np.float32(2), (7, 10**6, 10**5))
    assert format_tensor(array, dtype="float32").count("2.") == 216


def test_options_are_kept_and_sci_mode_is_not() -> None:
    """A call changes what it names; `sci_mode` falls back to automatic."""
    set_printoptions(precision=6, sci_mode=True)
    set_printoptions(linewidth=100)
    options = get_printoptions()
    assert (options.precision, options.linewidth, options.sci_mode) == (6, 100, None)


# Recorded from PyTorch 2.13, so that these rules are held where torch is not installed.
RECORDED: list[tuple[Any, str, dict[str, Any], str]] = [
    (3, "int64", {}, "tensor(3)"),
    (True, "bool", {}, "tensor(True)"),
    ([True, False], "bool", {}, "tensor([ True, False])"),
    ([1e-5, 0.0], "float32", {}, "tensor([1.0000e-05, 0.0000e+00])"),
    ([np.nan, 0.0], "float32", {}, "tensor([nan, 0.])"),
    ([1.0, np.inf], "float64", {}, "tensor([1., inf], dtype=torch.float64)"),
    ([1 + 2j, 3.5 - 4e5j], "complex64", {}, "tensor([1.0000+2.0000e+00j, 3.5000-4.0000e+05j])"),
    ([], "float32", {}, "tensor([])"),
    (np.empty((0, 3)), "float32", {}, "tensor([], size=(0, 3))"),
    ([], "int64", {}, "tensor([], dtype=torch.int64)"),
    (np.arange(1001), "float32", {}, "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])"),
    (np.zeros((1, 1200)), "float32", {}, "tensor([[0., 0., 0.,  ..., 0., 0., 0.]])"),
    ([1.5], "float32", {"grad_fn": "MulBackward0"}, "tensor([1.5000], grad_fn=<MulBackward0>)"),
    ([0j], "complex64", {"default_dtype": "bfloat16"}, "tensor([0.+0.j])"),
]


@pytest.mark.parametrize(("values", "dtype", "keywords", "text"), RECORDED, ids=lambda case: str(case)[:30])
def test_recorded_text(values: Any, dtype: str, keywords: dict[str, Any], text: str) -> None:
    """What PyTorch 2.13 printed."""
    assert format_tensor(np.array(values, dtype=dtype), dtype=dtype, **keywords) == text
