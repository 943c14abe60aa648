"""Arithmetic of one, two and three tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .. import _errors as errors
from .._calls import raise_broadcast
from .._inplace import leaf_first, write
from .._layout import beside_number, pointwise
from .._op import LINEAR, MULTILINEAR, POINTWISE, op, public, publish
from .._support import missing, refused
from .._tensor import Tensor
from .layout import as_dtype, lifted

NO_BOOL_MINUS = (
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or "
    "`logical_not()` operator instead."
)
TWO_BOOLS = (
    "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator "
    "instead."
)
ONE_BOOL = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the "
    "`~` or `logical_not()` operator instead."
)

neg = op(
    "neg(self)", np.negative, promote="numbers", exact=True, jvp=LINEAR, self=lambda g: -g,
    lacks=refused("b", RuntimeError, NO_BOOL_MINUS),
)  # fmt: skip

add_row = op(
    "add(self, other)", np.add, promote="numbers", public=False, jvp=LINEAR, operator=True,
    self=lambda g: g, other=lambda g: g,
)  # fmt: skip
sub_row = op(
    "sub(self, other)", np.subtract, promote="numbers", public=False, jvp=LINEAR, operator=True,
    lacks=refused("b", RuntimeError, TWO_BOOLS), self=lambda g: g, other=lambda g: -g,
)  # fmt: skip
mul_row = op(
    "mul(self, other)", np.multiply, promote="numbers", public=False, jvp=MULTILINEAR, operator=True,
    self=lambda g, F, other: g * F.conj(other), other=lambda g, F, self: g * F.conj(self),
)  # fmt: skip
div_row = op(
    "div(self, other)", np.true_divide, promote="float", public=False, jvp=POINTWISE, operator=True,
    self=lambda g, F, other: g / F.conj(other),
    other=lambda g, F, self, other: -g * F.conj((self / other) / other),
)  # fmt: skip


def _scaled(b: Any, alpha: Any) -> Any:
    if isinstance(b, np.ndarray) and b.dtype.kind == "b":
        return b & bool(alpha)
    return b * alpha


add_scaled_row = op(
    "add_scaled(self, other, *, alpha)", lambda a, b, alpha: np.add(a, _scaled(b, alpha)),
    promote="numbers", node="add", public=False, jvp=LINEAR,
    self=lambda g: g, other=lambda g, F, alpha: g * F.conj(alpha),
)  # fmt: skip
sub_scaled_row = op(
    "sub_scaled(self, other, *, alpha)", lambda a, b, alpha: np.subtract(a, _scaled(b, alpha)),
    promote="numbers", node="sub", public=False, jvp=LINEAR,
    self=lambda g: g, other=lambda g, F, alpha: -g * F.conj(alpha),
)  # fmt: skip
rsub_row = op(
    "rsub(self, other, *, alpha)", lambda a, b, alpha: np.subtract(b, _scaled(a, alpha)),
    promote="numbers", public=False, jvp=LINEAR, lacks=refused("b", RuntimeError, TWO_BOOLS),
    layout=lambda result, operands: pointwise(result, operands[::-1]),
    self=lambda g, F, alpha: -g * F.conj(alpha), other=lambda g: g,
)  # fmt: skip
rsub_scalar_row = op(
    "rsub_scalar(self, *, other, alpha)", lambda a, other, alpha: np.subtract(other, _scaled(lifted(a, other), alpha)),
    node="rsub", overload=1, public=False, promote="numbers", layout=beside_number, jvp=POINTWISE,
    self=lambda g, F, alpha: -g * F.conj(alpha),
)  # fmt: skip


def _check_alpha(alpha: Any, *operands: Any) -> None:
    """Raises for an alpha of a wider category than the operands, as PyTorch does."""
    category = max(t.dtype.category for t in operands if isinstance(t, Tensor))
    if isinstance(alpha, bool) and category != dtypes.BOOL:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and category < dtypes.FLOAT:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if isinstance(alpha, complex) and category < dtypes.COMPLEX:
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")


def _is_bool(given: Any) -> bool:
    return given._array.dtype.kind == "b" if isinstance(given, Tensor) else isinstance(given, bool)


def _check_subtraction(a: Any, b: Any) -> None:
    """Raises if an operand is bool."""
    bools = _is_bool(a) + _is_bool(b)
    if bools:
        raise RuntimeError(TWO_BOOLS if bools == 2 else ONE_BOOL)


def accepted(found: Any, name: str, other: Any) -> Tensor:
    """The result of an operator row in a function, where a foreign operand is an error."""
    if found is NotImplemented:
        raise TypeError(errors.must_be_tensor(name, "other", 2, other))
    return found


@public(method=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha·other, broadcast and promoted. Source: torch.add."""
    if alpha == 1 and alpha is not True:
        return accepted(add_row(input, other), "add", other)
    _check_alpha(alpha, input, other)
    return add_scaled_row(input, other, alpha)


@public(method=True)
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha·other. Source: torch.sub. Raises RuntimeError for bool tensors."""
    _check_subtraction(input, other)
    if alpha == 1 and alpha is not True:
        return accepted(sub_row(input, other), "sub", other)
    _check_alpha(alpha, input, other)
    return sub_scaled_row(input, other, alpha)


@public(method=False)
def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha·input. Source: torch.rsub."""
    _check_subtraction(input, other)
    _check_alpha(alpha, input)
    if isinstance(other, Tensor):
        raise_broadcast(other._array, input._array)
    return (rsub_row if isinstance(other, Tensor) else rsub_scalar_row)(input, other, alpha)


@public(method=True)
def mul(input: Any, other: Any) -> Tensor:
    """input · other, broadcast and promoted. Source: torch.mul."""
    return accepted(mul_row(input, other), "mul", other)


# Division: true, and rounded towards zero or down (whose gradient is zero).


def floor_quotient(a: Any, b: Any) -> Any:
    """The quotient rounded down; infinite where a float b is 0. Raises for integers by 0."""
    if getattr(a, "dtype", np.asarray(a).dtype).kind in "iu":
        check_divisor(b)
        return np.floor_divide(a, b)
    zero = np.equal(b, 0)
    found = np.floor_divide(a, b)
    return np.where(zero, np.true_divide(a, b), found) if np.any(zero) else found


def check_divisor(b: Any) -> None:
    if np.any(np.equal(b, 0)):
        raise RuntimeError("ZeroDivisionError")


def trunc_quotient(a: Any, b: Any) -> Any:
    """The quotient rounded towards zero."""
    if getattr(a, "dtype", np.asarray(a).dtype).kind in "iu":
        check_divisor(b)
        return np.floor_divide(a - np.fmod(a, b), b)
    return np.trunc(np.true_divide(a, b))


def _rounded(mode: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    return op(
        f"div_{mode}(self, other)", kernel, promote="numbers", node="div", overload=2, public=False,
        lacks=missing(f"div_{mode}_cpu", "cb"), jvp=POINTWISE,
        # What PyTorch saves, though neither value matters: writing to it later is an error there.
        self=lambda g, F, other: F.zeros_like(g), other=lambda g, F, self, other: F.zeros_like(g),
    )  # fmt: skip


ROUNDED = {"floor": _rounded("floor", floor_quotient), "trunc": _rounded("trunc", trunc_quotient)}


def _division(rounding_mode: str | None) -> Callable[..., Any]:
    if rounding_mode is None:
        return div_row
    if rounding_mode not in ROUNDED:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return ROUNDED[rounding_mode]


@public(method=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, a float unless rounded ("trunc", "floor"). Source: torch.div."""
    return accepted(_division(rounding_mode)(input, other), "div", other)


@public(method=True)
def true_divide(input: Any, other: Any) -> Tensor:
    """input / other. Source: torch.true_divide."""
    return div(input, other)


def unimplemented(name: str) -> Callable[..., Any]:
    def raise_unimplemented(g: Any) -> Any:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")

    return raise_unimplemented


def no_forward_rule(name: str) -> Callable[..., Any]:
    """The forward rule of a row without a derivative."""

    def refuse(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
        raise NotImplementedError(f"Trying to use forward AD with aten::{name} that does not support it.")

    return refuse


def without_derivative(call: Callable[..., Any]) -> Callable[..., Any]:
    """Names the node of a row whose backward only raises as PyTorch names it; it is linked to what requires grad alone."""
    node = call.row.node
    node.prefix, node.__name__ = "torch::autograd::", "NotImplemented"
    call.row.name = node.prefix + node.__name__
    node.next_functions = property(lambda self: tuple(edge for edge in self.edges if edge is not None))
    return call


def typed_pair(number: Any, a: np.ndarray) -> tuple[Any, np.ndarray]:
    """A number and an array in their common dtype."""
    a = lifted(a, number)
    return as_dtype(a.dtype, number), a


floor_divide_row = without_derivative(op(
    "floor_divide(self, other)", floor_quotient, promote="numbers", public=False,
    lacks=missing("div_floor_cpu", "cb"), jvp=no_forward_rule("floor_divide"),
    self=unimplemented("floor_divide"), other=unimplemented("floor_divide"),
))  # fmt: skip
floor_divide_scalar_row = without_derivative(op(
    "floor_divide_scalar(self, *, other)", lambda a, other: floor_quotient(*typed_pair(other, a)[::-1]),
    promote="numbers", layout=beside_number, public=False, lacks=missing("div_floor_cpu", "c"),
    jvp=no_forward_rule("floor_divide"), self=unimplemented("floor_divide"),
))  # fmt: skip
rfloor_divide_row = without_derivative(op(
    "rfloor_divide(self, *, other)", lambda a, other: floor_quotient(*typed_pair(other, a)),
    promote="numbers", layout=beside_number, public=False, lacks=missing("div_floor_cpu", "c"),
    jvp=no_forward_rule("floor_divide"), self=unimplemented("floor_divide"),
))  # fmt: skip


@public(method=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """The quotient rounded down. Source: torch.floor_divide. Trap: its backward raises; div can."""
    if not isinstance(input, Tensor):
        return rfloor_divide_row(other, input)
    return _floor_row(other)(input, other)


def _floor_row(other: Any) -> Callable[..., Any]:
    return floor_divide_row if isinstance(other, Tensor) else floor_divide_scalar_row


# In-place twins.


def writes(name: str, choose_row: Callable[..., Any]) -> None:
    """Publishes `name_` with the signature of choose_row, which gives the row and what follows the positional arguments
    as attributes."""
    signature = inspect.signature(choose_row)
    positional = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]

    def call(self: Tensor, *args: Any, **keywords: Any) -> Tensor:
        if not keywords and len(args) < len(positional):
            row, attributes = choose_row(self, *args)
            count = len(row.row.schema.inputs)
            return write(row.row, (self, *args[: count - 1]), (*args[count - 1 :], *attributes))
        bound = signature.bind(self, *args, **keywords)
        row, attributes = choose_row(*bound.args, **bound.kwargs)
        count = len(row.row.schema.inputs)
        given = tuple(bound.arguments[name] for name in positional)
        return write(row.row, given[:count], (*given[count:], *attributes))

    call.__name__ = call.__qualname__ = name + "_"
    publish(name + "_", leaf_first(call), method=True, in_module=False)


def _scaled_choice(
    plain_row: Any, scaled_row: Any, self: Tensor, other: Any, alpha: Any
) -> tuple[Any, tuple[Any, ...]]:
    if alpha == 1 and alpha is not True:
        return plain_row, ()
    _check_alpha(alpha, self, other)
    return scaled_row, (alpha,)


def _sub_choice(self: Tensor, other: Any, *, alpha: Any = 1) -> tuple[Any, tuple[Any, ...]]:
    _check_subtraction(self, other)
    return _scaled_choice(sub_row, sub_scaled_row, self, other, alpha)


writes("add", lambda self, other, *, alpha=1: _scaled_choice(add_row, add_scaled_row, self, other, alpha))
writes("sub", _sub_choice)
writes("mul", lambda self, other: (mul_row, ()))
writes("div", lambda self, other, *, rounding_mode=None: (_division(rounding_mode), ()))
writes("true_divide", lambda self, other: (div_row, ()))
writes("floor_divide", lambda self, other: (_floor_row(other), ()))
for _name, _alias in {"sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative"}.items():
    publish(_alias, globals()[_name], method=True)
    publish(_alias + "_", getattr(Tensor, _name + "_"), method=True, in_module=_name == "neg")


@public(method=True)
def positive(input: Tensor) -> Tensor:
    """The tensor itself. Source: torch.positive. Raises RuntimeError for bool."""
    if input._array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input
