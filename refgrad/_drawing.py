"""A tensor in a notebook: its text, and below it the graph that made it, as SVG. What a leaf holds points upward.

The graph is drawn in layers: a node stands below all nodes that it passes cotangents to.
"""

from __future__ import annotations

from html import escape
from typing import Any

from ._tensor import Tensor

MOST_NODES = 60
HEIGHT, GAP_X, GAP_Y, LETTER = 28, 16, 30, 7.4
_STYLE = (
    "rect{fill:Canvas;stroke:currentColor;stroke-opacity:.6}.leaf rect{stroke:#0072b2;stroke-width:2}"
    "path{fill:none;stroke:currentColor;stroke-opacity:.5}text{font:12px monospace;fill:currentColor;text-anchor:middle}"
)


def tensor_html(t: Tensor) -> str:
    """The text of a tensor, with its graph where it has one of at most MOST_NODES nodes."""
    text = f"<pre>{escape(repr(t))}</pre>"
    if t.grad_fn is None:
        return text
    nodes = _reached(t.grad_fn)
    if len(nodes) > MOST_NODES:
        return f"{text}<p>a graph of more than {MOST_NODES} nodes</p>"
    return text + _svg(nodes)


def _reached(root: Any) -> list[Any]:
    """The nodes behind a root, breadth first; a few more than MOST_NODES at most."""
    nodes, seen = [root], {id(root)}
    for node in nodes:
        for following, _ in node.next_functions:
            if following is not None and id(following) not in seen and len(nodes) <= MOST_NODES:
                seen.add(id(following))
                nodes.append(following)
    return nodes


def _layers(nodes: list[Any]) -> dict[int, int]:
    """The layer of each node by id: the longest way from the root. Nodes are few, so relaxing is quick enough."""
    layer = {id(node): 0 for node in nodes}
    changed = True
    while changed:
        changed = False
        for node in nodes:
            for following, _ in node.next_functions:
                if following is not None and layer[id(following)] <= layer[id(node)]:
                    layer[id(following)] = layer[id(node)] + 1
                    changed = True
    return layer


def _svg(nodes: list[Any]) -> str:
    layer, rows = _layers(nodes), {}
    for node in nodes:
        rows.setdefault(layer[id(node)], []).append(node)
    labels = {id(node): _label(node) for node in nodes}
    widths = {key: len(label) * LETTER + 18 for key, label in labels.items()}
    spans = {row: sum(widths[id(n)] for n in some) + GAP_X * (len(some) - 1) for row, some in rows.items()}
    width, places = max(spans.values()) + 2 * GAP_X, {}
    for row, some in rows.items():
        x = (width - spans[row]) / 2
        for node in some:
            places[id(node)] = (x, GAP_Y / 2 + row * (HEIGHT + GAP_Y))
            x += widths[id(node)] + GAP_X
    edges = [
        _edge(places[id(node)], widths[id(node)], places[id(following)], widths[id(following)])
        for node in nodes
        for following, _ in node.next_functions
        if following is not None
    ]
    boxes = [_box(places[id(node)], widths[id(node)], labels[id(node)], hasattr(node, "variable")) for node in nodes]
    height = len(rows) * (HEIGHT + GAP_Y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="the graph of {len(nodes)} nodes"><style>{_STYLE}</style>{"".join(edges)}{"".join(boxes)}</svg>'
    )


def _label(node: Any) -> str:
    """The node's name; of a leaf, its shape too."""
    leaf = getattr(node, "variable", None)
    return node.name() if leaf is None else f"leaf {tuple(leaf.shape)}"


def _edge(start: tuple[float, float], width: float, stop: tuple[float, float], other: float) -> str:
    (x, y), (u, v) = (start[0] + width / 2, start[1] + HEIGHT), (stop[0] + other / 2, stop[1])
    return f'<path d="M{x:.1f},{y:.1f} C{x:.1f},{y + 16:.1f} {u:.1f},{v - 16:.1f} {u:.1f},{v:.1f}"/>'


def _box(place: tuple[float, float], width: float, label: str, is_leaf: bool) -> str:
    x, y = place
    return (
        f'<g class="{"leaf" if is_leaf else "node"}"><rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{HEIGHT}" rx="6"/><text x="{x + width / 2:.1f}" y="{y + 18:.1f}">{escape(label)}</text></g>'
    )


Tensor._repr_html_ = tensor_html  # type: ignore[attr-defined]
