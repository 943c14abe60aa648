"""``torch.func`` as an engine: values through ``vmap``, derivatives by its ``vjp``, transforms as they are.

Each operator runs on a batch of two copies of its operands, and the second is what is seen: so that batching rules are
held to what the operator does without them. What can't be batched is not claimed, program by program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .. import catalogue
from ..programs.leafdata import DTYPES
from ..programs.trace import Observed, Outcome
from . import torch_backend
from .functional import Functional

BATCH = 2
FORMATS = ("preserve_format", "contiguous_format", "channels_last", "channels_last_3d")
NOT_BATCHED = re.compile(
    r"vmap: |vmap-ing |Batching rule not implemented|does not yet have a batching rule|inside of vmap"
    r"|not (currently )?supported (by|under|inside|in) .{0,20}vmap"
)
"""What PyTorch says of an operator that has no batching rule, or whose result's shape hangs on values."""
WITHOUT = frozenset(
    {
        "column_stack",
        "as_strided_scatter",
        "masked_select",
        "__getitem__.mask",
        "nn.functional.gaussian_nll_loss",
        "nn.functional.rrelu.eval",
        "unsafe_split_with_sizes",
        "unique",
        "unique_consecutive",
    }
)
"""Those of which it says so whatever they are given."""


class Operators(Mapping[str, Callable[..., Any]]):
    """Every operator of the catalogue, through ``vmap``."""

    def __init__(self, engine: torch_backend.Torch) -> None:
        self.engine = engine

    def __getitem__(self, name: str) -> Callable[..., Any]:
        line = catalogue.find(name)
        function = self.engine.callable(name, line.plain_forms[0])
        return lambda *args, **attrs: self._batched(function, args, attrs)

    def __iter__(self) -> Iterator[str]:
        return (name for name in catalogue.operators() if name not in WITHOUT)

    def __len__(self) -> int:
        return len(catalogue.operators()) - len(WITHOUT)

    def _batched(self, function: Callable[..., Any], args: Any, attrs: dict[str, Any]) -> Any:
        torch = self.engine.ns
        tensors: list[Any] = []
        template = self._lifted((args, tuple(attrs.values())), tensors)

        def one(*given: Any) -> Any:
            inner, values = _lowered(template, given)
            return function(*inner, **dict(zip(attrs, values)))

        copies = [torch.stack([x] * BATCH) for x in tensors]
        try:
            results = torch.func.vmap(one)(*copies)
        except (RuntimeError, ValueError, NotImplementedError) as error:
            if NOT_BATCHED.search(str(error)):
                raise NotImplementedError(str(error)) from None
            raise
        return results[-1] if isinstance(results, torch.Tensor) else tuple(result[-1] for result in results)

    def _lifted(self, value: Any, tensors: list[Any]) -> Any:
        """The arguments with their tensors taken out, and places left for them."""
        if isinstance(value, self.engine._tensor):
            tensors.append(value)
            return _Place(len(tensors) - 1)
        if isinstance(value, (tuple, list)):
            return tuple(self._lifted(part, tensors) for part in value)
        is_name = isinstance(value, str) and (value in DTYPES or value in FORMATS)
        return getattr(self.engine.ns, value) if is_name else value


class _Place(int):
    """Where a tensor goes."""


def _lowered(template: Any, given: tuple[Any, ...]) -> Any:
    if isinstance(template, _Place):
        return given[template]
    return tuple(_lowered(part, given) for part in template) if isinstance(template, tuple) else template


class TorchFunc(Functional):
    """Programs as functions of their leaves, whose derivatives and transforms are ``torch.func``'s."""

    def __init__(self, engine: torch_backend.Torch) -> None:
        self.engine, self.ns = engine, engine.ns
        func = engine.ns.func
        super().__init__(
            "torch:func",
            engine.version,
            Operators(engine),
            _vjp(engine.ns),
            tuple(DTYPES),
            engine.tensor,
            engine.array,
            jvp=_jvp(engine.ns),
            transforms={name: getattr(func, name) for name in ("vmap", "jacrev", "jacfwd", "hessian")},
        )

    def see_array(self, value: Any) -> Outcome:
        """A tensor's value, dtype and shape."""
        array = self.engine.array(value)
        return Observed(array, self.engine.dtype_name(value.dtype), array.shape)


def _vjp(torch: Any) -> Callable[..., tuple[Any, ...]]:
    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        _, pull = torch.func.vjp(function, *args)
        return tuple(pull(cotangents))

    return vjp


def _jvp(torch: Any) -> Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]]:
    def jvp(function: Callable[..., Any], args: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        return torch.func.jvp(function, args, tangents)

    return jvp


def backend() -> TorchFunc:
    return TorchFunc(torch_backend.backend())
