"""Ratios between engines from rounds that alternate, so that they hold on a noisy machine.

    python -m benchmarks.ratios            # the table of bars
    python -m benchmarks.ratios --deep     # the chain of a million nodes too (a minute)
    python -m benchmarks.ratios --cpu      # the process's CPU time, for a machine that others use

Each round times one step of each side, in turn; the figure is the median of the rounds' ratios. One thread.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import workloads

Step = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: the first side's time is at most `limit` times the second's."""

    name: str
    limit: float
    sides: Callable[[Any, Any], tuple[Step, Step]]
    rounds: int


BARS = (
    Bar("chain of 60, 1 element, against PyTorch", 0.9, lambda r, t: _both(workloads.chain, r, t, 1), 300),
    Bar("chain of 60, 100 elements, against PyTorch", 0.9, lambda r, t: _both(workloads.chain, r, t, 100), 300),
    Bar(
        "chain of 60, 10^6 elements, against NumPy by hand",
        1.25,
        lambda r, t: (workloads.chain(r, 10**6), workloads.numpy_chain(10**6)),
        7,
    ),
    Bar("60 nodes with hooks, against PyTorch", 1.5, lambda r, t: _both(workloads.hooked, r, t), 100),
    Bar("60 custom Functions, against PyTorch", 1.5, lambda r, t: _both(workloads.functions, r, t), 100),
    Bar("90 nodes under saved-tensor hooks, against PyTorch", 1.5, lambda r, t: _both(workloads.packed, r, t), 100),
)


def _both(make: Callable[..., Step], a: Any, b: Any, *args: Any) -> tuple[Step, Step]:
    return make(a, *args), make(b, *args)


def ratio(a: Step, b: Step, rounds: int, clock: Callable[[], float] = time.perf_counter) -> tuple[float, float, float]:
    """The median ratio of paired rounds, and the median seconds of each side."""
    a(), b()
    first, second = [], []
    for _ in range(rounds):
        first.append(seconds(a, clock))
        second.append(seconds(b, clock))
    return statistics.median(x / y for x, y in zip(first, second)), statistics.median(first), statistics.median(second)


def seconds(step: Step, clock: Callable[[], float] = time.perf_counter) -> float:
    """One step's time by a clock: the wall's, or the process's own."""
    start = clock()
    step()
    return clock() - start


@dataclass(frozen=True, slots=True)
class Depth:
    """What a chain of nodes cost: seconds a node forward, backward and to free, bytes a node, bytes left after."""

    nodes: int
    forward: float
    backward: float
    free: float
    size: float
    left: float

    @property
    def total(self) -> float:
        return self.forward + self.backward + self.free


def resident() -> int:
    """Resident memory in bytes."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


def descend(torch: Any, nodes: int, run: bool) -> Depth:
    """Builds a chain of nodes, runs it backward or not, and drops it, with the collector off."""
    gc.collect()
    gc.disable()
    x = torch.full((1,), 0.5, requires_grad=True)
    sin, before = torch.sin, resident()
    t0 = time.perf_counter()
    y = x
    for _ in range(nodes):
        y = sin(y)
    t1, held = time.perf_counter(), resident() - before
    if run:
        y.backward()
    t2 = time.perf_counter()
    del y
    t3 = time.perf_counter()
    gc.enable()
    return Depth(nodes, (t1 - t0) / nodes, (t2 - t1) / nodes, (t3 - t2) / nodes, held / nodes, resident() - before)


def print_depth(refgrad: Any, torch: Any) -> None:
    """The chain of a million nodes, run and unrun, beside a short one and PyTorch's."""
    short = descend(refgrad, 10_000, True)
    for name, engine in (("refgrad", refgrad), ("torch", torch)):
        for run in (True, False):
            d = descend(engine, 1_000_000, run)
            print(
                f"{name:8} 10^6 nodes {'run' if run else 'unrun':5}: {d.total * 1e6:.2f} µs a node "
                f"(forward {d.forward * 1e6:.2f}, backward {d.backward * 1e6:.2f}, free {d.free * 1e6:.2f}), "
                f"{d.size:.0f} bytes a node, {d.left / 1e6:.0f} MB left"
            )
    print(f"refgrad  10^4 nodes run  : {short.total * 1e6:.2f} µs a node")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deep", action="store_true", help="also the chain of a million nodes")
    parser.add_argument("--cpu", action="store_true", help="the process's CPU time instead of wall time")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    refgrad, torch = importlib.import_module("refgrad"), importlib.import_module("torch")
    torch.set_num_threads(1)
    missed = 0
    for bar in BARS:
        found, mine, theirs = ratio(*bar.sides(refgrad, torch), bar.rounds, clock)
        missed += found > bar.limit
        verdict = "holds" if found <= bar.limit else "MISSED"
        print(f"{bar.name}: {found:.2f} (bar {bar.limit}) {verdict}; {mine * 1e6:.0f} µs and {theirs * 1e6:.0f} µs")
    if options.deep:
        print_depth(refgrad, torch)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
