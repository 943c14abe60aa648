"""Special functions: error functions, the gamma family, Bessel functions, entropies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .._inplace import write
from .._interpreters import RAW
from .._layout import beside_number, pointwise
from .._op import POINTWISE, op, public, publish
from .._support import check_dtype, derivative_missing, missing, no_forward
from .._tensor import Tensor, method
from . import accurate, power, rounding, trigonometric
from .layout import lifted

TWO_BY_ROOT_PI, ROOT_HALF_PI_INVERSE = 2 / math.sqrt(math.pi), 1 / math.sqrt(2 * math.pi)


def _special(name: str, kernel: Callable[..., Any], lacks: Any, **options: Any) -> Callable[[Tensor], Tensor]:
    """A row published as torch.special.<name>; the kernel may give float64, which is rounded to the operand's dtype."""
    call = op(
        f"{name}(self)", lambda a: np.asarray(kernel(a)).astype(a.dtype, copy=False), promote="float", public=False,
        lacks=lacks, node=options.pop("node", f"special_{name}"), **options,
    )  # fmt: skip
    publish(f"special.{name}", call)
    return call


def _top_level(name: str, alias: str | None, kernel: Callable[..., Any], label: str, d: Callable[..., Any]) -> Any:
    """A row of torch itself, known as torch.special.<alias> too."""
    call = op(
        f"{name}(self)",
        lambda a: np.asarray(kernel(a)).astype(a.dtype, copy=False),
        promote="float",
        lacks=missing(label, "c"),
        d=d,
    )
    publish(f"special.{alias or name}", call)
    return call


# Error functions and the normal distribution.

erf = _top_level("erf", None, special.erf, "erf_vml_cpu", lambda F, self: TWO_BY_ROOT_PI * F.gauss(self, 1.0))
erfc = _top_level("erfc", None, accurate.erfc, "erfc_vml_cpu", lambda F, self: -TWO_BY_ROOT_PI * F.gauss(self, 1.0))


def _erfinv_slope(F: Any, self: Any) -> Any:
    root = F.erfinv(self)
    return F.exp(root * root) / TWO_BY_ROOT_PI


erfinv = _top_level("erfinv", None, special.erfinv, "erfinv_vml_cpu", _erfinv_slope)


def _scaled_erf_layout(result: np.ndarray, operands: Any) -> np.ndarray:
    """Of erf between a product and a sum with numbers."""
    found = pointwise(result, (beside_number(result, operands),))
    return beside_number(found, (found,))


erfcx = _special(
    "erfcx", special.erfcx, missing("erfcx_cpu", "hc"), d=lambda self, out: 2 * self * out - TWO_BY_ROOT_PI
)
ndtr = _special(
    "ndtr",
    special.ndtr,
    missing("erf_vml_cpu", "c"),
    layout=_scaled_erf_layout,
    d=lambda F, self: ROOT_HALF_PI_INVERSE * F.gauss(self, 0.5),
)


def _inverse_mills(F: Any, x: Any, out: Any) -> Any:
    """The normal density over the distribution: in the lower tail both vanish, and their ratio is that of scaled ones.
    At -inf, where it has no value, nan as in PyTorch."""
    low = F.where(x < 0, x, 0)
    ratio = 2 * ROOT_HALF_PI_INVERSE / F.erfcx(-low / math.sqrt(2))
    ratio = F.where(low == -math.inf, math.nan, ratio)
    return F.where(x < 0, ratio, ROOT_HALF_PI_INVERSE * F.gauss(x, 0.5) * F.exp(-out))


log_ndtr = _special(
    "log_ndtr", special.log_ndtr, missing("log_ndtr_cpu", "hc"),
    d=lambda F, self, out: _inverse_mills(F, self, out),
)  # fmt: skip
ndtri = _special(
    "ndtri", special.ndtri, missing("ndtri_cpu", "hc"), d=lambda F, out: F.exp(out * out / 2) / ROOT_HALF_PI_INVERSE
)
entr = _special("entr", special.entr, missing("entr_cpu", "c"), d=lambda F, self: -1 - F.log(self))

# The gamma family.


def _polygamma(a: Any, n: int) -> Any:
    """The n-th derivative of digamma, from Hurwitz' zeta function; poles are infinite."""
    check_dtype(missing(("digamma", "trigamma", "polygamma")[min(n, 2)], "c"), np.asarray(a).dtype)
    if n == 0:
        return _digamma(a)
    sign = 1.0 if n % 2 else -1.0
    wide = np.asarray(a, np.float64)
    negative = wide < 0
    found = sign * special.gamma(n + 1.0) * special.zeta(n + 1.0, np.where(negative, 1.0, wide))
    if np.any(negative):
        found = np.where(negative, _reflected(wide, n, sign), found)
    return found


def _reflected(x: Any, n: int, sign: float) -> Any:
    """polygamma at negative numbers: moved up by the recurrence, one term for each unit."""
    steps = np.arange(max(0, int(np.ceil(-np.min(x[np.isfinite(x)], initial=0.0)))) + 1)
    terms = np.where(steps < np.ceil(-x)[..., None], (x[..., None] + steps) ** -(n + 1.0), 0)
    moved = x + np.maximum(np.ceil(-x), 0)
    total = np.where(x == -np.inf, np.inf, special.zeta(n + 1.0, moved) + np.add.reduce(terms, -1))
    return sign * special.gamma(n + 1.0) * total


def _digamma(a: Any) -> Any:
    """psi; -inf at +0, inf at -0, nan at negative integers."""
    found = special.psi(a)
    return np.where(np.equal(a, 0), np.copysign(np.inf, -np.asarray(a)), found)


def _polygamma_row(n: int, a: Any) -> Any:
    return np.asarray(_polygamma(a, n)).astype(np.asarray(a).dtype, copy=False)


polygamma_row = op(
    "polygamma(self, *, n)", lambda a, n: _polygamma_row(n, a), promote="float", public=False, jvp=POINTWISE,
    self=lambda g, F, self, n: g * F.polygamma(self, n + 1),
)  # fmt: skip
digamma = op(
    "digamma(self)", lambda a: np.asarray(_digamma(a)).astype(a.dtype, copy=False), promote="float",
    lacks=missing("digamma", "c"), d=lambda F, self: F.polygamma(self, 1),
)  # fmt: skip
lgamma = op(
    "lgamma(self)", accurate.lgamma, promote="float", lacks=missing("lgamma_vml_cpu", "c"),
    d=lambda F, self: F.digamma(self),
)  # fmt: skip


def _polygamma_public(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of digamma. Source: torch.polygamma. Raises RuntimeError for a negative n."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return polygamma_row(input, n)


publish("polygamma", _polygamma_public)
publish("special.polygamma", _polygamma_public)
Tensor.polygamma = lambda self, n: _polygamma_public(n, self)


def _shifts(F: Any, function: Callable[[Any], Any], x: Any, p: int) -> Any:
    """function summed over x, x - 1/2, … x - (p-1)/2."""
    total = function(x)
    for k in range(1, p):
        total = total + function(x - k / 2)
    return total


def _mvlgamma(a: Any, p: int) -> Any:
    total = _shifts(RAW, accurate.lgamma, a, p) + p * (p - 1) / 4 * math.log(math.pi)
    return np.array(total, a.dtype, order="C")


mvlgamma_row = op(
    "mvlgamma(self, *, p)", _mvlgamma, promote="float", layout=None,
    public=False, jvp=POINTWISE, lacks=missing("arange_cpu", "c"),
    self=lambda g, F, self, p: g * _shifts(F, F.digamma, self, p),
)  # fmt: skip


@public(method=True)
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p. Source: torch.mvlgamma."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    return mvlgamma_row(input, p)


@method
def mvlgamma_(self: Tensor, p: int) -> Tensor:
    """mvlgamma in place. Source: torch.Tensor.mvlgamma_."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    return write(mvlgamma_row.row, (self,), (p,))


@method
def polygamma_(self: Tensor, n: int) -> Tensor:
    """polygamma in place. Source: torch.Tensor.polygamma_."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return write(polygamma_row.row, (self,), (n,))


# Bessel functions.

i0 = _top_level("i0", None, special.i0, "i0_vml_cpu", lambda F, self: F.i1(self))


def _i1_slope(F: Any, self: Any, out: Any, even: Any) -> Any:
    """The even neighbour less out/x; 1/2 at 0 (and, as in PyTorch, at nan)."""
    known = (self > 0) | (self < 0)
    return F.where(known, even - out / F.where(known, self, 1), 0.5)


i0e = _special("i0e", special.i0e, missing("i0e_cpu", "c"), d=lambda F, self, out: F.i1e(self) - F.sgn(self) * out)
i1 = _special("i1", special.i1, missing("i1_cpu", "c"), d=lambda F, self, out: _i1_slope(F, self, out, F.i0(self)))
i1e = _special(
    "i1e", special.i1e, missing("i1e_cpu", "c"),
    d=lambda F, self, out: _i1_slope(F, self, out, F.i0e(self) - F.sgn(self) * out),
)  # fmt: skip

BESSEL = {
    "airy_ai": lambda a: special.airy(a)[0], "bessel_j0": special.j0, "bessel_j1": special.j1, "bessel_y0": special.y0,
    "bessel_y1": special.y1, "modified_bessel_i0": special.i0, "modified_bessel_i1": special.i1,
    "modified_bessel_k0": special.k0, "modified_bessel_k1": special.k1, "scaled_modified_bessel_k0": special.k0e,
    "scaled_modified_bessel_k1": special.k1e, "spherical_bessel_j0": lambda a: special.spherical_jn(0, np.abs(a)),
}  # fmt: skip
for _name, _kernel in BESSEL.items():
    _call = op(
        f"{_name}(self) -> out!",
        lambda a, k=_kernel: np.asarray(k(a)).astype(a.dtype, copy=False),
        promote="float",
        public=False,
        lacks=missing(f"{_name}_cpu", "hc"),
    )
    publish(f"special.{_name}", _call)

# Functions of two tensors.


zeta_row = op(
    "zeta(self, other)", lambda a, b: special.zeta(a, b), promote="float", public=False, node="special_zeta",
    jvp=no_forward("special_zeta"),
    lacks=missing("zeta_cpu", "hc"), self=derivative_missing("zeta"),
    other=lambda g, F, self, other: g * -self * F.zeta(self + 1, other),
)  # fmt: skip
publish("special.zeta", zeta_row)


def _gamma_density(F: Any, a: Any, x: Any) -> Any:
    return F.exp((a - 1) * F.log(x) - x - F.lgamma(a))


igamma = op(
    "igamma(self, other)", accurate.gammainc, promote="numbers", lacks=missing("igamma_cpu", "cib"),
    jvp=no_forward("igamma"), self=derivative_missing("igamma: input"),
    other=lambda g, F, self, other: g * _gamma_density(F, self, other),
)  # fmt: skip
igammac = op(
    "igammac(self, other)", lambda a, x: accurate.gammaincc(a, x).astype(a.dtype, copy=False), promote="numbers",
    lacks=missing("igammac_cpu", "cib"), jvp=no_forward("igammac"), self=derivative_missing("igammac: input"),
    other=lambda g, F, self, other: -g * _gamma_density(F, self, other),
)  # fmt: skip


def _log_product(name: str, kernel: Callable[..., Any], label: str, node: str, shift: int) -> Callable[..., Any]:
    """x·log(y + shift) as three rows (two tensors; a number and a tensor; a tensor and a number), 0 where x is 0."""

    def self_vjp(g: Any, F: Any, self: Any, other: Any) -> Any:
        flat = (self == 0) & (other <= -shift)
        return F.where(flat, 0, getattr(F, name)(g, other))

    def number_log(g: Any, F: Any, self: Any, other: Any) -> Any:
        flat = (self == 0) & (other <= -shift)
        return F.where(flat, 0, getattr(F, f"{name}_number_second")(g, other))

    lacks = missing(label, "c")
    both = op(
        f"{name}(self, other)", kernel, promote="float", public=False, node=node, lacks=lacks, jvp=POINTWISE,
        self=self_vjp, other=lambda g, self, other: g * self / (other + shift),
    )  # fmt: skip
    number_first = op(
        f"{name}_number_first(other, *, self)", lambda b, x: _typed(kernel, b, x, True), promote="float", public=False,
        node=node, overload=1, lacks=lacks, layout=beside_number, jvp=POINTWISE,
        other=lambda g, self, other: g * self / (other + shift),
    )  # fmt: skip
    number_second = op(
        f"{name}_number_second(self, *, other)", lambda a, y: _typed(kernel, a, y, False), promote="float", node=node,
        public=False, overload=2, lacks=lacks, layout=beside_number, jvp=POINTWISE, self=number_log,
    )  # fmt: skip

    def call(input: Any, other: Any) -> Tensor:
        if isinstance(input, Tensor):
            return (both if isinstance(other, Tensor) else number_second)(input, other)
        power._no_number_pair(name, input, other)
        return number_first(other, input)

    call.__name__, call.row, call.number_row = name, both.row, number_second.row
    return call


def _typed(kernel: Callable[..., Any], a: Any, number: Any, first: bool) -> Any:
    a = lifted(a, number)
    given = a.dtype.type(number)
    return kernel(given, a) if first else kernel(a, given)


xlogy = _log_product("xlogy", special.xlogy, "xlogy_cpu", "xlogy", 0)
xlog1py = _log_product("xlog1py", special.xlog1py, "xlog1py_cpu", "special_xlog1py", 1)
publish("xlogy", xlogy, method=True)
publish("special.xlogy", xlogy)


def _xlogy_inplace(self: Tensor, other: Any) -> Tensor:
    """xlogy in place. Source: torch.xlogy_."""
    if isinstance(other, Tensor):
        return write(xlogy.row, (self, other), ())
    return write(xlogy.number_row, (self,), (other,))


publish("xlogy_", _xlogy_inplace, method=True)
publish("special.xlog1py", xlog1py)

# Aliases.

for _name, _call in {
    "expit": trigonometric.sigmoid, "logit": trigonometric.logit, "exp2": power.exp2, "expm1": power.expm1,
    "log1p": power.log1p, "sinc": trigonometric.sinc, "digamma": digamma, "psi": digamma,
    "gammaln": lgamma, "gammainc": igamma, "gammaincc": igammac, "multigammaln": mvlgamma,
}.items():  # fmt: skip
    publish(f"special.{_name}", _call)


def _special_round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Rounded to decimals, halves to even. Source: torch.special.round."""
    if not decimals:
        check_dtype(missing("round_vml_cpu", "cib"), input._array.dtype)
    return rounding.round_decimals_row(input, decimals)


publish("special.round", _special_round)
