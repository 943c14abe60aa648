"""save and load: values, flags, shared memory, and what a file may not hold."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refgrad as torch


def there_and_back(value: Any, **options: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_a_tensor_comes_back(dtype: str, shape: tuple[int, ...]) -> None:
    x = torch.ones(shape, dtype=getattr(torch, dtype)).cumsum(0) if shape else torch.ones((), dtype=torch.float32)
    back = there_and_back(x)
    assert back.dtype is x.dtype and back.shape == x.shape and back.tolist() == x.tolist()


def test_flags_and_classes_stay_and_history_goes() -> None:
    x = torch.ones(2, requires_grad=True)
    back = there_and_back({"leaf": x, "result": x * 2, "parameter": torch.nn.Parameter(torch.ones(1)), "number": 3})
    assert all(back[k].requires_grad and back[k].is_leaf for k in ("leaf", "result", "parameter"))
    assert type(back["parameter"]) is torch.nn.Parameter and back["number"] == 3


def test_views_share_memory_and_keep_strides() -> None:
    x = torch.arange(6.0).view(2, 3)
    whole, part, turned = there_and_back([x, x[1], x.t()])
    whole[1, 0] = 9
    assert part.tolist() == [9, 4, 5] and turned[0, 1].item() == 9 and turned.stride() == (1, 3)


def test_a_state_dict_through_a_path(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 2)
    torch.save(net.state_dict(), tmp_path / "net")
    other = torch.nn.Linear(3, 2)
    other.load_state_dict(torch.load(tmp_path / "net"))
    assert torch.equal(other.weight, net.weight) and isinstance(torch.load(tmp_path / "net"), OrderedDict)


class Stranger:
    """A class that a file has no business to name."""


def test_a_file_that_could_run_code_is_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match="weights_only=False"):
        there_and_back(Stranger())
    assert isinstance(there_and_back(Stranger(), weights_only=False), Stranger)


def test_conjugates_stay_lazy() -> None:
    z = torch.tensor([1 + 2j]).conj()
    back = there_and_back(z)
    assert back.is_conj() and np.allclose(back.resolve_conj().numpy(), [1 - 2j])
