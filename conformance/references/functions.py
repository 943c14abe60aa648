"""Special functions, and what else is defined element by element."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, elementwise, reference


def _sinc(x: Any) -> Any:
    return mpmath.mpf(1) if x == 0 else mpmath.sin(mpmath.pi * x) / (mpmath.pi * x)


def _log_gammas(x: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function."""
    parts = [mpmath.log(abs(mpmath.gamma(x - mpmath.mpf(k) / 2))) for k in range(p)]
    return sum(parts) + mpmath.mpf(p * (p - 1)) / 4 * mpmath.log(mpmath.pi)


def _log_of_sum(x: Any, y: Any) -> Any:
    """log(e^x + e^y); minus infinity stands for no term at all."""
    finite = [v for v in (x, y) if v != -mpmath.inf]
    return mpmath.log(sum((mpmath.exp(v) for v in finite), mpmath.mpf(0))) if finite else -mpmath.inf


def _log2_of_sum(x: Any, y: Any) -> Any:
    return mpmath.log(mpmath.mpf(2) ** x + mpmath.mpf(2) ** y, 2)


_UNARY = {
    "sinc": _sinc,
    "special.sinc": _sinc,
    "special.ndtr": mpmath.ncdf,
    "special.log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)),
    "nn.functional.tanhshrink": lambda x: x - mpmath.tanh(x),
}
for _name, _function in _UNARY.items():
    REFERENCES[_name] = elementwise(_function)
for _name, _pair in {"logaddexp": _log_of_sum, "logaddexp2": _log2_of_sum}.items():
    REFERENCES[_name] = elementwise(_pair, 2)
for _name, _same in {
    "float_power": "pow",
    "special.gammaln": "lgamma",
    "special.digamma": "digamma",
    "special.psi": "digamma",
}.items():
    REFERENCES[_name] = REFERENCES[_same]


@reference("mvlgamma", "special.multigammaln")
def _mvlgamma(x: Any, p: int) -> Any:
    return elementwise(lambda v: _log_gammas(v, p))(x)


@reference("masked.logaddexp")
def _masked_logaddexp(x: Any, y: Any, dtype: Any = None, input_mask: Any = None, other_mask: Any = None) -> Any:
    def masked(values: Any, mask: Any) -> Any:
        return values if mask is None else np.where(np.asarray(mask, dtype=bool), values, -mpmath.inf)

    return elementwise(_log_of_sum, 2)(masked(x, input_mask), masked(y, other_mask))
