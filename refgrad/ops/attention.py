"""Scaled dot-product attention.

PyTorch has two ways: one fused node for plain 4-D inputs, and a composition of products and a softmax for the rest.
Which is taken is visible in the graph, so both are here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._interpreters import formula
from .._op import PUBLIC, op, public
from .._tensor import Tensor, plain
from .checks import c_name


def _safe_softmax(a: np.ndarray, dim: int) -> np.ndarray:
    """softmax, but zero where all is masked (-inf)."""
    top = np.maximum.reduce(a, dim, keepdims=True, initial=-np.inf)
    made = np.exp(a - np.where(np.isneginf(top), 0, top))
    total = np.add.reduce(made, dim, keepdims=True)
    return (made / np.where(total == 0, 1, total)).astype(a.dtype)


safe_softmax_row = op(
    "safe_softmax(self, *, dim)", _safe_softmax, public=False,
    self=lambda g, F, out, dim: F.softmax_vjp(g, out, dim),
    jvp=lambda F, x, t, attrs, out: F.softmax_vjp(t[0], out[0], *attrs),
)  # fmt: skip


def _causal(rows: int, columns: int) -> np.ndarray:
    """True where a query may look: at keys up to its own place."""
    return np.tri(rows, columns, dtype=bool)


@formula
def attention_scores(F: Any, query: Any, key: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """scale·query·keyᵀ with what is masked at -inf."""
    scores = F.matmul(query * scale, F.mT(key))
    if mask is not None:
        scores = scores + mask
    if is_causal:
        allowed = F.constant(_causal(query.shape[-2], key.shape[-2]))
        scores = F.where(allowed, scores, -math.inf)
    return scores


def _fused(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: Any, is_causal: bool, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    scores = np.matmul(query * np.asarray(scale, query.dtype), key.swapaxes(-1, -2))
    if mask is not None:
        scores += mask
    if is_causal:
        scores[..., ~_causal(query.shape[-2], key.shape[-2])] = -np.inf
    top = np.maximum.reduce(scores, -1, keepdims=True, initial=-np.inf)
    top = np.where(np.isneginf(top), 0, top)
    weights = np.exp(scores - top)
    total = np.add.reduce(weights, -1, keepdims=True)
    logsumexp = (np.log(total) + top)[..., 0]
    return np.matmul(weights, value) / np.where(total == 0, 1, total), logsumexp


def _fused_pull(
    F: Any, needs: Any, g_output: Any, query: Any, key: Any, value: Any, attn_mask: Any, output: Any, logsumexp: Any,
    is_causal: bool, scale: float,
) -> tuple[Any, ...]:  # fmt: skip
    g = g_output
    weights = F.safe_softmax(F.attention_scores(query, key, attn_mask, is_causal, scale), len(query.shape) - 1)
    by_weights = F.matmul(g, F.mT(value))
    by_scores = F.softmax_vjp(by_weights, weights, len(query.shape) - 1) * scale
    by_query = F.matmul(by_scores, key) if needs[0] else None
    by_key = F.matmul(F.mT(by_scores), query) if needs[1] else None
    return by_query, by_key, F.matmul(F.mT(weights), g) if needs[2] else None


fused_row = op(
    "fused_attention(query, key, value, attn_mask?!, *, is_causal, scale) -> output, logsumexp!",
    _fused, public=False, gradients=_fused_pull, node="scaled_dot_product_flash_attention_for_cpu",
)  # fmt: skip


def _is_fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float) -> bool:
    """Whether PyTorch takes its fused kernel."""
    if dropout or not query.is_floating_point() or not query.ndim == key.ndim == value.ndim == 4:
        return False
    if mask is not None and (mask.requires_grad or mask.ndim not in (2, 4)):
        return False
    heads_agree = query.shape[:2] == key.shape[:2] == value.shape[:2]
    sizes = query.shape[-1] == key.shape[-1] == value.shape[-1]
    return heads_agree and sizes and all(t.numel() and t.stride(-1) == 1 for t in (query, key, value))


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {c_name(query.dtype)} "
            f"key.dtype: "
            f"{c_name(key.dtype)} and value.dtype: {c_name(value.dtype)} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            f"Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: {query.ndim} "
            f"key.dim: "
            f"{key.ndim} and value.dim: {value.ndim} instead."
        )
    if mask is None:
        return
    if mask.dtype not in (dtypes.bool_, query.dtype, dtypes.float32):
        raise RuntimeError(
            f"Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{c_name(mask.dtype)} and  query.dtype: {c_name(query.dtype)} instead."
        )
    if is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")


def _additive(mask: Tensor | None, dtype: Any) -> Tensor | None:
    """A mask of booleans as 0 and -inf."""
    if mask is None or mask.dtype is not dtypes.bool_:
        return mask
    return plain(np.where(mask._array, 0, -np.inf).astype(dtype.array))


def _of_nothing(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Zeros where there is nothing to attend to or with. They depend on the three, but not on the mask."""
    shape = (*query.shape[:-1], value.shape[-1])
    return plain(np.zeros(shape, query._array.dtype)) + (query.sum() + key.sum() + value.sum()) * 0


@public("nn.functional.scaled_dot_product_attention", method=False)
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(scale·query·keyᵀ + mask)·value for (…, L, E), (…, S, E), (…, S, Ev); scale is 1/√E by default. Source:
    torch.nn.functional.scaled_dot_product_attention. Raises RuntimeError for a mask together with is_causal.
    Trap: a boolean mask is True where attention is allowed; dropout_p is applied also in evaluation."""
    _check(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = _shared_heads(query, key, value)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None and query.shape[-1] else (scale or 1.0)
    mask = _additive(attn_mask, query.dtype)
    if 0 in (*query.shape[:-1], key.shape[-2], value.shape[-1]):
        return _of_nothing(query, key, value)
    if _is_fused(query, key, value, mask, dropout_p):
        return fused_row(query, key, value, mask, is_causal, factor)[0]
    if is_causal:
        mask = _additive(plain(_causal(query.shape[-2], key.shape[-2])), query.dtype)
    root = math.sqrt(abs(factor))
    left = query * (-root if factor < 0 else root)
    scores = PUBLIC["matmul"](left, key.transpose(-2, -1) * root)
    if mask is not None:
        scores = scores + mask
    if not scores.is_floating_point():
        raise RuntimeError(f"expected scalar type Float but found {SCALAR_NAMES[scores.dtype]}")
    weights = safe_softmax_row(scores, scores.ndim - 1)
    if dropout_p:
        if not 0 <= dropout_p <= 1:
            raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p:g}")
        weights = PUBLIC["nn.functional.dropout"](weights, dropout_p)
    return PUBLIC["matmul"](weights, value)


def _shared_heads(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values repeated for the groups of query heads that share them."""
    heads = query.shape[-3]
    if heads % key.shape[-3] or heads % value.shape[-3]:
        raise RuntimeError("Number of heads in key and value must divide the number of heads in ")
    repeat = PUBLIC["repeat_interleave"]
    made = [t if t.shape[-3] == heads else repeat(t, heads // t.shape[-3], -3) for t in (key, value)]
    return made[0], made[1]
