"""Real faults at boundaries: zeros, singular matrices, ties, infinities; most show only at an operator's special points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .fault import Fault
from .planting import Planted, kernel, part, pulled, rule


def saved(node: Any, name: str) -> np.ndarray:
    """What a node keeps under a name, as an array."""
    found = node.value(node.saved[node.plan.saves.index(name)], False)
    return getattr(found, "_array", found)


def by(g: Any, factor: np.ndarray) -> Any:
    """A cotangent times a constant array."""
    if g is None:
        return None
    with np.errstate(all="ignore"):
        factor = factor.astype(getattr(g, "_array", g).dtype)
        return g * part("_tensor").plain(factor) if hasattr(g, "_array") else g * factor


def where_saved(
    nodes: str | tuple[str, ...], name: str, bad: Callable[[np.ndarray], np.ndarray], becomes: float
) -> Callable[[], Planted]:
    """The first input's cotangent is multiplied by ``becomes`` where ``bad`` holds of a saved value."""

    def change(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
        if found[0] is None or name not in node.plan.saves:
            return found
        return (by(found[0], np.where(bad(saved(node, name)), becomes, 1.0)), *found[1:])

    return pulled(nodes, change)


def _norm_of_zero(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """g·x/out where out is 0."""
    x, dim = saved(node, "self"), node.attributes[1]
    empty = ~np.any(x != 0, axis=dim, keepdims=True)
    return (by(found[0], np.where(empty & (x == 0), np.nan, 1.0)), *found[1:])


def _norm_below_one(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    if not 0 < float(node.attributes[0]) < 1:
        return found
    return (by(found[0], np.where(saved(node, "self") == 0, np.nan, 1.0)), *found[1:])


def _constant_spread(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """std's gradient divides by a spread of 0."""
    x = saved(node, "self")
    if not x.size:
        return found
    same = np.all(x == np.take(x.reshape(-1), 0), axis=node.attributes[0], keepdims=True)
    return (by(found[0], np.where(same | (x != x), np.nan, 1.0)), *found[1:])


def _coincident(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """A distance of 0 is divided by."""
    first, second = saved(node, "x1"), saved(node, "x2")
    near = np.all(first[..., :, None, :] == second[..., None, :, :], axis=-1)
    return by(found[0], np.where(near.any(-1)[..., None], np.nan, 1.0)), found[1]


def _singular(becomes: float) -> Any:
    def change(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
        a = saved(node, "A")
        flat = np.abs(np.linalg.det(a)) < 1e-12 if a.size else np.zeros(a.shape[:-2], bool)
        return (by(found[0], np.where(flat[..., None, None], becomes, 1.0)),)

    return change


def _singular_raises(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    a = saved(node, "A")
    if a.size and (np.abs(np.linalg.det(a)) < 1e-12).any():
        raise RuntimeError("linalg.inv: the matrix is singular")
    return found


def _index_product(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    if "prod" not in node.attributes or "self" not in node.plan.saves:
        return found
    return (by(found[0], saved(node, "self") != 0), *found[1:])


def _unguarded(sound: Any) -> Any:
    """log Σ exp that subtracts the largest even where it is infinite."""

    def total(a: np.ndarray, dim: Any, keepdim: bool) -> np.ndarray:
        found = sound(a, dim, keepdim)
        top = np.maximum.reduce(np.real(a), dim, keepdims=keepdim, initial=-np.inf)
        return np.where(np.isinf(top), a.dtype.type(np.nan), found)

    return total


def _dead_branch(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """A value that is right, built so that its own derivative at 0 is NaN."""
    if not live or found[0] is None:
        return found
    F = part("_interpreters").LIVE
    x = node.value(node.saved[node.plan.saves.index("self")], True)
    return (F.where(x == 0, found[0], found[0] + 0 * (1 / x)),)


def is_zero(x: np.ndarray) -> np.ndarray:
    return x == 0


def boundary(id: str, title: str, plant: Any, *expects: str, report: str = "", **more: Any) -> Fault:
    return Fault(id, title, more.pop("kind", "boundary or nan"), plant, expects, report or None, **more)


NORM = ("op/linalg.vector_norm/convention", "op/norm", "op/linalg.vector_norm", "double.norm-at-zero")
FAULTS = (
    boundary(
        "pow_mul_tfjs",
        "pow's gradients are g·out·y/x and g·out·log(x), unguarded",
        rule(
            "PowBackward1",
            self=lambda g, self, exponent, out: g * out * exponent / self,
            exponent=lambda g, F, self, out: g * out * F.log(self),
        ),
        "op/pow/convention",
        "op/pow/",
        report="tensorflow/tfjs#346",
        is_convention=True,
    ),
    boundary(
        "pow0_tinygrad",
        "the base's gradient of pow is out·y/x",
        rule("PowBackward1", self=lambda g, self, exponent, out: g * out * exponent / self),
        "op/pow/convention",
        "op/pow/",
        report="tinygrad/tinygrad#9075",
        is_convention=True,
    ),
    boundary(
        "pow00_paddle",
        "pow has no special case at exponent 0 and base 0",
        rule(
            "PowBackward1",
            self=lambda g, self, exponent: g * exponent * self ** (exponent - 1),
            exponent=lambda g, F, self, out: g * out * F.log(self),
        ),
        "op/pow/convention",
        "op/pow/",
        report="PaddlePaddle/Paddle#45054",
        is_convention=True,
    ),
    boundary(
        "pow_jit_nan_jax",
        "only a Python number as exponent has the special case of x⁰",
        rule("PowBackward1", self=lambda g, self, exponent: g * exponent * self ** (exponent - 1)),
        "op/pow/convention",
        "op/pow/",
        report="jax-ml/jax#18450",
        is_convention=True,
    ),
    boundary(
        "abs0_jax",
        "abs has the gradient 1 at 0",
        rule("AbsBackward0", self=lambda g, F, self: F.where(self == 0, g, g * F.sgn(self))),
        "op/abs/convention",
        report="jax-ml/jax#37820",
        is_convention=True,
    ),
    boundary(
        "l1_zero",
        "l1_loss has the gradient 1 where input and target agree",
        rule("AbsBackward0", self=lambda g, F, self: F.where(self == 0, g, g * F.sgn(self))),
        "op/nn.functional.l1_loss/",
        "op/abs/convention",
        kind="tie-breaking",
        report="pytorch/pytorch#7172",
        is_convention=True,
    ),
    boundary(
        "norm_p_lt_1",
        "the norm with 0 < p < 1 is not masked at zero elements",
        pulled("LinalgVectorNormBackward0", _norm_below_one),
        *NORM,
        report="pytorch/pytorch#44452",
        is_convention=True,
    ),
    boundary(
        "norm0_autograd",
        "the norm's gradient is g·x/out, NaN at the zero vector",
        pulled("LinalgVectorNormBackward0", _norm_of_zero),
        *NORM,
        report="HIPS/autograd#183",
        is_convention=True,
    ),
    boundary(
        "norm0_masked_wrong_order",
        "the norm's mask at the zero vector is computed and dropped",
        pulled(("NormBackward1", "LinalgVectorNormBackward0"), _norm_of_zero),
        *NORM,
        report="pytorch/pytorch#2775",
        is_convention=True,
    ),
    boundary(
        "atan2_zero",
        "atan2's gradient divides by x² + y² without a guard",
        rule(
            "Atan2Backward0",
            self=lambda g, self, other: g * other / (self * self + other * other),
            other=lambda g, self, other: -g * self / (self * self + other * other),
        ),
        "op/atan2/convention",
        report="pytorch/pytorch#98276",
        is_convention=True,
    ),
    boundary(
        "prod_zero_mxnet",
        "prod's gradient is 0 where a factor is 0",
        rule("ProdBackward0", self=lambda g, F, self, out: g * F.where(self == 0, 0, out / self)),
        "op/prod/",
        report="apache/mxnet#17864",
    ),
    boundary(
        "cumprod_zero_tf",
        "cumprod's gradient is divided by x",
        rule(
            "CumprodBackward0",
            self=lambda g, F, self, out, dim: F.flip(F.cumsum(F.flip(g * out, (dim,)), dim), (dim,)) / self,
        ),
        "op/cumprod/",
        report="tensorflow/tensorflow#3862",
    ),
    boundary(
        "cumprod_zero_mlx",
        "cumprod's gradient is right, its own derivative NaN at zeros",
        pulled("CumprodBackward0", _dead_branch),
        "op/cumprod/double",
        "op/cumprod/",
        report="ml-explore/mlx#1167",
    ),
    boundary(
        "cdist_nan",
        "cdist divides by a distance of 0",
        pulled("CdistBackward0", _coincident),
        "op/cdist/",
        report="pytorch/pytorch#37154",
        is_convention=True,
    ),
    boundary(
        "det_singular_jax",
        "det's gradient is det·inverse, NaN at a singular matrix",
        pulled("LinalgDetBackward0", _singular(np.nan)),
        "op.det-singular",
        "op/linalg.det/",
        "op/det/",
        report="jax-ml/jax#2380",
        is_convention=True,
    ),
    boundary(
        "det_singular_torch",
        "det's gradient is 0 at a singular matrix",
        pulled("LinalgDetBackward0", lambda *a: a[0] if a[3] else _singular(0.0)(*a)),
        "op.det-singular",
        "op/linalg.det/",
        "op/det/",
        report="pytorch/pytorch#104675",
        blind=True,
    ),
    boundary(
        "tf_det_singular",
        "det's gradient raises at a singular matrix",
        pulled("LinalgDetBackward0", _singular_raises),
        "op.det-singular",
        "op/linalg.det/",
        "op/det/",
        report="tensorflow/tensorflow#119477",
        kind="error missing",
        is_convention=True,
    ),
    boundary(
        "where_branch_mul_mask",
        "sqrt's gradient is 0 wherever its cotangent is",
        rule("SqrtBackward0", self=lambda g, F, out: F.where(g == 0, 0, g / (2 * F.conj(out)))),
        "op/sqrt/convention",
        report="tinygrad/tinygrad#15806",
        is_convention=True,
    ),
    boundary(
        "std_const_nan",
        "std's gradient is NaN for constant input",
        pulled("StdBackward0", _constant_spread),
        "op/std.dim/convention",
        "op/std",
        report="pytorch/pytorch#4320",
        is_convention=True,
    ),
    boundary(
        "bessel_i1_tf",
        "i1's gradient at 0 is 0, not the limit 1/2",
        where_saved("SpecialI1Backward0", "self", is_zero, 0.0),
        "op/special.i1/",
        report="tensorflow/tensorflow#120578",
    ),
    boundary(
        "elu_big_tinygrad",
        "elu computes the exponential of large positive input, and masks it after",
        where_saved("EluBackward0", "self", lambda x: x > 88, np.nan),
        "op/nn.functional.elu/convention",
        "op/nn.functional.elu/",
        report="tinygrad/tinygrad#17852",
        is_convention=True,
    ),
    boundary(
        "elu_nan_mxnet",
        "elu's gradient is NaN beyond 710, in float64 only",
        where_saved("EluBackward0", "self", lambda x: (x > 710) & (x.dtype == np.float64), np.nan),
        "op/nn.functional.elu/convention",
        "op/nn.functional.elu/",
        report="apache/mxnet#14673",
        is_convention=True,
    ),
    boundary(
        "logsumexp_inf_mlx",
        "logsumexp subtracts an infinite maximum",
        kernel("LogsumexpBackward0", _unguarded),
        "op/logsumexp/convention",
        report="ml-explore/mlx#576",
        is_convention=True,
    ),
    boundary(
        "logsumexp_allneginf",
        "logsumexp's gradient is 0 where all is -inf",
        rule("LogsumexpBackward0", self=lambda g, F, self, out, dim, keepdim: _guarded(g, F, self, out, dim, keepdim)),
        "op/logsumexp/convention",
        report="pytorch/pytorch#31829",
        is_convention=True,
    ),
    boundary(
        "index_reduce_prod",
        "index_reduce(prod) has a gradient of 0 at every zero",
        pulled("IndexReduceBackward0", _index_product),
        "op/index_reduce/convention",
        "op/index_reduce/",
        report="pytorch/pytorch#77382",
        is_convention=True,
    ),
)


def _guarded(g: Any, F: Any, x: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    if not keepdim:
        for d in sorted(k % max(x.ndim, 1) for k in (dim if isinstance(dim, tuple) else (dim,))):
            g, out = (F.unsqueeze(v, d) if x.ndim else v for v in (g, out))
    return F.where(out == -float("inf"), 0, g * F.exp(x - out))
