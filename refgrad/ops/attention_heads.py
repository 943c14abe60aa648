"""Multi-head attention: projections, attention by head, and the output projection."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._op import PUBLIC, public
from .._tensor import Tensor, plain
from .attention import scaled_dot_product_attention


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return PUBLIC["nn.functional.linear"](x, weight, bias)


def _packed(q: Tensor, k: Tensor, v: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, ...]:
    """The three projections from one weight (3E, E)."""
    parts = weight.chunk(3)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return tuple(_linear(x, w, b) for x, w, b in zip((q, k, v), parts, biases))


def _float_mask(mask: Tensor | None, name: str, other: Tensor | None, dtype: Any) -> Tensor | None:
    """A mask that is added: booleans become 0 and -inf, True being masked. Raises RuntimeError for other dtypes."""
    if mask is None:
        return None
    if mask.dtype is not dtypes.bool_ and not mask.is_floating_point():
        raise RuntimeError(f"only bool and floating types of {name} are supported")
    if other is not None and other.dtype is not mask.dtype:
        warnings.warn(
            f"Support for mismatched {name} and attn_mask is deprecated. Use same type for both instead.",
            UserWarning,
            stacklevel=4,
        )
    if mask.is_floating_point():
        return mask
    return plain(np.where(mask._array, -np.inf, 0).astype(dtype.array))


def _check_shapes(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, heads: int
) -> bool:
    """Whether the input has a batch. Raises AssertionError for ranks and shapes that don't fit."""
    if query.ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    batched = query.ndim == 3
    kind = "batched (3-D)" if batched else "unbatched (2-D)"
    if not key.ndim == value.ndim == query.ndim:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {query.ndim}-D but found {key.ndim}-D and "
            f"{value.ndim}-D "
            "tensors respectively"
        )
    if padding is not None and padding.ndim != query.ndim - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {query.ndim - 1}-D but found "
            f"{padding.ndim}-D "
            "tensor instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    return batched


def _full_mask(mask: Tensor, heads: int, batch: int, rows: int, columns: int) -> Tensor:
    if mask.ndim == 2:
        if tuple(mask.shape) != (rows, columns):
            raise RuntimeError(f"The shape of the 2D attn_mask is {mask.shape}, but should be {(rows, columns)}.")
        return mask.unsqueeze(0)
    if tuple(mask.shape) != (batch * heads, rows, columns):
        wanted = (batch * heads, rows, columns)
        raise RuntimeError(f"The shape of the 3D attn_mask is {mask.shape}, but should be {wanted}.")
    return mask


def _by_head(x: Tensor, batch: int, heads: int, size: int) -> Tensor:
    """(S, N, E) to (N·heads, S, E/heads)."""
    return x.view(x.shape[0], batch * heads, size).transpose(0, 1)


def _zero_keys(k: Tensor) -> Tensor:
    zeros = plain(np.zeros((k.shape[0], 1, k.shape[2]), k._array.dtype))
    return PUBLIC["cat"]([k, zeros], 1)


def _grown(mask: Tensor | None) -> Tensor | None:
    """The mask with one more column, unmasked."""
    return None if mask is None else PUBLIC["nn.functional.pad"](mask, (0, 1))


@public("nn.functional.multi_head_attention_forward", method=False)
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of (L, N, E) over keys and values (S, N, E), by head; with the weights if asked for. Source:
    torch.nn.functional.multi_head_attention_forward. Trap: boolean masks are True where attention is NOT allowed."""
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = (t.unsqueeze(1) for t in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    rows, batch, width = query.shape
    padding = _float_mask(key_padding_mask, "key_padding_mask", attn_mask, query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    causal = is_causal and padding is None and not need_weights
    mask = None if causal else _float_mask(attn_mask, "attn_mask", None, query.dtype)
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    size = width // num_heads
    if size * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    weights_in = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, weights_in, in_proj_bias)
    if mask is not None:
        mask = _full_mask(mask, num_heads, batch, rows, key.shape[0])
    k, v, mask, padding = _with_biases(k, v, bias_k, bias_v, mask, padding, batch)
    q = _by_head(q, batch, num_heads, size)
    k = _by_head(k, batch, num_heads, size) if static_k is None else static_k
    v = _by_head(v, batch, num_heads, size) if static_v is None else static_v
    if add_zero_attn:
        k, v, mask, padding = _zero_keys(k), _zero_keys(v), _grown(mask), _grown(padding)
    if padding is not None:
        spread = (
            padding.view(batch, 1, 1, k.shape[1])
            .expand(-1, num_heads, -1, -1)
            .reshape(batch * num_heads, 1, k.shape[1])
        )
        mask = spread if mask is None else mask + spread
    found, weights = _attended(q, k, v, mask, dropout_p if training else 0.0, need_weights, causal, num_heads)
    found = _linear(found.transpose(0, 1).contiguous().view(rows * batch, width), out_proj_weight, out_proj_bias)
    found = found.view(rows, batch, found.shape[1])
    if weights is not None:
        weights = weights.view(batch, num_heads, rows, k.shape[1])
        weights = weights.mean(1) if average_attn_weights else weights
    if batched:
        return found, weights
    return found.squeeze(1), None if weights is None else weights.squeeze(0)


def _projected(query: Tensor, key: Tensor, value: Tensor, weights: Any, bias: Tensor | None) -> tuple[Tensor, ...]:
    if isinstance(weights, Tensor):
        return _packed(query, key, value, weights, bias)
    if any(w is None for w in weights):
        raise AssertionError("use_separate_proj_weight needs q_proj_weight, k_proj_weight and v_proj_weight")
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return tuple(_linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))


def _with_biases(
    k: Tensor,
    v: Tensor,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    mask: Tensor | None,
    padding: Tensor | None,
    batch: int,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Keys and values with a learned one at the end."""
    if bias_k is None or bias_v is None:
        return k, v, mask, padding
    cat = PUBLIC["cat"]
    return cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)]), _grown(mask), _grown(padding)


def _attended(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, need_weights: bool, causal: bool, heads: int
) -> tuple[Tensor, Tensor | None]:
    """(N·heads, L, size) attended, and the weights if they are wanted."""
    if not need_weights:
        batch = q.shape[0] // heads
        split = [t.view(batch, heads, *t.shape[1:]) for t in (q, k, v)]
        if mask is not None:
            mask = mask.unsqueeze(0) if mask.shape[0] == 1 else mask.view(batch, heads, -1, mask.shape[-1])
        found = scaled_dot_product_attention(*split, mask, dropout_p, causal)
        return found.permute(0, 1, 2, 3).reshape(q.shape[0], q.shape[1], v.shape[-1]), None
    scores = PUBLIC["bmm"](q * math.sqrt(1.0 / q.shape[-1]), k.transpose(-2, -1))
    if mask is not None:
        scores = scores + mask
    weights = scores.softmax(-1)
    if dropout_p > 0:
        weights = PUBLIC["nn.functional.dropout"](weights, dropout_p)
    return PUBLIC["bmm"](weights, v), weights
