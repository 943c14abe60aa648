"""Runs programs on a module with torch's surface: torch itself, refgrad, a wrapper around either."""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .. import catalogue
from ..programs import program as p
from ..programs.leafdata import DTYPES
from ..programs.needs import CAPABILITIES
from ..programs.trace import NOTHING, Observed, Outcome, Trace
from . import collecting, collecting_warnings, error_kind
from .run import Run

BFLOAT16 = DTYPES["bfloat16"]
SYMBOLS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "@": operator.matmul,
    "[]": operator.getitem,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "neg": operator.neg,
    "abs": operator.abs,
    "invert": operator.invert,
}
SEMANTICS = CAPABILITIES | {"alias", "none", "errors", "messages", "warnings", "scenario"}


class Torchlike:
    """A backend over a namespace. Subclass it where an engine takes arrays in or gives them out in another way."""

    family = "torchlike"

    def __init__(self, ns: Any, name: str, version: str, claims: frozenset[str] = SEMANTICS) -> None:
        self.ns = ns
        self.name = name
        self.version = version
        self.claims = claims
        self._calls: dict[tuple[str, str], Callable[..., Any]] = {}
        self._dtypes: dict[Any, str] = {}
        self._tensor = ns.Tensor

    # What an engine may do its own way

    def tensor(self, array: np.ndarray) -> Any:
        """A fresh tensor with the array's memory and strides (an empty one: the engine's own)."""
        if not array.size:
            return self.ns.empty(array.shape, dtype=getattr(self.ns, array.dtype.name))
        if array.dtype == BFLOAT16:
            return self.ns.from_numpy(array.view(np.int16)).view(self.ns.bfloat16)
        return self.ns.from_numpy(array)

    def array(self, tensor: Any) -> np.ndarray:
        """A copy of a tensor's values."""
        bare = tensor.data
        try:
            return bare.numpy().copy()
        except (TypeError, RuntimeError):
            return self._array_the_long_way(bare)

    def _array_the_long_way(self, bare: Any) -> np.ndarray:
        if bare.is_sparse:
            # Not by to_dense, which reads one value wrong that a cotangent was expanded to.
            places, values = tuple(bare._indices().numpy()), self.array(bare._values())
            made = np.zeros(tuple(bare.shape), values.dtype)
            np.add.at(made, places, values if places else values.sum())
            return made
        bare = bare.resolve_conj().resolve_neg().clone()
        if bare.dtype is self.ns.bfloat16:
            import ml_dtypes

            return bare.to(self.ns.float32).numpy().astype(ml_dtypes.bfloat16)
        return bare.numpy().copy()

    def storage_key(self, tensor: Any) -> int:
        """A number that two tensors share iff they share memory."""
        return self.storage(tensor).data_ptr()

    def storage(self, tensor: Any) -> Any:
        """What holds a tensor's memory."""
        return tensor.untyped_storage()

    def seed(self, number: int) -> None:
        """Seeds the generator that random operators draw from."""
        self.ns.manual_seed(number)

    def kind_of(self, error: BaseException) -> str:
        """The kind of what a step raised."""
        return error_kind(error)

    def before_write(self, tensor: Any, is_part: bool = False) -> None:
        """Called before an in-place operation on a tensor, or on a part of it."""

    # Execution

    def dtype_name(self, dtype: Any) -> str:
        name = self._dtypes.get(dtype)
        if name is None:
            name = self._dtypes[dtype] = str(dtype).rpartition(".")[2]
        return name

    def callable(self, op: str, form: str) -> Callable[..., Any]:
        """The engine's function for an operator in a form, taking the arguments positionally and by name."""
        found = self._calls.get((op, form))
        if found is None:
            found = self._calls[op, form] = self._lookup(catalogue.find(op), form)
        return found

    def _lookup(self, line: catalogue.Operator, form: str) -> Callable[..., Any]:
        if form == "function":
            target = self.ns
            for part in line.path.split("."):
                target = getattr(target, part)
            return target
        if form == "operator" and line.symbol:
            return SYMBOLS[line.symbol]
        if form == "attribute":
            return operator.attrgetter(line.method)
        name = line.method + "_" if form == "inplace" else line.method
        return lambda x, *args, **attrs: getattr(x, name)(*args, **attrs)

    def kernel_noise(self, seed: int, program: p.Program) -> AbstractContextManager[object] | None:
        """While entered, the engine's own kernels are disturbed. None: leaves and the results of steps are instead."""
        return None

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        if not collecting():
            with collecting_warnings():
                return self.execute(program, noise)
        if noise is None:
            return Run(self).run(program)
        # Either way hides something: a kernel may take another path while it is watched, and steps have insides.
        within = self.kernel_noise(noise, program) if noise % 2 == 0 else None
        if within is None:
            return Run(self, noise).run(program)
        with within:
            return Run(self).run(program)

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        return run(self.ns, drawn)

    def see(self, value: Any) -> Outcome:
        """A value as an outcome: tensors with what can be read without acting on the graph."""
        if value is None:
            return NOTHING
        if type(value) is tuple:
            return tuple([self.see(part) for part in value])
        if isinstance(value, self._tensor):
            array = self.array(value)
            return Observed(array, self.dtype_name(value.dtype), array.shape, value.requires_grad)
        if isinstance(value, (tuple, list)):
            return tuple([self.see(part) for part in value])
        if isinstance(value, (bool, int, float, complex, str)):
            return value
        return f"<{type(value).__name__}>"
