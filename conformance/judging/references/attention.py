"""The definition of attention in several heads: projections, softmax of the scaled products, a mean over what is seen."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, NoReference, reference


@reference("nn.functional.multi_head_attention_forward")
def _attention(query: Any, key: Any, value: Any, num_heads: int, **options: Any) -> Any:
    if options["dropout_p"] and options["training"]:
        raise NoReference("what is dropped")
    batched = query.ndim == 3
    given = [x if batched else x[:, None] for x in (query, key, value)]
    q, k, v = _projected(given, options["in_proj_weight"], options["in_proj_bias"])
    k, v = _longer(k, options["bias_k"]), _longer(v, options["bias_v"])
    q, k, v = (_heads(x, num_heads) for x in (q, k, v))
    if options["add_zero_attn"]:
        k, v = (np.concatenate([x, x[:, :, :1] * 0], 2) for x in (k, v))
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) / mpmath.sqrt(q.shape[-1])
    weights = REFERENCES["softmax"](_masked(scores, options), -1)
    seen = np.matmul(weights, v).transpose(2, 0, 1, 3)
    out = np.matmul(seen.reshape(*seen.shape[:2], -1), options["out_proj_weight"].T)
    out = out if options["out_proj_bias"] is None else out + options["out_proj_bias"]
    weights = np.sum(weights, 1) / mpmath.mpf(num_heads) if options["average_attn_weights"] else weights
    return (out, weights) if batched else (out[:, 0], weights[0])


def _projected(given: list[Any], weight: Any, bias: Any) -> list[Any]:
    width = weight.shape[1]
    thirds = [slice(i * width, (i + 1) * width) for i in range(3)]
    return [np.matmul(x, weight[t].T) + (0 if bias is None else bias[t]) for x, t in zip(given, thirds)]


def _longer(x: Any, more: Any) -> Any:
    return x if more is None else np.concatenate([x, np.broadcast_to(more, (1, *x.shape[1:]))])


def _heads(x: Any, count: int) -> Any:
    """(rows, batch, width) as (batch, heads, rows, width of a head)."""
    return x.reshape(*x.shape[:2], count, -1).transpose(1, 2, 0, 3)


def _masked(scores: Any, options: dict[str, Any]) -> Any:
    if options.get("attn_mask") is not None:
        scores = scores + options["attn_mask"]
    hidden = options.get("key_padding_mask")
    if hidden is None:
        return scores
    hidden = np.asarray(hidden, dtype=bool).reshape(-1, 1, 1, scores.shape[-1])
    return np.where(hidden, -mpmath.inf, scores)
