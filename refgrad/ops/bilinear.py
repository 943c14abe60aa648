"""The bilinear form x1ᵀ·W·x2 + b. Source: torch.nn.functional.bilinear."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._interpreters import formula
from .._modes import is_recording
from .._op import MULTILINEAR, op, public
from .._tensor import Tensor


def _trilinear(x1: np.ndarray, weight: np.ndarray, x2: np.ndarray) -> np.ndarray:
    """Σ over i, j of x1[b, i]·W[k, i, j]·x2[b, j]."""
    (outputs, i, j), rows = weight.shape, x1.shape[0]
    both = (x1[:, :, None] * x2[:, None, :]).reshape(rows, i * j)
    return both @ weight.reshape(outputs, i * j).T


@formula
def outer_rows(F: Any, a: Any, b: Any) -> Any:
    """The outer product of each pair of rows, flattened."""
    return F.reshape(F.column(a) * F.row(b), (a.shape[0], a.shape[1] * b.shape[1]))


@formula
def weighted(F: Any, g: Any, weight: Any) -> Any:
    """For each row of g the matrix Σ g[k]·W[k]."""
    k, i, j = weight.shape
    return F.reshape(F.matmul(g, F.reshape(weight, (k, i * j))), (g.shape[0], i, j))


trilinear_row = op(
    "trilinear(i1, i2, i3)", _trilinear, public=False, jvp=MULTILINEAR,
    i1=lambda g, F, i2, i3: F.reshape(F.matmul(F.weighted(g, i2), F.column(i3)), (g.shape[0], i2.shape[1])),
    i2=lambda g, F, i1, i2_meta, i3: F.reshape(F.matmul(F.mT(g), F.outer_rows(i1, i3)), i2_meta.shape),
    i3=lambda g, F, i1, i2: F.reshape(F.matmul(F.row(i1), F.weighted(g, i2)), (g.shape[0], i2.shape[2])),
)  # fmt: skip


def _check(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    a, b, w = x1._array.shape, x2._array.shape, weight._array.shape
    if len(a) != len(b):
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {len(a)} and {len(b)}")
    for k, (n, m) in enumerate(zip(a[:-1], b[:-1])):
        if n != m:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {k}: got {n} and {m}")
    for k, have in enumerate((a[-1], b[-1])):
        if have != w[k + 1]:
            raise RuntimeError(
                f"bilinear(): input{k + 1} size does not match weight size: got {have} but expected {w[k + 1]}"
            )
    if bias is not None and bias._array.shape[0] != w[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias._array.shape[0]} but expected {w[0]}"
        )


@public("nn.functional.bilinear", method=False)
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Σ over i, j of input1[…, i]·weight[k, i, j]·input2[…, j] + bias[k]. Source: torch.nn.functional.bilinear."""
    _check(input1, input2, weight, bias)
    if weight.is_complex() and is_recording() and any(t.requires_grad for t in (input1, input2, weight)):
        raise RuntimeError("_trilinear does not support automatic differentiation for outputs with complex dtype.")
    batch = input1._array.shape[:-1]
    # A width of 0 leaves the number of rows open, which PyTorch refuses.
    first = input1.reshape(-1, input1._array.shape[-1])
    second = input2.reshape(-1, input2._array.shape[-1])
    found = trilinear_row(first, weight, second).reshape(*batch, weight._array.shape[0])
    return found if bias is None else found + bias


@public("bilinear", method=False)
def bilinear_(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """nn.functional.bilinear. Source: torch.bilinear."""
    return bilinear(input1, input2, weight, bias)
