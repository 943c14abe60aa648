"""A checkpointed region: what its graph saved, without the values, and how they are computed again in backward.

While the region runs, each value that a node saves is replaced by a holder. The first holder that a backward asks for
runs the region again and hands every holder its value. Source: notes of torch.utils.checkpoint, use_reentrant=False.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from .._modes import enable_grad, state
from .._saved import Saved
from .._tensor import Tensor
from ..autograd.saved import saved_tensors_hooks
from ._devices import GraphExecGroup

TIP = (
    "\n\nTip: To see a more detailed error message, either pass `debug=True` to\n"
    "`torch.utils.checkpoint.checkpoint(...)` or wrap the code block\n"
    "with `with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):` to\n"
    "enable checkpoint‑debug mode globally.\n\n"
    "If this error occurs under torch.compile with automatic_dynamic_shapes enabled,\n"
    "it may be because the recomputation selected a different compiled graph than the\n"
    "forward pass (e.g., a dynamic graph instead of the original static graph).\n"
    "To fix this, either:\n"
    "  - Use torch._dynamo.mark_dynamic() to explicitly mark varying dimensions as\n"
    "    dynamic upfront, avoiding the static-to-dynamic transition.\n"
    "  - Call torch._C._dynamo.eval_frame._set_lru_cache(False) to disable LRU cache\n"
    "    reordering, which can change which graph is checked first between forward\n"
    "    and recompute.\n"
    "See https://github.com/pytorch/pytorch/issues/166926 for more details and\n"
    "workaround examples.\n"
)
DEBUG = (
    " An error happened while unpacking tensors; dumping logs of latest computation\n"
    "because you passed `debug=True` to `torch.utils.checkpoint.checkpoint()`.\n"
)


UNPACKED = (
    "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked once. {}If you are calling "
    "ctx.saved_tensors in backward, make sure to do so only once. Otherwise please open an issue with details on your "
    "use case."
)
OVERLAP = (
    "Performing two backward calls that overlap (i.e. require the same saved activation in order to compute gradients) "
    "is not allowed while under the torch.utils.checkpoint.GraphExecGroup context. "
)


class CheckpointError(RuntimeError):
    """The recomputation did not give what the original run gave."""


class Stop(Exception):
    """Ends a recomputation: all that is needed is there."""


class Holder:
    """The place of one saved value of a region."""

    __slots__ = ("__weakref__", "place", "region")

    def __init__(self, region: Region, place: int) -> None:
        self.region, self.place = region, place


class Region:
    """One checkpointed call. `run` computes it again, `args` are its tensors as a node would save them (by the hooks of
    an outer region, if there is one)."""

    def __init__(self, run: Callable[[list[Any]], Any], args: tuple[Any, ...], early_stop: bool, check: bool) -> None:
        self.run, self.early_stop, self.check = run, early_stop, check
        self.is_debugged = False
        self.args = [Saved(a, False) if isinstance(a, Tensor) else a for a in args]
        self.metadata: list[dict[str, Any]] = []
        self.values: weakref.WeakKeyDictionary[Any, list[Tensor | None]] = weakref.WeakKeyDictionary()

    def hooks(self) -> saved_tensors_hooks:
        """The hooks of the original run."""
        return saved_tensors_hooks(self.pack, self.unpack)

    def pack(self, t: Tensor) -> Holder:
        """A holder for a value."""
        self.metadata.append(describe(t))
        return Holder(self, len(self.metadata) - 1)

    def unpack(self, holder: Holder) -> Tensor:
        """The value of a holder, computed again once in each backward (or group of them), and then forgotten. Raises
        CheckpointError where it is asked for once more."""
        group = GraphExecGroup.current()
        task = group or (state.executing[-1] if state.executing else None)
        found = None if task is None else self.values.get(task)
        if found is None:
            found = self.recompute()
            if task is not None:
                self.values[task] = found
        value, found[holder.place] = found[holder.place], None
        if value is None:
            raise CheckpointError(UNPACKED.format("" if group is None else OVERLAP))
        return value

    def recompute(self) -> list[Tensor | None]:
        """Every saved value of the region, from a second run."""
        found: list[Tensor | None] = []
        args = [a.tensor_for(None) if isinstance(a, Saved) else a for a in self.args]  # type: ignore[arg-type]

        def collect(t: Tensor) -> Tensor:
            found.append(t.detach())  # type: ignore[attr-defined]
            if len(found) > len(self.metadata):
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation than during the original "
                    f"forward pass.{TIP}"
                )
            if self.early_stop and len(found) == len(self.metadata):
                raise Stop
            return t.detach()  # type: ignore[attr-defined]

        try:
            # Backward runs without gradient mode, in which a view of an argument would have no history.
            with enable_grad(), saved_tensors_hooks(collect, lambda t: t):
                self.run([_detached(a) for a in args])
        except Stop:
            pass
        self.compare(found)
        return found

    def compare(self, found: Sequence[Any]) -> None:
        """Raises CheckpointError if the second run saved something else than the first."""
        message = None
        if len(found) != len(self.metadata):
            message = (
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.metadata)}\nNumber of tensors saved "
                f"during recomputation: {len(found)}."
            )
        elif self.check:
            differing = [
                f"tensor at position {k}:\nsaved metadata: {before}\nrecomputed metadata: {describe(t)}\n"
                for k, (before, t) in enumerate(zip(self.metadata, found))
                if before != describe(t)
            ]
            if differing:
                message = (
                    "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                    f"during the forward pass.\n{''.join(differing)}."
                )
        if message is not None:
            raise CheckpointError(DEBUG + message if self.is_debugged else message + TIP)


def _detached(a: Any) -> Any:
    """An argument of the second run: its value, requiring grad if it did, without the history behind it."""
    if not isinstance(a, Tensor):
        return a
    made = a.detach()  # type: ignore[attr-defined]
    if a.requires_grad:
        made.requires_grad_()
        made = made.view_as(made) if a._edge is not None else made
    return made


def describe(t: Tensor) -> dict[str, Any]:
    """What must agree between the two runs."""
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}
