"""Leaves made from a tensor's dtype (new_ones and its like), and Tensor.type."""

from __future__ import annotations

from typing import Any

from .. import _dtypes as dtypes
from .._dtypes import dtype
from .._tensor import Tensor, method
from .create import full, tensor


def _made(t: Tensor, name: str, size: tuple[Any, ...], value: Any, options: dict[str, Any]) -> Tensor:
    if not size:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    shape = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    return full(shape, value, **{**options, "dtype": options.get("dtype") or t.dtype})


@method
def new_zeros(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """A leaf of zeros in this tensor's dtype; dtype, device and requires_grad by keyword. Source:
    torch.Tensor.new_zeros."""
    return _made(self, "new_zeros", size, 0, options)


@method
def new_ones(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """A leaf of ones in this tensor's dtype. Source: torch.Tensor.new_ones."""
    return _made(self, "new_ones", size, 1, options)


@method
def new_empty(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """A leaf of unspecified values (zeros here) in this tensor's dtype. Source: torch.Tensor.new_empty."""
    return _made(self, "new_empty", size, 0, options)


@method
def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """A leaf of one value in this tensor's dtype. Source: torch.Tensor.new_full."""
    return _made(self, "new_full", (size,), fill_value, options)


@method
def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """A leaf with a copy of the data in this tensor's dtype. Source: torch.Tensor.new_tensor."""
    return tensor(data, **{**options, "dtype": options.get("dtype") or self.dtype})


@method
def type(self: Tensor, dtype: dtype | str | None = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, or the tensor in another dtype. Source: torch.Tensor.type.
    Raises ValueError for an unknown name, TypeError for what names no dtype."""
    if dtype is None:
        return f"torch.{self.dtype.short}"
    if isinstance(dtype, str):
        named = [kind for kind in dtypes.ALL if dtype == f"torch.{kind.short}"]
        if not named:
            raise ValueError(f"invalid type: {dtype!r}")
        return self.to(named[0])
    if not isinstance(dtype, dtypes.dtype):
        raise TypeError("dtype must be a type, str, or dtype object")
    return self.to(dtype)
