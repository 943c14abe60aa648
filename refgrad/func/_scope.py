"""The transforms that are running in this thread, outermost first: backward() inside one is refused."""

from __future__ import annotations

from types import TracebackType

from .._modes import state


class transform_scope:
    """The time during which a transform runs the user's function."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        state.transforms.append(self.name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.transforms.pop()
