"""Definitions of losses, from their documented formulas."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, NoReference, elementwise, mean_or_sum, reference

ONE = mpmath.mpf(1)
HALF = ONE / 2
Scores = tuple[Any, Any]


def _at_least_zero(x: Any) -> Any:
    return elementwise(lambda v: max(v, mpmath.mpf(0)))(x)


def _exp(x: Any) -> Any:
    return REFERENCES["exp"](np.asarray(x, dtype=object))


def _log(x: Any) -> Any:
    return REFERENCES["log"](np.asarray(x, dtype=object))


def _softplus(x: Any) -> Any:
    return elementwise(lambda v: mpmath.log(1 + mpmath.exp(v)))(x)


def _weighed(values: Any, weight: Any, reduction: str) -> Any:
    return mean_or_sum(values if weight is None else values * weight, reduction)


@reference("nn.functional.l1_loss", "nn.functional.l1_loss.weighted")
def _l1(x: Any, y: Any, weight: Any = None, reduction: str = "mean") -> Any:
    return _by_weights(elementwise(abs)(x - y), weight, reduction)


@reference("nn.functional.mse_loss", "nn.functional.mse_loss.weighted")
def _mse(x: Any, y: Any, weight: Any = None, reduction: str = "mean") -> Any:
    return _by_weights((x - y) ** 2, weight, reduction)


def _by_weights(values: Any, weight: Any, reduction: str) -> Any:
    """A weighted loss whose mean is by the weights."""
    if weight is None or reduction != "mean":
        return _weighed(values, weight, reduction)
    return np.asarray(np.sum(values * weight) / np.sum(weight), dtype=object)


@reference("nn.functional.huber_loss", "nn.functional.huber_loss.weighted")
def _huber(x: Any, y: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    d = mpmath.mpf(delta)
    near = elementwise(lambda e: e * e / 2 if abs(e) <= d else d * (abs(e) - d / 2))
    return _weighed(near(x - y), weight, reduction)


@reference("nn.functional.smooth_l1_loss")
def _smooth_l1(x: Any, y: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    b = mpmath.mpf(beta)
    return mean_or_sum(elementwise(lambda e: e * e / (2 * b) if abs(e) < b else abs(e) - b / 2)(x - y), reduction)


@reference("nn.functional.soft_margin_loss")
def _soft_margin(x: Any, y: Any, reduction: str = "mean") -> Any:
    return mean_or_sum(_softplus(-y * x), reduction)


@reference("nn.functional.kl_div", "nn.functional.kl_div.log")
def _kl_div(x: Any, y: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    return mean_or_sum(_exp(y) * (y - x) if log_target else y * (_log(y) - x), reduction)


@reference("nn.functional.poisson_nll_loss", "nn.functional.poisson_nll_loss.plain")
def _poisson(
    x: Any, y: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    values = _exp(x) - y * x if log_input else x - y * _log(x + mpmath.mpf(eps))
    if full:
        # Stirling's formula, where the target is more than 1.
        stirling = elementwise(lambda v: v * mpmath.log(v) - v + mpmath.log(2 * mpmath.pi * v) / 2 if v > 1 else 0 * v)
        values = values + stirling(y)
    return mean_or_sum(values, reduction)


@reference("nn.functional.hinge_embedding_loss")
def _hinge(x: Any, y: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    beyond = _at_least_zero(mpmath.mpf(margin) - x)
    return mean_or_sum(np.where(np.equal(y, 1), x, beyond), reduction)


@reference("nn.functional.gaussian_nll_loss")
def _gaussian(x: Any, y: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    if np.less(var, eps).any():
        raise NoReference("a variance that was held at eps: the documented gradient takes no notice of that")
    values = (_log(var) + (x - y) ** 2 / var) * HALF
    return mean_or_sum(values + (mpmath.log(2 * mpmath.pi) / 2 if full else 0), reduction)


@reference("nn.functional.margin_ranking_loss")
def _ranking(x: Any, other: Any, y: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    return mean_or_sum(_at_least_zero(-y * (x - other) + mpmath.mpf(margin)), reduction)


@reference("nn.functional.binary_cross_entropy_with_logits")
def _with_logits(x: Any, y: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> Any:
    positive = y if pos_weight is None else y * pos_weight
    return _weighed(positive * _softplus(-x) + (1 - y) * _softplus(x), weight, reduction)


@reference("nn.functional.multilabel_soft_margin_loss")
def _multilabel_soft_margin(x: Any, y: Any, weight: Any = None, reduction: str = "mean") -> Any:
    values = y * _softplus(-x) + (1 - y) * _softplus(x)
    values = values if weight is None else values * weight
    return mean_or_sum(np.asarray(np.sum(values, -1) / mpmath.mpf(x.shape[-1]), dtype=object), reduction)


@reference("nn.functional.nll_loss")
def _nll(x: Any, y: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    scores, classes = _by_class(x), np.asarray(y)
    kept = np.not_equal(classes, ignore_index)
    chosen = np.where(kept, classes, 0).astype(int)
    given = np.full(x.shape[min(x.ndim - 1, 1)], ONE, dtype=object) if weight is None else weight
    each = np.where(kept, given[chosen], mpmath.mpf(0))
    values = -np.take_along_axis(scores, chosen[..., None], -1)[..., 0] * each
    if reduction == "mean":
        return np.asarray(np.sum(values) / np.sum(each), dtype=object)
    return mean_or_sum(values, reduction)


def _by_class(x: Any) -> Any:
    """Scores with their classes last."""
    return np.moveaxis(x, min(x.ndim - 1, 1), -1)


def _log_softmax(x: Any) -> Any:
    return REFERENCES["log_softmax"](x, min(x.ndim - 1, 1))


@reference("nn.functional.cross_entropy")
def _cross_entropy(
    x: Any,
    y: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    logs, smoothing = _log_softmax(x), mpmath.mpf(label_smoothing)
    sharp = _nll(logs, y, weight, ignore_index, reduction)
    if not smoothing:
        return sharp
    kept = np.not_equal(np.asarray(y), ignore_index)
    given = np.full(logs.shape[min(x.ndim - 1, 1)], ONE, dtype=object) if weight is None else weight
    values = np.where(kept, -np.sum(_by_class(logs) * given, -1), mpmath.mpf(0)) / mpmath.mpf(len(given))
    if reduction == "mean":
        chosen = np.where(kept, y, 0).astype(int)
        even = np.asarray(np.sum(values) / np.sum(np.where(kept, given[chosen], mpmath.mpf(0))), dtype=object)
    else:
        even = mean_or_sum(values, reduction)
    return sharp * (1 - smoothing) + even * smoothing


@reference("nn.functional.cross_entropy.probabilities")
def _soft_cross_entropy(
    x: Any, y: Any, weight: Any = None, reduction: str = "mean", label_smoothing: float = 0.0
) -> Any:
    scores, wanted = _by_class(_log_softmax(x)), _by_class(y)
    smoothing = mpmath.mpf(label_smoothing)
    wanted = wanted * (1 - smoothing) + smoothing / scores.shape[-1]
    values = np.asarray(-np.sum(scores * wanted * (1 if weight is None else weight), -1), dtype=object)
    if reduction != "mean":
        return mean_or_sum(values, reduction)
    return np.asarray(np.sum(values) / mpmath.mpf(values.size), dtype=object)


@reference("nn.functional.linear_cross_entropy")
def _linear_cross_entropy(x: Any, weight: Any, y: Any, linear_bias: Any = None, reduction: str = "mean") -> Any:
    scores = np.matmul(x, weight.T)
    return _cross_entropy(scores if linear_bias is None else scores + linear_bias, y, reduction=reduction)


@reference("nn.functional.multi_margin_loss")
def _multi_margin(x: Any, y: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> Any:
    rows, classes = np.reshape(x, (-1, x.shape[-1])), np.reshape(np.asarray(y), -1).astype(int)
    values = np.empty(len(rows), dtype=object)
    for k, (row, own) in enumerate(zip(rows, classes)):
        gaps = [max(mpmath.mpf(margin) - row[own] + v, mpmath.mpf(0)) ** p for i, v in enumerate(row) if i != own]
        values[k] = mpmath.fsum(gaps) / len(row) * (1 if weight is None else weight[own])
    return mean_or_sum(values.reshape(x.shape[:-1]), reduction)


@reference("nn.functional.multilabel_margin_loss")
def _multilabel_margin(x: Any, y: Any, reduction: str = "mean") -> Any:
    rows, lists = np.reshape(x, (-1, x.shape[-1])), np.reshape(np.asarray(y), (-1, x.shape[-1])).astype(int)
    values = np.empty(len(rows), dtype=object)
    for k, (row, labels) in enumerate(zip(rows, lists)):
        own = [*labels, -1][: [*labels, -1].index(-1)]
        gaps = [max(1 - (row[j] - v), mpmath.mpf(0)) for j in own for i, v in enumerate(row) if i not in own]
        values[k] = mpmath.fsum(gaps) / len(row)
    return mean_or_sum(values.reshape(x.shape[:-1]), reduction)


def _length(x: Any, p: float = 2.0) -> Any:
    return REFERENCES["linalg.vector_norm"](x, p, -1)


@reference("nn.functional.cosine_embedding_loss")
def _cosine_embedding(x: Any, other: Any, y: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    # The documented formula has no epsilon; PyTorch adds one of 1e-12 to each squared length.
    eps = mpmath.mpf(1e-12)
    sizes = [np.sum(v * v, -1) + eps for v in (x, other)]
    cosine = np.sum(x * other, -1) / REFERENCES["sqrt"](np.asarray(sizes[0] * sizes[1], dtype=object))
    return mean_or_sum(np.where(np.equal(y, 1), 1 - cosine, _at_least_zero(cosine - mpmath.mpf(margin))), reduction)


@reference("nn.functional.pairwise_distance")
def _pairwise_distance(x: Any, y: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    made = _length(np.asarray(x - y + mpmath.mpf(eps), dtype=object), p)
    return np.expand_dims(made, -1) if keepdim else made


@reference("nn.functional.triplet_margin_loss", "nn.functional.triplet_margin_with_distance_loss")
def _triplet(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    near, far = (_pairwise_distance(anchor, other, p) for other in (positive, negative))
    if swap:
        far = np.minimum(far, _pairwise_distance(positive, negative, p))
    return mean_or_sum(_at_least_zero(near - far + mpmath.mpf(margin)), reduction)
