"""Selective checkpointing: a policy says which operators' results are kept rather than computed again.
Source: torch.utils.checkpoint.create_selective_checkpoint_contexts."""

from __future__ import annotations

import enum
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any

from .._modes import state
from .._op import Row
from .._record import record
from .._tensor import Tensor, plain
from ..ops.names import Overload, aten


class CheckpointPolicy(enum.Enum):
    """Whether a result is kept or computed again. refgrad takes PREFER as MUST: it has no compiler to decide."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


KEPT = {
    CheckpointPolicy.MUST_SAVE,
    CheckpointPolicy.PREFER_SAVE,
    CheckpointPolicy.MUST_CPU_OFFLOAD,
    CheckpointPolicy.PREFER_CPU_OFFLOAD,
}


class SelectiveCheckpointContext:
    """What a policy is told besides the operator: whether this is the recomputation, and the result."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute, self.op_output = is_recompute, op_output


class _Level:
    """Sees every operator call of the block."""

    def __init__(self, policy: Callable[..., Any], cache: dict[Overload, deque[Any]], is_recompute: bool) -> None:
        self.policy, self.cache, self.is_recompute = policy, cache, is_recompute

    def __enter__(self) -> None:
        state.functional_levels = [*state.functional_levels, self]
        state.settle()

    def __exit__(self, *_: object) -> None:
        state.functional_levels = state.functional_levels[:-1]
        state.settle()

    def __call__(self, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        if row.is_view:
            return NotImplemented
        name = getattr(aten, row.schema.name).default
        levels, state.functional_levels = state.functional_levels, []
        state.settle()
        try:
            return (
                self._again(name, row, inputs, attributes)
                if self.is_recompute
                else self._first(name, row, inputs, attributes)
            )
        finally:
            state.functional_levels = levels
            state.settle()

    def write(self, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        """In-place calls run as they are."""
        return NotImplemented

    def _keeps(self, name: Overload, inputs: Sequence[Any], attributes: tuple[Any, ...], output: Any) -> bool:
        told = SelectiveCheckpointContext(is_recompute=self.is_recompute, op_output=output)
        policy = self.policy(told, name, *inputs, *attributes)
        return policy in KEPT or policy is True

    def _first(self, name: Overload, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        from .._calls import apply

        found = apply(row, inputs, attributes)
        if self._keeps(name, inputs, attributes, found):
            parts = found if isinstance(found, tuple) else (found,)
            self.cache[name].append([t._array for t in parts])
        return found

    def _again(self, name: Overload, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        from .._calls import apply

        if not self._keeps(name, inputs, attributes, None):
            return apply(row, inputs, attributes)
        if not self.cache[name]:
            raise RuntimeError(f"{name} encountered during backward, but not found in storage")
        outputs: list[Tensor] = [plain(a) for a in self.cache[name].popleft()]
        if row.is_differentiable and state.grad:
            record(row, inputs, attributes, outputs)
        return outputs[0] if len(row.schema.outputs) == 1 and not row.schema.is_variable else tuple(outputs)


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[_Level, _Level]:
    """The two contexts for `context_fn`: results that the policy (or the list of operators) says are kept from the
    first run for the second. Raises TypeError for anything but a function or a list of `torch.ops` overloads."""
    if isinstance(policy_fn_or_list, list):
        kept = set(policy_fn_or_list)

        def policy(told: SelectiveCheckpointContext, name: Overload, *args: Any, **kwargs: Any) -> CheckpointPolicy:
            return CheckpointPolicy.MUST_SAVE if name in kept else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    cache: dict[Overload, deque[Any]] = defaultdict(deque)
    return _Level(policy, cache, False), _Level(policy, cache, True)
