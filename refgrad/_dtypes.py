"""Data types and PyTorch's promotion between them.

A `dtype` names a NumPy dtype (or ml_dtypes' bfloat16) and prints as PyTorch prints it. Promotion has three priorities:
tensors with dimensions, 0-d tensors, Python numbers; a lower one widens a higher one only by changing its category.
Source: torch.dtype, "Type promotion" on the tensor_attributes page. Trap: NumPy promotes by value sizes
(int64 + float32 gives float64); PyTorch does not (float32).
"""

from __future__ import annotations

from collections.abc import Iterable

import ml_dtypes
import numpy as np

BOOL, INTEGER, FLOAT, COMPLEX = range(4)


class dtype:
    """One of PyTorch's element types; instances are singletons, compared by identity."""

    __slots__ = ("array", "category", "itemsize", "name", "real", "short")

    def __init__(self, name: str, array: object, category: int, short: str) -> None:
        self.name, self.array, self.category, self.short = name, np.dtype(array), category, short  # type: ignore[call-overload]
        self.itemsize = self.array.itemsize
        self.real: dtype = self

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        return self.name not in ("bool", "uint8")

    def to_real(self) -> dtype:
        return self.real

    def to_complex(self) -> dtype:
        return complex128 if self is float64 or self is complex128 else complex64


float16 = dtype("float16", np.float16, FLOAT, "HalfTensor")
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOAT, "BFloat16Tensor")
float32 = dtype("float32", np.float32, FLOAT, "FloatTensor")
float64 = dtype("float64", np.float64, FLOAT, "DoubleTensor")
complex64 = dtype("complex64", np.complex64, COMPLEX, "ComplexFloatTensor")
complex128 = dtype("complex128", np.complex128, COMPLEX, "ComplexDoubleTensor")
uint8 = dtype("uint8", np.uint8, INTEGER, "ByteTensor")
int8 = dtype("int8", np.int8, INTEGER, "CharTensor")
int16 = dtype("int16", np.int16, INTEGER, "ShortTensor")
int32 = dtype("int32", np.int32, INTEGER, "IntTensor")
int64 = dtype("int64", np.int64, INTEGER, "LongTensor")
bool_ = dtype("bool", np.bool_, BOOL, "BoolTensor")
complex64.real, complex128.real = float32, float64

ALL = (float16, bfloat16, float32, float64, complex64, complex128, uint8, int8, int16, int32, int64, bool_)
ALIASES = {
    "half": float16, "float": float32, "double": float64, "cfloat": complex64, "cdouble": complex128,
    "short": int16, "int": int32, "long": int64,
}  # fmt: skip
OF_ARRAY: dict[np.dtype, dtype] = {d.array: d for d in ALL}
# Scalar type names as PyTorch's error messages write them.
SCALAR_NAMES = {
    float16: "Half", bfloat16: "BFloat16", float32: "Float", float64: "Double", complex64: "ComplexFloat",
    complex128: "ComplexDouble", uint8: "Byte", int8: "Char", int16: "Short", int32: "Int", int64: "Long",
    bool_: "Bool",
}  # fmt: skip

# C++ type names, which a few messages show instead.
C_NAMES = {
    float16: "c10::Half", bfloat16: "c10::BFloat16", float32: "float", float64: "double",
    complex64: "c10::complex<float>", complex128: "c10::complex<double>", uint8: "unsigned char", int8: "signed char",
    int16: "short int", int32: "int", int64: "long int", bool_: "bool",
}  # fmt: skip

_default = float32


def get_default_dtype() -> dtype:
    """The dtype of floating values made from Python numbers. Source: torch.get_default_dtype."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Sets the dtype of floating values made from Python numbers. Source: torch.set_default_dtype."""
    global _default
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d


def default_complex() -> dtype:
    return _default.to_complex()


def _bigger_integer(a: dtype, b: dtype) -> dtype:
    if uint8 in (a, b) and int8 in (a, b):
        return int16
    if a.itemsize == b.itemsize:
        return a if b is uint8 else b
    return a if a.itemsize > b.itemsize else b


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest dtype to which both convert, by PyTorch's lattice. Source: torch.promote_types."""
    if a is b:
        return a
    if a.category < b.category:
        a, b = b, a
    if a.category == COMPLEX:
        return complex128 if complex128 in (a, b) or b is float64 else complex64
    if b.category != a.category:
        return a
    if a.category == FLOAT:
        return float32 if a.itemsize == b.itemsize else (a if a.itemsize > b.itemsize else b)
    return _bigger_integer(a, b)


def scalar_dtype(value: object) -> dtype:
    """The dtype that stands for a Python number (its category at the default width)."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return _default
    return default_complex()


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    """A lower priority changes the result only by raising its category."""
    if higher is None or lower is None:
        return higher or lower
    if lower.category <= higher.category:
        return higher
    if lower.category == COMPLEX and higher.category == FLOAT:
        return higher.to_complex()
    return lower


def result_dtype(dimensioned: Iterable[dtype], zero_dim: Iterable[dtype], numbers: Iterable[object]) -> dtype:
    """The dtype of an operation on operands of the three priorities. Source: torch.result_type."""
    levels: list[dtype | None] = []
    for group in (dimensioned, zero_dim, (scalar_dtype(n) for n in numbers)):
        level: dtype | None = None
        for d in group:
            level = d if level is None else promote_types(level, d)
        levels.append(level)
    found = _combine(_combine(levels[0], levels[1]), levels[2])
    assert found is not None
    return found


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether an in-place result of `source` may be stored in `target`. Source: torch.can_cast."""
    return not (
        (source.category == COMPLEX and target.category != COMPLEX)
        or (source.category == FLOAT and target.category < FLOAT)
        or (source.category != BOOL and target.category == BOOL)
    )
