"""The nodes of a backward that are ready to run: the youngest first.

Leaves all count as youngest of all, and which of several equals comes first is seen by hooks. PyTorch leaves that to
the binary heap of the C++ library, so this is that heap: a moved element sinks to the bottom along the larger (at a
tie the right-hand) children and then rises.
"""

from __future__ import annotations

from ._graph import Node


class ReadyHeap:
    """A max-heap of nodes by sequence number."""

    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def push(self, node: Node) -> None:
        self.nodes.append(node)
        if len(self.nodes) > 1:
            self._rise(len(self.nodes) - 1, node)

    def pop(self) -> Node:
        """Removes and returns the first."""
        nodes = self.nodes
        last = nodes.pop()
        if not nodes:
            return last
        first = nodes[0]
        self._sink(last)
        return first

    def _rise(self, place: int, node: Node) -> None:
        nodes, sequence = self.nodes, node.sequence
        while place:
            parent = (place - 1) // 2
            if nodes[parent].sequence >= sequence:
                break
            nodes[place] = nodes[parent]
            place = parent
        nodes[place] = node

    def _sink(self, node: Node) -> None:
        nodes = self.nodes
        count, place = len(nodes), 0
        child = 2
        while child < count:
            if nodes[child].sequence < nodes[child - 1].sequence:
                child -= 1
            nodes[place] = nodes[child]
            place = child
            child = 2 * place + 2
        if child == count:
            nodes[place] = nodes[child - 1]
            place = child - 1
        self._rise(place, node)
