"""The linear recurrence r[k] = g[k] + a[k]·r[k-1] along a dimension, and shifts: what cumulative products and
log-sums are differentiated with, without a division."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op


def _lead(dim: int) -> tuple[slice, ...]:
    return (slice(None),) * dim


def shift(a: np.ndarray, dim: int, by: int, fill: float) -> np.ndarray:
    """a moved by one place (`by` 1: later, -1: earlier), the free place filled."""
    made = np.empty(a.shape, a.dtype)
    lead = _lead(dim)
    to, source, free = (
        (slice(1, None), slice(None, -1), slice(0, 1)) if by > 0 else (slice(None, -1), slice(1, None), slice(-1, None))
    )
    made[(*lead, to)] = a[(*lead, source)]
    made[(*lead, free)] = fill
    return made


WIDE = {np.dtype(np.float32): np.dtype(np.float64), np.dtype(np.complex64): np.dtype(np.complex128)}


def linear_scan(g: np.ndarray, a: np.ndarray, dim: int, reverse: bool) -> np.ndarray:
    """r[k] = g[k] + a[k]·r[k-1] (r[k+1] when reversed); the first coefficient met is not used.

    Doubling: after each step an element holds the sum over a window twice as long, so log₂ n array operations. Products
    of coefficients alone may overflow where the recurrence doesn't: single precision computes in double.
    """
    dtype = np.result_type(g, a)
    wide = WIDE.get(dtype, dtype)
    r, c = (np.array(np.flip(x, dim) if reverse else x, wide, order="C") for x in np.broadcast_arrays(g, a))
    lead, n, step = _lead(dim), r.shape[dim], 1
    while step < n:
        later, earlier = (*lead, slice(step, None)), (*lead, slice(None, -step))
        r[later] = r[later] + c[later] * r[earlier]
        c[later] = c[later] * c[earlier]
        step *= 2
    with np.errstate(over="ignore"):
        return np.array(np.flip(r, dim) if reverse else r, dtype)


shift_row = op(
    "shift(self, *, dim, by, fill)", shift, public=False, exact=True,
    self=lambda g, F, dim, by: F.shift(g, dim, -by, 0),
    jvp=lambda F, x, t, attrs, out: F.shift(t[0], attrs[0], attrs[1], 0),
)  # fmt: skip


def _adjoint(F: Any, g: Any, a: Any, dim: int, reverse: bool) -> Any:
    """The recurrence run the other way: what arrives at each term."""
    return F.linear_scan(g, F.conj(F.shift(a, dim, 1 if reverse else -1, 0)), dim, not reverse)


def _coefficient_vjp(g: Any, F: Any, a: Any, out: Any, dim: int, reverse: bool) -> Any:
    return _adjoint(F, g, a, dim, reverse) * F.conj(F.shift(out, dim, -1 if reverse else 1, 0))


def _scan_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    dim, reverse = attrs
    by_coefficient = None if t[1] is None else t[1] * F.shift(out[0], dim, -1 if reverse else 1, 0)
    if t[0] is not None and by_coefficient is not None:
        return F.linear_scan(t[0] + by_coefficient, x[1], dim, reverse)
    return F.linear_scan(t[0] if by_coefficient is None else by_coefficient, x[1], dim, reverse)


linear_scan_row = op(
    "linear_scan(term, a, *, dim, reverse)", linear_scan, public=False, jvp=_scan_jvp,
    term=lambda g, F, a, dim, reverse: _adjoint(F, g, a, dim, reverse), a=_coefficient_vjp,
)  # fmt: skip


def exclusive_product(a: np.ndarray, dim: int, reverse: bool) -> np.ndarray:
    """The product of all elements before (after, when reversed) each."""
    if reverse:
        return np.array(np.flip(exclusive_product(np.flip(a, dim), dim, False), dim))
    return shift(np.multiply.accumulate(a, dim), dim, 1, 1)


def _exclusive_vjp(g: Any, F: Any, self: Any, out: Any, dim: int, reverse: bool) -> Any:
    by = 1 if reverse else -1
    below = F.linear_scan(F.shift(g, dim, by, 0), F.conj(F.shift(self, dim, by, 0)), dim, not reverse)
    return F.conj(out) * below


def _exclusive_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    dim, reverse = attrs
    by = -1 if reverse else 1
    return F.linear_scan(
        F.shift(out[0], dim, by, 0) * F.shift(t[0], dim, by, 0), F.shift(x[0], dim, by, 0), dim, reverse
    )


exclusive_product_row = op(
    "exclusive_product(self, *, dim, reverse)", exclusive_product, public=False, jvp=_exclusive_jvp, self=_exclusive_vjp
)
