"""The cotangents that a backward starts from: checked, or ones for a root of one element."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _errors as errors
from .._dtypes import OF_ARRAY
from .._graph import GradientEdge
from .._interpreters import LIVE
from .._tensor import Size, Tensor, plain


def seeds_of(roots: tuple[Any, ...], given: tuple[Any, ...], is_batched: bool) -> list[Tensor | None]:
    """One seed for each root that has an entry in `given`. Raises RuntimeError for a seed of another shape or kind."""
    return [_seed(root, g, k, is_batched) for k, (root, g) in enumerate(zip(roots, given))]


def _seed(root: Any, g: Any, index: int, is_batched: bool) -> Tensor | None:
    shape, dtype = _shape_dtype(root)
    if g is None:
        return _cast(_implicit_seed(root, shape, dtype), root, dtype)
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    found = g._array.shape
    if (found[1:] if is_batched else found) != shape:
        _raise_shape(found, shape, index, is_batched)
    if (g._array.dtype.kind == "c") != (dtype.kind == "c"):
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{index}] has a dtype of {g.dtype} and output[{index}] has a dtype of {OF_ARRAY[dtype]}."
        )
    return _cast(g, root, dtype)


def _cast(g: Tensor | None, root: Any, dtype: np.dtype) -> Tensor | None:
    """The seed in the root's dtype; for a leaf with a grad_dtype in that, or as it is where any is allowed."""
    if isinstance(root, Tensor) and root._edge is None and root._extra is not None:
        chosen = root._extra.grad_dtype
        if chosen is None:
            return g
        dtype = dtype if chosen is False else chosen.array
    return g if g is None or g._array.dtype == dtype else LIVE.cast(g, dtype)


def _shape_dtype(root: Any) -> tuple[tuple[int, ...], np.dtype]:
    if isinstance(root, Tensor):
        return root._array.shape, root._array.dtype
    if not isinstance(root, GradientEdge):
        raise AssertionError("Expected output to be a torch.Tensor")
    return root.node.meta(root.output_nr)


def _raise_shape(found: tuple[int, ...], shape: tuple[int, ...], index: int, is_batched: bool) -> None:
    if is_batched:
        raise RuntimeError(
            "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. "
            "The sizes of the remaining dimensions are expected to match the shape of corresponding output, but a "
            f"mismatch was detected: grad_output[{index}] has a shape of {Size(found[2:])} and output[{index}] has a "
            f"shape of {Size(shape)}. If you only want some tensors in `grad_output` to be considered batched, "
            "consider using vmap."
        )
    raise RuntimeError(
        f"Mismatch in shape: grad_output[{index}] has a shape of {Size(found)} and output[{index}] has a shape of "
        f"{Size(shape)}."
    )


def _implicit_seed(root: Any, shape: tuple[int, ...], dtype: np.dtype) -> Tensor | None:
    if isinstance(root, Tensor) and not root.requires_grad:
        return None
    if prod(shape) != 1:
        raise RuntimeError(errors.IMPLICIT_SEED)
    if dtype.kind == "c":
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {OF_ARRAY[dtype]}")
    return plain(np.ones(shape, dtype))
