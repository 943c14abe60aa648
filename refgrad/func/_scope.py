"""The transforms that are running in this thread, outermost first: backward() inside one is refused."""

from __future__ import annotations

from types import TracebackType

from .._modes import local, state

REVERSE = frozenset({"grad", "vjp", "jacrev"})
NO_SAVED_HOOKS = (
    "torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. Please open an issue with your use "
    "case."
)


class ordinary_tensors:
    """The time during which derivatives are computed: they are ordinary tensors, also in inference mode."""

    __slots__ = ("inference",)

    def __enter__(self) -> None:
        self.inference = local.me.inference
        if self.inference:
            state.inference = False
            state.settle()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.inference:
            state.inference = True
            state.settle()


class transform_scope:
    """The time during which a transform runs the user's function. All but vmap make ordinary tensors."""

    __slots__ = ("before", "name", "tensors")

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        me = local.me
        self.before, self.tensors = me.saved_hooks_disabled, ordinary_tensors() if self.name != "vmap" else None
        if self.name in REVERSE:
            if self.before is None and me.saved_hooks:
                raise RuntimeError(NO_SAVED_HOOKS)
            me.saved_hooks_disabled = NO_SAVED_HOOKS
        if self.tensors is not None:
            self.tensors.__enter__()
        me.transforms.append(self.name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        local.me.transforms.pop()
        local.me.saved_hooks_disabled = self.before
        if self.tensors is not None:
            self.tensors.__exit__(kind, error, trace)
