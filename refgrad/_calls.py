"""How a row is called, the general path: what the fast ones (`_fast`) leave to it, errors included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _errors as errors
from ._dtypes import OF_ARRAY, get_default_dtype, result_dtype
from ._layout import NUMBER, canonical, column_major
from ._modes import LEVELS, local
from ._op import Row
from ._record import record
from ._tensor import DUAL, LAZY, VIEW, Tensor, plain, refresh, resolved

NUMBERS = (bool, int, float, complex)
OPERANDS = (Tensor, *NUMBERS)
# A number among the operands, for the layout of an empty result: there it counts as a tensor without dimensions.
ndarray = np.ndarray


def apply(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
    """The general path: lazy bits resolved, dtypes promoted, outputs wrapped, the call
    recorded, tangents pushed forward. One Tensor, or a tuple of them when the row has several outputs."""
    me = local.me
    for level in me.functional_levels:
        handled = level(row, inputs, attributes)
        if handled is not NotImplemented:
            return handled
    members: Sequence[Tensor] = inputs
    for given in inputs:
        if type(given) is not Tensor:
            try:
                members = flat(inputs)
                refuse_strays(row, inputs)
            except errors.ForeignOperand as foreign:
                return _foreign(row, inputs, attributes, foreign)
            break
    if len(inputs) == 1 and not members and not row.schema.inputs[0].is_list:
        raise TypeError(errors.must_be_tensor(row.schema.name, "input", 1, inputs[0]))
    flags = has_history = 0
    for t in members:
        if t._flags & VIEW and LEVELS:
            _adopt(t)
        flags |= t._flags
        has_history = has_history or t._needs or t._edge is not None
    is_recorded = (
        (has_history or flags & VIEW) and row.is_differentiable and me.grad and _is_recordable(inputs, members)
    )
    if is_recorded and flags & VIEW:
        refresh_all(members)
    outputs = compute(row, inputs, attributes)
    if is_recorded:
        record(row, inputs, attributes, outputs)
    if flags & DUAL:
        _forward.push(row, inputs, attributes, outputs)
    return outputs[0] if row.is_single else tuple(outputs)


def _is_recordable(inputs: Sequence[Any], members: Sequence[Tensor]) -> bool:
    """Of inference tensors alone nothing is recorded, whatever they require; a number counts as an ordinary tensor."""
    for t in members:
        if t._cell is not None:
            return True
    transforms = local.me.transforms
    if transforms and any(name != "vmap" for name in transforms):
        return True
    return any(isinstance(given, NUMBERS) for given in inputs)


def refresh_all(given: Sequence[Any]) -> None:
    """Brings the views among the tensors up to date: what forbids that is an error before any of the arguments'."""
    for t in given:
        if (type(t) is Tensor or isinstance(t, Tensor)) and t._flags & VIEW:
            refresh(t)


def _adopt(t: Tensor) -> None:
    if not t._flags & DUAL and t._view.base._flags & DUAL:
        _forward.adopt(t)


def flat(inputs: Sequence[Any]) -> list[Tensor]:
    """The tensors among the inputs, those in lists too. Raises TypeError for a foreign argument."""
    found: list[Tensor] = []
    for given in inputs:
        if type(given) is Tensor or isinstance(given, Tensor):
            found.append(given)
        elif isinstance(given, (list, tuple)):
            found += flat(given)
        elif given is not None and not isinstance(given, (*NUMBERS, np.generic)):
            raise errors.ForeignOperand(f"expected a Tensor or a number, not {type(given).__name__}")
    return found


def refuse_strays(row: Row, inputs: Sequence[Any]) -> None:
    """Raises TypeError for None or a list where the signature has one tensor: NumPy would make something of it."""
    for given, wanted in zip(inputs, row.schema.inputs):
        if (given is None and not wanted.optional) or (isinstance(given, (list, tuple)) and not wanted.is_list):
            raise errors.ForeignOperand(f"expected a Tensor or a number, not {type(given).__name__}")


def _foreign(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...], error: TypeError) -> Any:
    """A call with an operand of another kind: arrays are taken as tensors, else it is refused."""
    if any(isinstance(given, ndarray) for given in inputs):
        made = [plain(np.array(given)) if isinstance(given, ndarray) else given for given in inputs]
        return apply(row, made, attributes)
    if row.is_operator:
        return NotImplemented
    raise error


def compute(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> list[Tensor]:
    """Runs the row's kernel on the inputs' arrays; fresh tensors without history."""
    arrays = [_array(given) for given in inputs]
    if row.promote and not _are_alike(arrays):
        arrays = promoted(inputs, arrays)
    dtype = _dtype_of(arrays)
    # Here the row is always asked for its kernel, so that another one can be put in its place.
    try:
        found = local.me.run(row.kernel_for(dtype), *arrays, *attributes)
    except ValueError:
        if len(arrays) > 1:
            raise_broadcast(*[a for a in arrays if isinstance(a, ndarray)])
        raise
    results = (found,) if row.is_single else found
    made = [fresh(r) if row.keeps_strides else owned(r) for r in results]
    if row.layout is not None:
        operands = [
            t._array if type(t) is Tensor or isinstance(t, Tensor) else NUMBER
            for t in inputs
            if type(t) is Tensor or isinstance(t, OPERANDS)
        ]
        for t in made:
            t._array = row.layout(t._array, operands)
    if row.columns:
        for k in row.columns(*attributes) if callable(row.columns) else row.columns:
            made[k]._array = column_major(made[k]._array)
    return made


def _are_alike(arrays: list[Any]) -> bool:
    """Whether all are arrays of one dtype: then there is nothing to promote."""
    first = arrays[0]
    if type(first) is not ndarray:
        return False
    return all(type(a) is ndarray and a.dtype is first.dtype for a in arrays)


def _dtype_of(arrays: list[Any]) -> np.dtype:
    """The dtype of the first array, in a list where there is no other; the default one where there is none."""
    for a in arrays:
        if isinstance(a, ndarray):
            return a.dtype
    return next((m.dtype for a in arrays if isinstance(a, list) for m in a), get_default_dtype().array)


def owned(result: Any) -> Tensor:
    """A tensor around a kernel's result, whose memory nothing else holds: strides and storage are PyTorch's to see."""
    if type(result) is not ndarray:
        result = np.asarray(result)
    if result.base is not None:
        result = result.copy(order="K")
    return fresh(canonical(result))


def fresh(array: ndarray) -> Tensor:
    """A tensor without history around memory of its own; an inference tensor in inference mode."""
    made = plain(array)
    if local.me.inference:
        made._cell = None
    return made


def _array(given: Any) -> Any:
    if type(given) is Tensor or isinstance(given, Tensor):
        return resolved(given) if given._flags & LAZY else given._array
    if isinstance(given, (list, tuple)):
        return [_array(t) for t in given]
    return given


def promoted(inputs: Sequence[Any], arrays: list[Any]) -> list[Any]:
    """The arrays in PyTorch's common dtype; Python numbers stay numbers if their category allows it."""
    target = common_dtype(inputs).array
    made: list[Any] = []
    for a in arrays:
        if isinstance(a, ndarray):
            made.append(a if a.dtype == target else a.astype(target))
        elif a is None or (target.kind != "b" and len(arrays) > 1 and any(isinstance(x, ndarray) for x in arrays)):
            made.append(_in_category(a, target))
        else:
            made.append(np.asarray(a, target))
    return made


def _in_category(number: Any, target: np.dtype) -> Any:
    """A Python number beside arrays of a dtype; one that an integer dtype can't hold wraps around."""
    if target.kind in "iu" and isinstance(number, int):
        return np.asarray(number).astype(target)[()]
    return float(number) if type(number) is int and target.kind in "fcV" else number


def common_dtype(inputs: Sequence[Any]) -> Any:
    """PyTorch's result_type of tensors and numbers."""
    dimensioned, zero_dim, numbers = [], [], []
    for given in inputs:
        if isinstance(given, Tensor):
            (dimensioned if given._array.ndim else zero_dim).append(OF_ARRAY[given._array.dtype])
        elif given is not None:
            numbers.append(given)
    return result_dtype(dimensioned, zero_dim, numbers)


def raise_broadcast(*arrays: Any) -> None:
    """Raises PyTorch's error if the shapes do not broadcast."""
    shape: tuple[int, ...] = ()
    for b in arrays:
        other = getattr(b, "shape", ())
        n = max(len(shape), len(other))
        x, y = (1,) * (n - len(shape)) + shape, (1,) * (n - len(other)) + other
        for dim in reversed(range(n)):
            if x[dim] != y[dim] and 1 not in (x[dim], y[dim]):
                raise RuntimeError(
                    f"The size of tensor a ({x[dim]}) must match the size of tensor b ({y[dim]}) at non-singleton "
                    f"dimension {dim}"
                ) from None
        shape = tuple(q if p == 1 else p for p, q in zip(x, y))


# It imports this module, hence at the end; looked up at each call it would cost as much as a small kernel.
from . import _forward  # noqa: E402
