"""A tensor in a notebook: its text and the graph behind it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml

import pytest

import refgrad as torch
from refgrad._drawing import MOST_NODES


def picture(t: torch.Tensor) -> xml.Element:
    return xml.fromstring(re.search(r"<svg.*</svg>", t._repr_html_(), re.S)[0])


def words(drawn: xml.Element) -> list[str]:
    return [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_a_leaf_is_text_only() -> None:
    shown = torch.ones(2)._repr_html_()
    assert shown == "<pre>tensor([1., 1.])</pre>"


def test_a_graph_has_a_box_a_node_and_an_edge_a_function() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    y = x.sin()
    drawn = picture((y * y + x).sum())
    assert sorted(words(drawn)) == ["AddBackward0", "MulBackward0", "SinBackward0", "SumBackward0", "leaf (2, 3)"]
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}path"))) == 6


def test_no_two_boxes_overlap_and_producers_stand_below() -> None:
    x, w = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    drawn = picture(((x * w).exp() - (x + w).sin() * w).prod())
    boxes = [
        [float(r.get(key)) for key in ("x", "y", "width", "height")]
        for r in drawn.iter("{http://www.w3.org/2000/svg}rect")
    ]
    for i, (x0, y0, w0, h0) in enumerate(boxes):
        for x1, y1, w1, h1 in boxes[i + 1 :]:
            assert x0 + w0 <= x1 or x1 + w1 <= x0 or y0 + h0 <= y1 or y1 + h1 <= y0
    for path in drawn.iter("{http://www.w3.org/2000/svg}path"):
        numbers = [float(n) for n in re.findall(r"[\d.]+", path.get("d"))]
        assert numbers[1] < numbers[-1]


@pytest.mark.parametrize("count", [MOST_NODES + 1, 10_000])
def test_a_large_graph_is_said_to_be_large(count: int) -> None:
    y = torch.ones(1, requires_grad=True)
    for _ in range(count):
        y = y + 1
    assert "more than" in y._repr_html_() and "<svg" not in y._repr_html_()
