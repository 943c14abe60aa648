"""Result dtypes: PyTorch's documented promotion (torch.result_type), for the generator's abstract state."""

from __future__ import annotations

from typing import Any, Protocol

_CATEGORY = {"bool": 0, "complex64": 3, "complex128": 3}
_WIDTH = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")


class Typed(Protocol):
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


def category(dtype: str) -> int:
    """0 bool, 1 integral, 2 floating, 3 complex."""
    if dtype in _CATEGORY:
        return _CATEGORY[dtype]
    return 2 if "float" in dtype else 1


def promote_pair(a: str, b: str) -> str:
    """The dtype that two dimensioned tensors promote to."""
    if a == b:
        return a
    if category(a) == 3 or category(b) == 3:
        return "complex128" if {"complex128", "float64"} & {a, b} else "complex64"
    if {a, b} == {"uint8", "int8"}:
        return "int16"
    if {a, b} == {"float16", "bfloat16"}:
        return "float32"
    return max(a, b, key=_WIDTH.index)


def _of_scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    return "complex64" if isinstance(value, complex) else "float32"


def result_dtype(*operands: Typed | bool | int | float | complex) -> str:
    """Dimensioned tensors first; 0-d tensors, then Python scalars count only when of a higher category."""
    groups: list[list[str]] = [[], [], []]
    for operand in operands:
        if isinstance(operand, (bool, int, float, complex)):
            groups[2].append(_of_scalar(operand))
        else:
            groups[0 if operand.shape else 1].append(operand.dtype)
    best: str | None = None
    for group in groups:
        local: str | None = None
        for dtype in group:
            local = dtype if local is None else promote_pair(local, dtype)
        if local is not None and (best is None or category(local) > category(best)):
            best = _raise_category(best, local)
    return best or "float32"


def _raise_category(best: str | None, dtype: str) -> str:
    # A complex scalar with a float64 tensor gives complex128, not complex64.
    if best is not None and category(dtype) == 3 and category(best) == 2:
        return "complex128" if best == "float64" else "complex64"
    return dtype


def to_floating(dtype: str) -> str:
    """What a floating-point function makes of a dtype."""
    return dtype if category(dtype) >= 2 else "float32"


def to_real(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
