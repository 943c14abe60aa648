"""A graph of 10^5 nodes with hooks, Functions and saved-tensor hooks in it: its memory returns without the collector."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

import refgrad as torch

NODES = 100_000
BLOCK = 10


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g + x * 0 + y * 0


def block(y: Any) -> Any:
    """Ten nodes: two of a Function, four whose saved values pass through hooks, four with hooks of every kind."""
    y = Doubled.apply(Doubled.apply(y)) * 0.25
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (t.detach(),), lambda kept: kept[0]):
        y = y.sin().tanh().cos().sin()
    y = y.sin()
    y.register_hook(lambda g: g * 1)
    y.retain_grad()
    y = y.neg()
    y.grad_fn.register_prehook(lambda grads: None)
    y.grad_fn.register_hook(lambda results, grads: None)
    y.grad_fn.metadata["note"] = [0]
    return y.cos()


def chain(blocks: int) -> Any:
    y = torch.full((1,), 0.5, requires_grad=True)
    for _ in range(blocks):
        y = block(y)
    return y


@pytest.mark.parametrize("run", [False, True], ids=["dropped", "run"])
def test_memory_returns(run: bool) -> None:
    chain(20)
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        y = chain(NODES // BLOCK)
        held = sys.getallocatedblocks() - before
        if run:
            y.backward()
        del y
        left = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert held > 5 * NODES
    # The interpreter itself keeps up to 2000 freed tuples of each size.
    assert left < NODES / 10
