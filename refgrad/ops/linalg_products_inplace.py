"""The fused products written into their first tensor: addmm_, addmv_, addbmm_, baddbmm_, addr_.

Source: torch.Tensor.addmm_ and its neighbours. Trap: the tensor must have the product's shape.
"""

from __future__ import annotations

from typing import Any

from .._errors import list_text
from .._inplace import leaf_first, write
from .._op import publish
from .._tensor import Tensor
from .linalg_products import (
    addbmm_row,
    addmm_row,
    addmv_row,
    addr_row,
    baddbmm_row,
    check_addbmm,
    check_addmm,
    check_baddbmm,
    check_mv,
)


def _check_place(self: Tensor, shape: tuple[int, ...]) -> None:
    """A fused product is written into a tensor of its own shape only: there is no room for a broadcast."""
    if self._array.shape != shape:
        raise RuntimeError(
            f"Bad in-place call: input tensor size {list_text(self._array.shape)} and output tensor size "
            f"{list_text(shape)} should match"
        )


def _check_addmm_place(self: Tensor, mat1: Tensor, mat2: Tensor) -> None:
    check_addmm(self, mat1, mat2, expands=False)
    _check_place(self, (mat1._array.shape[0], mat2._array.shape[1]))


def _check_addmv_place(self: Tensor, mat: Tensor, vec: Tensor) -> None:
    check_mv(self, mat, vec)
    _check_place(self, mat._array.shape[:1])


def _check_baddbmm_place(self: Tensor, batch1: Tensor, batch2: Tensor) -> None:
    check_baddbmm(self, batch1, batch2)
    _check_place(self, (*batch1._array.shape[:2], batch2._array.shape[2]))


def _check_addr(self: Tensor, vec1: Tensor, vec2: Tensor) -> None:
    for name, v in (("vec1", vec1), ("vec2", vec2)):
        if v.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {v.ndim}-D")
    if self.ndim != 2:
        raise RuntimeError(f"2D tensor expected, got {self.ndim}D tensor for input")
    shapes = self._array.shape, vec1._array.shape, vec2._array.shape
    if shapes[0] != shapes[1] + shapes[2]:
        have, one, two = map(list_text, shapes)
        raise RuntimeError(f"size mismatch, input: {have}, v1: {one}, v2: {two}")


def _publish_inplace(name: str, row: Any, check: Any) -> None:
    def call(self: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        check(self, a, b)
        return write(row.row, (self, a, b), (beta, alpha))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{name[:-1]}, written into the tensor. Source: torch.Tensor.{name}."
    publish(name, leaf_first(call), method=True, in_module=False)


_publish_inplace("addmm_", addmm_row, _check_addmm_place)
_publish_inplace("addmv_", addmv_row, _check_addmv_place)
_publish_inplace("addbmm_", addbmm_row, check_addbmm)
_publish_inplace("baddbmm_", baddbmm_row, _check_baddbmm_place)
_publish_inplace("addr_", addr_row, _check_addr)
