"""Comparisons, logic, selection and bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _errors as errors
from .._calls import owned
from .._inplace import twin, write
from .._layout import beside_number, copied, pointwise
from .._op import POINTWISE, op, public, publish
from .._support import missing, refused
from .._tensor import Tensor
from .layout import common, lifted, other_tensor
from .pointwise import accepted, unimplemented, without_derivative

UFUNCS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
ALIASES = {
    "eq": None, "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
COMPARISONS: dict[str, Callable[..., Any]] = {}


def _function(name: str, row: Callable[..., Any]) -> Callable[..., Any]:
    """The public function of an operator row: a foreign operand is an error."""

    def call(input: Any, other: Any) -> Tensor:
        return accepted(row(input, other), name, other)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{name} of each pair of elements. Source: torch.{name}."
    return call


def _zero_twin(name: str, row: Callable[..., Any]) -> Callable[..., Tensor]:
    """The in-place form of a comparison: what is written no longer depends on the tensor, so its gradient is zero."""
    kernel, lacks = row.row.kernel, row.row.lacks
    zero = {"node": name, "promote": "numbers", "public": False, "exact": True, "lacks": lacks, "jvp": POINTWISE}
    tensor_row = op(f"{name}_tensor_inplace(self, other)", kernel, overload=1, self=_zeros, other=_zeros, **zero)
    number_row = op(f"{name}_inplace(self, *, other)", lambda a, b: kernel(lifted(a, b), b), self=_zeros, **zero)

    def call(self: Tensor, other: Any) -> Tensor:
        if isinstance(other, Tensor):
            return write(tensor_row.row, (self, other), ())
        return write(number_row.row, (self,), (other,))

    call.__name__ = call.__qualname__ = name + "_"
    return call


def _zeros(g: Any, F: Any) -> Any:
    return F.zeros_like(g)


def publish_operator(
    name: str, row: Callable[..., Any], inplace: Callable[..., Tensor], alias: str | None = None
) -> None:
    """Publishes an operator row as a function, a method and an in-place twin, under an alias too."""
    for known in filter(None, (name, alias)):
        publish(known, _function(known, row), method=True)
        publish(known + "_", inplace, method=True, in_module=False)


for _name, _ufunc in UFUNCS.items():
    _lacks = None if _name in ("eq", "ne") else missing(f"{_name}_cpu", "c")
    COMPARISONS[_name] = op(
        f"{_name}(self, other) -> out!", _ufunc, promote="numbers", exact=True, public=False, operator=True,
        lacks=_lacks,
    )  # fmt: skip
    publish_operator(_name, COMPARISONS[_name], _zero_twin(_name, COMPARISONS[_name]), ALIASES[_name])


def _truth(a: Any) -> Any:
    return np.not_equal(a, 0)


for _name, _ufunc in {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}.items():
    op(
        f"logical_{_name}(self, other) -> out!",
        lambda a, b, _ufunc=_ufunc: _ufunc(_truth(a), _truth(b)),
        promote="numbers",
        exact=True,
    )
logical_not = op("logical_not(self) -> out!", lambda a: np.equal(a, 0), promote="numbers", exact=True)

# Classes of numbers.

isnan = op("isnan(self) -> out!", lambda a: a != a, exact=True, layout=pointwise)


def _beside_infinity(result: np.ndarray, operands: Any) -> np.ndarray:
    """Of the magnitudes compared with a number."""
    return beside_number(result, (pointwise(result, operands),))


isinf = op("isinf(self) -> out!", lambda a: np.isinf(a), exact=True, layout=_beside_infinity)
isfinite = op(
    "isfinite(self) -> out!", lambda a: np.isfinite(a), exact=True,
    # Neither nan nor infinite: two tests, and their product.
    layout=lambda result, operands: pointwise(result, (pointwise(result, operands), _beside_infinity(result, operands))),
)  # fmt: skip


def _signed_infinity(sign: str) -> Callable[[Tensor], Tensor]:
    value, name = float(sign + "inf"), {"+": "isposinf", "-": "isneginf"}[sign]
    text = f"{name} does not support complex inputs."
    return op(
        f"{name}(self) -> out!", lambda a: np.equal(a, value) if a.dtype.kind in "fV" else np.zeros_like(a, np.bool_),
        exact=True, layout=pointwise, lacks=refused("c", RuntimeError, text),
    )  # fmt: skip


isposinf, isneginf = _signed_infinity("+"), _signed_infinity("-")
isreal = op(
    "isreal(self) -> out!", lambda a: np.equal(a.imag, 0) if a.dtype.kind == "c" else np.ones_like(a, np.bool_),
    exact=True, layout=copied,
)  # fmt: skip
signbit = op(
    "signbit(self) -> out!", lambda a: np.signbit(a) if a.dtype.kind in "fV" else np.less(a, 0), exact=True,
    layout=pointwise, lacks=refused("c", NotImplementedError, "signbit is not implemented for complex tensors."),
)  # fmt: skip


@public(method=True)
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Whether |input - other| <= atol + rtol·|other|, element by element. Source: torch.isclose."""
    if input.dtype is not other.dtype:
        names = [errors.SCALAR_NAMES[t.dtype] for t in (input, other)]
        raise RuntimeError(f"{names[0]} did not match {names[1]}")
    a, b = (t.detach().resolve_conj()._array for t in (input, other))
    wide = a.dtype if a.dtype.itemsize > 2 or a.dtype.kind in "iub" else np.dtype(np.float32)
    return owned(np.isclose(a.astype(wide), b.astype(wide), rtol, atol, equal_nan))


@public(method=True)
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close. Source: torch.allclose."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


@public(method=True)
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and elements. Source: torch.equal."""
    other_tensor("equal", other)
    return input.shape == other.shape and bool(COMPARISONS["eq"](input, other)._array.all())


# Selection.


def _where(condition: Any, a: Any, b: Any) -> np.ndarray:
    """a where the condition holds, else b, in their common dtype."""
    kinds = getattr(a, "dtype", None), getattr(b, "dtype", None)
    if kinds[0] == kinds[1] and kinds[0] is not None:
        return np.where(condition, a, b)
    target = common(a, b)
    return np.where(condition, np.asarray(a).astype(target), np.asarray(b).astype(target))


where_row = op(
    "where(condition, self, other)", _where, exact=True, public=False, layout=pointwise,
    jvp=lambda F, x, t, attrs, out: F.expand(F.where(x[0], *[0 if k is None else k for k in t[1:]]), out[0].shape),
    self=lambda g, F, condition: F.where(condition, g, 0), other=lambda g, F, condition: F.where(condition, 0, g),
)  # fmt: skip


@public(method=False)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where condition, else other; without them the indices of condition's true elements. Source: torch.where."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    kind = condition._array.dtype
    if kind == np.uint8:
        condition = condition.bool()
    elif kind.kind != "b":
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{errors.SCALAR_NAMES[condition.dtype]}"
        )
    return where_row(condition, input, other)


Tensor.where = lambda self, condition, other: where(condition, self, other)

# Larger and smaller. maximum gives nan if either is, fmax the other one.


def _half_where(g: Any, F: Any, tie: Any, loses: Any) -> Any:
    return F.where(tie, g / 2, F.where(loses, 0, g))


def _extremum(name: str, ufunc: Callable[..., Any], loses: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return op(
        f"{name}(self, other)", ufunc, promote="numbers", exact=True, public=False, jvp=POINTWISE,
        lacks=refused("c", RuntimeError, f"{name} not implemented for complex tensors."),
        self=lambda g, F, self, other: _half_where(g, F, self == other, loses(self, other)),
        other=lambda g, F, self, other: _half_where(g, F, self == other, loses(other, self)),
    )  # fmt: skip


def _nan_extremum(name: str, ufunc: Callable[..., Any], wins: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return op(
        f"{name}(self, other)", ufunc, promote="numbers", exact=True, public=False, jvp=POINTWISE,
        lacks=refused("c", RuntimeError, f"{name} not implemented for complex tensors."),
        self=lambda g, F, self, other: F.where(wins(self, other) | (other != other), g, 0),
        other=lambda g, F, self, other: F.where(wins(self, other) | (other != other), 0, g),
    )  # fmt: skip


EXTREMA = {
    "maximum": _extremum("maximum", np.maximum, lambda a, b: a < b),
    "minimum": _extremum("minimum", np.minimum, lambda a, b: a > b),
    "fmax": _nan_extremum("fmax", np.fmax, lambda a, b: a >= b),
    "fmin": _nan_extremum("fmin", np.fmin, lambda a, b: a <= b),
}


def tensor_pair(name: str, row: Callable[..., Any], doc: str, inplace: bool = True) -> Callable[..., Tensor]:
    """Publishes a row of two tensors, of which neither may be a number."""

    def call(input: Tensor, other: Tensor) -> Tensor:
        other_tensor(name, other)
        return row(input, other)

    call.__name__, call.__qualname__, call.__doc__ = name, name, f"{doc} Source: torch.{name}."
    publish(name, call, method=True)
    if inplace:
        publish(name + "_", twin(row.row), method=True, in_module=False)
    return call


tensor_pair(
    "maximum", EXTREMA["maximum"], "The larger of each pair; nan if either is. Its gradient is halved at a tie.", False
)
tensor_pair(
    "minimum", EXTREMA["minimum"], "The smaller of each pair; nan if either is. Its gradient is halved at a tie.", False
)
tensor_pair(
    "fmax", EXTREMA["fmax"], "The larger of each pair, nan ignored. The first gets the gradient at a tie.", False
)
tensor_pair(
    "fmin", EXTREMA["fmin"], "The smaller of each pair, nan ignored. The first gets the gradient at a tie.", False
)


def _heaviside(a: Any, values: Any) -> Any:
    return np.where(np.equal(a, 0), values, np.where(a != a, 0, a > 0).astype(a.dtype))


heaviside_row = without_derivative(op(
    "heaviside(self, values)", _heaviside, promote="numbers", exact=True, public=False,
    lacks=refused("c", RuntimeError, "heaviside is not yet implemented for complex tensors."),
    self=unimplemented("heaviside"), values=unimplemented("heaviside"),
))  # fmt: skip


@public(method=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0, values or 1 where input is negative, 0 or positive. Source: torch.heaviside."""
    other_tensor("heaviside", values, "values")
    if input.is_complex() or values.is_complex():
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return heaviside_row(input, values)


publish("heaviside_", twin(heaviside_row.row), method=True, in_module=False)
