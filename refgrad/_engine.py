"""Backward: runs the graph from roots to leaves, each node once, after all its consumers.

Dependencies are counted, and among the ready nodes the youngest runs first (AccumulateGrad as soon as it is ready), as
PyTorch does (notes/autograd). Nothing recurses, so a chain of a million nodes runs. Cotangents are ndarrays unless
the backward is itself recorded (create_graph): then they are Tensors, and rules run LIVE.
Trap: a hook may call backward again; every call has its own task.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._accumulate import Owners, fit
from ._graph import AccumulateGrad, CallableNode, Node
from ._hooks import run_post_hooks, run_pre_hooks, run_tensor_hooks
from ._interpreters import LIVE
from ._modes import LEVELS, local
from ._ready import ReadyHeap
from ._tensor import Tensor, resolved

Edge = tuple[Node, int]
_numbers = itertools.count()
ndarray = np.ndarray


class Task:
    """One backward call: what is still to come, what has arrived, and what is asked for."""

    __slots__ = (
        "__weakref__",
        "anomaly",
        "arrived",
        "asked",
        "callbacks",
        "captures",
        "keep",
        "live",
        "lone",
        "needed",
        "number",
        "owners",
        "ready",
        "results",
        "running",
        "waiting",
    )

    def __init__(self, live: bool, keep: bool, owners: Owners) -> None:
        self.live, self.keep, self.owners = live, keep, owners
        self.anomaly = local.me.anomaly
        # The edges of the node for which another one, that it keeps, computes.
        self.asked: Sequence[Any] | None = None
        self.arrived: dict[Node, list[Any]] = {}
        self.waiting: dict[Node, int] = {}
        self.ready = ReadyHeap()
        self.needed: set[Node] | None = None
        self.captures: dict[Node, list[tuple[int, int]]] = {}
        self.results: dict[int, Any] = {}
        self.callbacks: list[Callable[[], Any]] = []
        self.running: Node | None = None
        self.lone: Node | None = None
        self.number = next(_numbers)

    def will_reach(self, node: Node) -> bool:
        """Whether the task computes the node's cotangent."""
        if self.needed is None:
            return node in self.waiting
        return node in self.needed or node in self.captures

    def leads_on(self, edges: Sequence[Any]) -> bool:
        """Whether the cotangent that goes along one of the edges is asked for."""
        return any(edge is not None and self.will_reach(edge[0]) for edge in edges)

    def counts(self, node: Node) -> bool:
        """What PyTorch answers when asked whether it will run the node: no, of a root that is alone and so is never
        put in line behind others."""
        return node is not self.lone and node in self.waiting and self.will_reach(node)

    def check_countable(self, node: Node) -> None:
        """Raises RuntimeError for a leaf that `grad` asks for: PyTorch can't tell whether it will be reached."""
        if type(node) is AccumulateGrad and node in self.captures and self.counts(node):
            raise RuntimeError(
                "A leaf node was passed to _will_engine_execute_node but we are currently running autograd.grad(). "
                "This is currently not supported."
            )

    def capture(self, node: Node, slots: list[Any]) -> None:
        """Keeps the cotangents that `grad` asked for."""
        for nr, position in self.captures[node]:
            self.results[position] = slots[nr]


def execute(
    roots: Sequence[Edge],
    seeds: Sequence[Tensor],
    keep: bool,
    create_graph: bool,
    inputs: Sequence[Edge] | None = None,
    capture: bool = False,
    owners: Owners | None = None,
) -> dict[int, Any]:
    """Runs a backward. With `capture`, returns {position in inputs: its cotangent} instead of accumulating there; with
    `inputs` alone, only what leads to them is run."""
    # Formulas run on dual tensors while a forward level runs: a gradient then has a tangent.
    live, me = create_graph or bool(LEVELS), local.me
    task = Task(live, keep, owners or Owners(seeds))
    roots = [(e[0], e[1]) for e in roots]  # an edge of the user's may be a GradientEdge, of three
    task.waiting = count_dependencies([node for node, _ in roots])
    if inputs is not None:
        _aim(task, roots, inputs, capture)
    if len(roots) == 1 and roots[0][0] not in task.waiting:
        task.lone = roots[0][0]
    for node, _ in roots:
        task.waiting.setdefault(node, 0)
    for (node, nr), seed in zip(roots, seeds):
        _arrive(task, node, nr, seed if live else resolved(seed))
    for node in dict.fromkeys(node for node, _ in roots):
        # One root always has its turn, several only where they lead to an input: PyTorch puts a node before those.
        if not task.waiting[node] and (len(roots) == 1 or task.will_reach(node)):
            task.ready.push(node)
    grad, me.grad = me.grad, create_graph
    me.executing.append(task)
    try:
        _run(task)
        while task.callbacks:
            task.callbacks.pop(0)()
    finally:
        me.executing.pop()
        me.grad = grad
    return task.results


def count_dependencies(roots: Sequence[Node]) -> dict[Node, int]:
    """How many edges lead into each node that is reachable from the roots."""
    waiting: dict[Node, int] = {}
    stack = list(dict.fromkeys(roots))
    seen = set(stack)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None:
                node = edge[0]
                if node in waiting:
                    waiting[node] += 1
                else:
                    waiting[node] = 1
                    if node not in seen:
                        stack.append(node)
    return waiting


def _aim(task: Task, roots: Sequence[Edge], inputs: Sequence[Edge], capture: bool) -> None:
    """Restricts the task to the nodes from which an input can be reached; with `capture` the inputs' own nodes run
    only if a further input lies behind them."""
    targets = {node for node, _ in inputs}
    if capture:
        for position, (node, nr) in enumerate(inputs):
            task.captures.setdefault(node, []).append((nr, position))
    consumers: dict[Node, list[Node]] = {}
    order = dict.fromkeys([node for node, _ in roots] + list(task.waiting))
    for node in order:
        for edge in node.edges:
            if edge is not None:
                consumers.setdefault(edge[0], []).append(node)
    needed: set[Node] = set() if capture else {n for n in targets if n in order}
    stack = [n for n in targets if n in order]
    while stack:
        for consumer in consumers.get(stack.pop(), ()):
            if consumer not in needed:
                needed.add(consumer)
                stack.append(consumer)
    task.needed = needed


def _arrive(task: Task, node: Node, nr: int, g: Any) -> None:
    """Adds a cotangent to what has arrived at an output of a node. Never writes into a buffer that it does not own."""
    slots = task.arrived.get(node)
    if slots is None:
        task.arrived[node] = slots = [None] * (1 if node.metas is None else len(node.metas))
    before = slots[nr]
    if before is None:
        slots[nr] = g
    elif task.live:
        slots[nr] = LIVE.add(before, g)
    else:
        slots[nr] = local.me.run(np.add, before, g)


def _run(task: Task) -> None:
    """Runs the task; under anomaly mode an error is preceded by the place of the forward call."""
    if task.anomaly is None:
        # A rule may ask which of its node's inputs the task leads to.
        _loop(task, task.needed is not None)
        return
    try:
        _loop(task, True)
    except Exception:
        if task.running is not None and local.me.anomaly is not None:
            local.me.anomaly.explain(task.running)
        raise


def _loop(task: Task, is_traced: bool) -> None:
    """Takes the youngest ready node, runs it, sends its results on. A node that alone is ready waits outside the heap,
    so that a chain never touches it."""
    waiting, needed, arrived, live = task.waiting, task.needed, task.arrived, task.live
    ready, captures, is_plain = task.ready, task.captures, task.anomaly is None
    nodes = ready.nodes
    following: Node | None = None
    while True:
        if following is not None:
            node, following = following, None
        elif nodes:
            node = ready.pop()
        else:
            break
        if is_traced:
            task.running = node
        slots = arrived.pop(node, None)
        if slots is None:
            slots = [None] * (1 if node.metas is None else len(node.metas))
        if needed is not None and node not in needed:
            # A node that does not run gives its cotangents as its hooks leave them, one that runs as they arrive.
            slots = run_tensor_hooks(node, slots, live)
            if node in captures:
                task.capture(node, slots)
            continue
        if captures and node in captures:
            task.capture(node, slots)
        edges = node.edges
        if is_plain and edges and node.hooks is None:
            results = node.apply(slots, live)
            if not task.keep and node.saved:
                node.release()
        else:
            # What arrived is the leaf's to keep if nothing else refers to it.
            results = g = None
            results = _step(task, node, slots)
        if len(results) != len(edges):
            _wrong_count(node, results)
        for edge, g in zip(edges, results):
            if edge is None:
                continue
            follower, nr = edge
            if needed is not None and follower not in needed and follower not in captures:
                if g is not None and not isinstance(node, CallableNode):
                    # What a Function returns is looked at also where nobody waits for it.
                    (_fit_live if live else _fit_raw)(g, follower, nr, node, results)
                continue
            if g is not None:
                if live:
                    g = _fit_live(g, follower, nr, node, results)
                elif (
                    type(g) is not ndarray
                    or follower.metas is not None
                    or g.shape != follower.shape
                    or g.dtype is not follower.dtype
                ):
                    g = _fit_raw(g, follower, nr, node, results)
                if follower.metas is None and follower not in arrived:
                    arrived[follower] = [g]
                else:
                    _arrive(task, follower, nr, g)
            left = waiting[follower] = waiting[follower] - 1
            if not left:
                if following is not None:
                    ready.push(following)
                    ready.push(follower)
                    following = None
                elif nodes:
                    ready.push(follower)
                else:
                    following = follower


def _place(results: Sequence[Any], g: Any) -> int:
    """Which input a cotangent is for, for the words of an error."""
    return next(k for k, found in enumerate(results) if found is g)


def _fit_raw(g: Any, follower: Node, nr: int, node: Node, results: Sequence[Any]) -> np.ndarray:
    """An array cotangent, one of a node's results, in the shape and dtype of the output that it goes to."""
    shape, dtype = (follower.shape, follower.dtype) if follower.metas is None else follower.meta(nr)
    array = g if isinstance(g, ndarray) else np.asarray(g)
    if array.shape != shape or (array.dtype is not dtype and dtype is not None):
        return local.me.run(fit, array, shape, dtype, False, node.name(), _place(results, g))
    return array


def _fit_live(g: Tensor, follower: Node, nr: int, node: Node, results: Sequence[Any]) -> Tensor:
    """The same for a recorded cotangent."""
    shape, dtype = follower.meta(nr)
    if g._array.shape != shape or (g._array.dtype != dtype and dtype is not None):
        return fit(g, shape, dtype, True, node.name(), _place(results, g))
    return g


def _step(task: Task, node: Node, slots: list[Any]) -> tuple[Any, ...]:
    """Runs one node with its hooks, and frees what it saved."""
    hooks = node.hooks
    if hooks is not None or type(node) is AccumulateGrad:
        slots = run_tensor_hooks(node, slots, task.live)
    if hooks is not None and hooks.pre:
        slots = run_pre_hooks(node, slots, task.live)
    results = node.apply(slots, task.live)
    if not task.keep and node.saved:
        node.release()
    if task.needed is not None and isinstance(node, CallableNode):
        results = tuple([g if e is None or task.will_reach(e[0]) else None for e, g in zip(node.edges, results)])
    if node.hooks is not None and node.hooks.post:
        results = run_post_hooks(node, slots, _fitted(node, results, task.live), task.live)
    if task.anomaly is not None:
        task.anomaly.check(node, results)
    return results


def _fitted(node: Node, results: tuple[Any, ...], live: bool) -> tuple[Any, ...]:
    """The cotangents as the node's post-hooks see them: in the shapes and dtypes of the inputs."""
    if len(results) != len(node.edges):
        _wrong_count(node, results)
    fit_one = _fit_live if live else _fit_raw
    found = [
        g if g is None or edge is None else fit_one(g, edge[0], edge[1], node, results)
        for edge, g in zip(node.edges, results)
    ]
    return tuple(found)


def _wrong_count(node: Node, results: Sequence[Any]) -> None:
    raise RuntimeError(
        f"function {node.name()} returned an incorrect number of gradients (expected {len(node.edges)}, "
        f"got {len(results)})"
    )
