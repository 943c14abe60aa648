"""The strides of fresh results, where they are not NumPy's own."""

from __future__ import annotations

import numpy as np
import pytest

import refgrad as torch
from refgrad._layout import with_strides
from refgrad._storage import element_strides, owner


@pytest.mark.parametrize("strides", [(3, 1), (1, 2), (8, 2), (1, 5), (7, 3)])
def test_strides_with_gaps_stay_in_their_memory(strides: tuple[int, int]) -> None:
    values = np.arange(6.0).reshape(2, 3)
    made = with_strides(values, strides)
    assert element_strides(made) == strides
    assert np.array_equal(made, values)
    assert owner(made).size > sum((n - 1) * s for n, s in zip(made.shape, strides))


@pytest.mark.parametrize(
    ("shape", "strides"), [((0, 1), (1, 0)), ((2, 0, 1), (0, 1, 0)), ((1, 0), (1, 1)), ((0, 3), (3, 1))]
)
def test_a_number_counts_as_a_tensor_without_dimensions(shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    zero_dim = torch.tensor(2.0)
    for made in (x * 2, 2 * x, x + 1, 1 - x, x > 1, x % 2.0, x * zero_dim, torch.where(x > 1, x, 2.0)):
        assert made.stride() == strides


def test_a_constant_like_a_tensor_is_laid_out_as_its_copy() -> None:
    one = torch.ones(2)[::2]
    assert torch.zeros_like(one).stride() == one.clone().stride() == (2,)
    repeated = torch.ones(1, 1).expand(2, 1)
    assert torch.zeros_like(repeated).stride() == repeated.clone().stride() == (1, 1)
    assert torch.full_like(torch.zeros(0, 4)[:, ::2], 1, dtype=torch.int64).stride() == (4, 2)


@pytest.mark.parametrize(
    ("value", "kind"), [(300, torch.int8), (1e300, torch.float32), (-129, torch.int8), (1j, torch.float64)]
)
def test_a_number_that_does_not_fit_is_refused(value: complex, kind: torch.dtype) -> None:
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.full_like(torch.zeros(2), value, dtype=kind)
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.zeros(2, dtype=kind).fill_(value)


def test_images_stored_by_pixel_stay_so_where_sizes_of_one_say_nothing() -> None:
    image = torch.ones(5, 1, 3, 1).permute(3, 2, 1, 0)
    assert image.shape == (1, 3, 1, 5) and image.stride() == (1, 1, 3, 3)
    for made in (image.log(), image + image, torch.isnan(image), torch.isfinite(image)):
        assert made.stride() == (15, 1, 15, 3)


def test_stacked_images_are_joined_and_split() -> None:
    image = torch.ones(2, 2, 3, 2).permute(0, 3, 1, 2)
    assert image.stride() == (12, 1, 6, 2)
    assert torch.stack([image, image], 0).stride() == (24, 12, 1, 6, 2)
    assert torch.stack([image, image], 4).shape == (2, 2, 2, 3, 2)


@pytest.mark.parametrize(("groups", "strides"), [(1, (6, 1, 6, 2)), (2, (2, 1, 1, 1))])
def test_strides_of_a_convolution_follow_input_and_kernels(groups: int, strides: tuple[int, ...]) -> None:
    x = torch.ones(2, 1, 3, 2, dtype=torch.float64).permute(0, 3, 1, 2)
    kernel = torch.ones(2, 2 // groups, 1, 3 if groups == 2 else 1, dtype=torch.float64)
    assert torch.nn.functional.conv2d(x, kernel, groups=groups).stride() == strides
