"""Faults of anomaly mode and of passes in several threads."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from .fault import Fault
from .planting import Planted, part, replaced

ANOMALY, THREADS = "anomaly", "threads"
EXECUTE = ("autograd.backward", "execute")
TRACE = "ForwardTrace"


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda sound: lambda *args, **options: value


def _always_checked(sound: Any) -> Any:
    def check(self: Any, node: Any, results: Any) -> None:
        kept, self.check_nan = self.check_nan, True
        try:
            sound(self, node, results)
        finally:
            self.check_nan = kept

    return check


def _checked_without_mode(sound: Any) -> Any:
    def apply(self: Any, cotangents: Any, live: bool) -> Any:
        results = sound(self, cotangents, live)
        part("autograd.anomaly_mode").ForwardTrace(True).check(self, results)
        return results

    return apply


def _silent(sound: Any) -> Any:
    def init(self: Any, check_nan: bool = True) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sound(self, check_nan)

    return init


def _own_thread(sound: Any) -> Any:
    """Anomaly mode holds for the thread that sets it."""

    def set_anomaly(record: Any) -> None:
        modes = part("_modes")
        sound(record)
        modes._every["anomaly"] = None

    return set_anomaly


def _same_hint(sound: Any) -> Any:
    return lambda *args: sound(*args[:-1], False)


def _elsewhere(sound: Any) -> Any:
    """A pass runs on a thread of its own."""

    def execute(*args: Any, **options: Any) -> Any:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(sound(*args, **options)))
        thread.start()
        thread.join()
        if not found:
            raise RuntimeError("the pass failed")
        return found[0]

    return execute


def _lost(sound: Any) -> Any:
    """Cotangents are lost while another thread is busy."""
    return lambda *args: None if threading.active_count() > 2 else sound(*args)


def _own_graphs_only(sound: Any) -> Any:
    """A graph is differentiated by the main thread only."""

    def execute(*args: Any, **options: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("this graph belongs to another thread")
        return sound(*args, **options)

    return execute


ENTRIES: tuple[tuple[str, str, str, Callable[[], Planted], tuple[str, ...]], ...] = (
    ("nan_unseen", "anomaly mode sees no NaN", ANOMALY,
     replaced("autograd.anomaly_mode", f"{TRACE}.check", _always(None)),
     ("anomaly.nan-raises", "anomaly.function-form", "anomaly.forward-traceback-warning")),
    ("nan_always", "anomaly mode looks for NaN also when it should not", ANOMALY,
     replaced("autograd.anomaly_mode", f"{TRACE}.check", _always_checked), ("anomaly.check-nan-false",)),
    ("nan_without_mode", "NaN is an error without anomaly mode", ANOMALY,
     replaced("_record", "RowNode.apply", _checked_without_mode), ("anomaly.off-by-default-nan-silent",)),
    ("unexplained", "anomaly mode shows no traceback", ANOMALY,
     replaced("autograd.anomaly_mode", f"{TRACE}.explain", _always(None)),
     ("anomaly.forward-traceback-warning", "anomaly.nan-raises")),
    ("entered_silently", "detect_anomaly doesn't warn", ANOMALY,
     replaced("autograd.anomaly_mode", "detect_anomaly.__init__", _silent), ("anomaly.enter-warns",)),
    ("anomaly_by_thread", "anomaly mode is each thread's own", ANOMALY,
     replaced("autograd.anomaly_mode", "set_anomaly", _own_thread), ("anomaly.global-not-thread-local",)),
    ("unnoted", "anomaly mode keeps no traceback", ANOMALY,
     replaced("autograd.anomaly_mode", f"{TRACE}.note", _always(None)), ("anomaly.metadata-traceback",)),
    ("same_hint", "the error of a written value always hints at anomaly mode", ANOMALY,
     replaced("_errors", "modified_inplace", _same_hint), ("anomaly.inplace-hint",)),
    ("pass_elsewhere", "a pass runs on a thread of its own", THREADS, replaced(*EXECUTE, _elsewhere),
     ("threads.cpu-backward-on-calling-thread", "threads.multithreading-switch")),
    ("accumulation_lost", "accumulation isn't safe beside another thread", THREADS,
     replaced("_accumulate", "accumulate", _lost),
     ("threads.accumulate-same-leaf-locked", "threads.concurrent-independent-backward")),
    ("pass_not_reentrant", "passes of several threads disturb each other", THREADS, replaced("_engine", "_arrive", _lost),
     ("threads.grad-safe-on-shared-leaf", "threads.concurrent-independent-backward")),
    ("main_thread_only", "only the main thread may differentiate", THREADS, replaced(*EXECUTE, _own_graphs_only),
     ("threads.graph-crosses-threads", "threads.shared-graph-needs-retain")),
)  # fmt: skip
FAULTS = tuple(Fault(id, title, kind, plant, expects) for id, title, kind, plant, expects in ENTRIES)
