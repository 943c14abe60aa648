"""The modes that a step runs under, by name: gradient modes, anomaly mode, saved-tensor hooks, another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

from ..programs.trace import HookCall
from .aspects import tensor_facts

if TYPE_CHECKING:
    from .run import Run

REFUSAL = "no saved tensor hooks here"


def within(run: Run, names: tuple[str, ...], action: Callable[[], Any]) -> Any:
    """What the action returns under the modes; those named after ``thread`` hold in a new thread, with the action."""
    outer, thread, inner = _split(names)
    with ExitStack() as stack:
        for name in outer:
            stack.enter_context(_mode(run, name))
        if thread:
            return _in_thread(lambda: within(run, inner, action))
        run.thread = threading.get_ident()
        return action()


def _split(names: tuple[str, ...]) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    if "thread" not in names:
        return names, False, ()
    place = names.index("thread")
    return names[:place], True, names[place + 1 :]


def _in_thread(action: Callable[[], Any]) -> Any:
    """Runs the action in a new thread and waits; what it raises is raised here."""
    returned: list[Any] = []
    raised: list[Exception] = []

    def body() -> None:
        try:
            returned.append(action())
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return returned[0]


def _mode(run: Run, name: str) -> Any:
    kind, _, rest = name.partition(":")
    if kind in ("left", "broken"):
        _enter_and_leave(_mode(run, rest), kind == "broken")
        return nullcontext()
    graph = run.ns.autograd.graph
    if kind == "saved_hooks":
        return graph.saved_tensors_hooks(*saved_hooks(run, rest))
    if kind == "saved_hooks_disabled":
        return graph.disable_saved_tensors_hooks(REFUSAL)
    if kind == "save_on_cpu":
        return graph.save_on_cpu()
    if kind == "seed":
        run.engine.seed(int(rest))
        return nullcontext()
    if kind == "detect_anomaly":
        return run.ns.autograd.detect_anomaly(check_nan=rest != "False")
    return getattr(run.ns, kind)(rest == "True") if rest else getattr(run.ns, kind)()


def _enter_and_leave(mode: Any, is_broken: bool) -> None:
    try:
        with mode:
            if is_broken:
                raise LookupError
    except LookupError:
        pass


def saved_hooks(run: Run, name: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Pack and unpack hooks by name; ``count``, ``facts``, ``outer``, ``mode`` and ``wrapped`` log each call."""
    prefix = "outer " if name == "outer" else ""
    step = len(run.values)
    packed, unpacked = PACKED.get(name, _same), UNPACKED.get(name, _same)

    def log(tag: str, x: Any) -> None:
        if name in LOGGED:
            extra = (run.ns.is_grad_enabled(),) if name == "mode" else ()
            seen = tensor_facts(run, x) if name == "facts" else (run.engine.see(x), *extra)
            run.trace.hooks.append(HookCall(prefix + tag, seen, step))

    def pack(x: Any) -> Any:
        log("pack", x)
        return packed(x)

    def unpack(x: Any) -> Any:
        log("unpack", x)
        return unpacked(x)

    return pack, unpack


def _same(x: Any) -> Any:
    return x


def _refuse(x: Any) -> Any:
    raise RuntimeError("raised while packing")


def _doubled_rows(x: Any) -> Any:
    return x.reshape(-1).repeat(2)


LOGGED = frozenset({"count", "outer", "mode", "wrapped", "facts"})
PACKED: dict[str, Callable[[Any], Any]] = {
    "raise_pack": _refuse,
    "copy": lambda x: x.clone(),
    "detach": lambda x: x.detach(),
    "wrapped": lambda x: ("kept", x.detach()),
    "write": lambda x: x.mul_(2),
}
UNPACKED: dict[str, Callable[[Any], Any]] = {
    "wrapped": lambda kept: kept[1],
    "double": lambda x: x * 2,
    "unsqueeze": lambda x: x.unsqueeze(0),
    "grow": _doubled_rows,
    "number": lambda x: 1,
}
