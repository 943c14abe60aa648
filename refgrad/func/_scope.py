"""The transforms that are running in this thread, outermost first: backward() inside one is refused."""

from __future__ import annotations

from types import TracebackType

from .._modes import state

REVERSE = frozenset({"grad", "vjp", "jacrev"})
NO_SAVED_HOOKS = (
    "torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. Please open an issue with your use "
    "case."
)


class transform_scope:
    """The time during which a transform runs the user's function."""

    __slots__ = ("before", "name")

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.before = state.saved_hooks_disabled
        if self.name in REVERSE:
            if self.before is None and state.saved_hooks:
                raise RuntimeError(NO_SAVED_HOOKS)
            state.saved_hooks_disabled = NO_SAVED_HOOKS
        state.transforms.append(self.name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.transforms.pop()
        state.saved_hooks_disabled = self.before
