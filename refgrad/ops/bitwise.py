"""Operations on the bits of integers, and on integers as such. None is differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._inplace import twin
from .._op import op, public
from .._support import missing
from .._tensor import Tensor
from .compare import publish_operator, tensor_pair

BITWISE: dict[str, Callable[..., Any]] = {}


def _bits(name: str, kernel: Callable[..., Any], label: str, groups: str) -> None:
    BITWISE[name] = op(
        f"bitwise_{name}(self, other) -> out!", kernel, promote="numbers", exact=True, public=False, operator=True,
        lacks=missing(label, groups),
    )  # fmt: skip
    publish_operator(f"bitwise_{name}", BITWISE[name], twin(BITWISE[name].row))


def _shifted(shift: Callable[..., Any], beyond: Callable[..., Any]) -> Callable[..., Any]:
    """A shift in which a count that is negative or too large gives what is left when all bits are out."""

    def compute(a: Any, count: Any) -> Any:
        kind = a.dtype if isinstance(a, np.ndarray) else count.dtype
        a, count = np.asarray(a, kind), np.asarray(count, kind)
        out = (count < 0) | (count >= 8 * kind.itemsize)
        return np.where(out, beyond(a), shift(a, np.where(out, 0, count))).astype(kind)

    return compute


for _name, _ufunc in {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}.items():
    _bits(_name, _ufunc, f"bitwise_{_name}_cpu", "hfc")
_bits("left_shift", _shifted(np.left_shift, np.zeros_like), "lshift_cpu", "hfcb")
_bits("right_shift", _shifted(np.right_shift, lambda a: np.where(a < 0, -1, 0)), "rshift_cpu", "hfcb")

bitwise_not = op(
    "bitwise_not(self) -> out!", np.invert, promote="numbers", exact=True, lacks=missing("bitwise_not_cpu", "hfc")
)

for _name, _ufunc in {"gcd": np.gcd, "lcm": np.lcm}.items():
    _row = op(
        f"{_name}(self, other) -> out!",
        _ufunc,
        promote="numbers",
        exact=True,
        public=False,
        lacks=missing(f"{_name}_cpu", "hfcb"),
    )
    tensor_pair(_name, _row, f"The {_name} of each pair of integers.")


@public("bitwise_invert", method=False)
def invert(input: Tensor) -> Tensor:
    """The operator ~. Raises TypeError for floating-point and complex tensors. Source: torch.Tensor.__invert__."""
    if input._array.dtype.kind not in "iub":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(input)
