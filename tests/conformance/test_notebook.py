"""A Program and a Divergence show themselves in a notebook."""

from __future__ import annotations

import xml.etree.ElementTree as xml

from conformance.drawing.build import Builder
from conformance.drawing.source import Stream
from conformance.judging.compare import Divergence
from conformance.programs.program import Program


def drawn_program(length: int) -> Program:
    b = Builder(Stream(3), "float64")
    y = b.leaf()
    for _ in range(length):
        y = b.call("sin", y)
    b.backward(y, gradient=b.like(y))
    return b.program()


def test_a_program_is_a_picture_of_its_steps() -> None:
    program = drawn_program(3)
    shown = program._repr_html_()
    svg = xml.fromstring(shown[shown.index("<svg") : shown.index("</svg>") + 6])
    assert len(list(svg.iter("rect"))) == len(program.steps)
    assert shown.count("sin") >= 3


def test_a_long_program_says_how_long_it_is() -> None:
    program = drawn_program(80)
    assert f"{len(program.steps)} steps" in program._repr_html_()


def test_what_engines_say_is_escaped() -> None:
    shown = Divergence("value", ("step", 0, ()), "<script>alert(1)</script>", "<b>mine</b>", "theirs")._repr_html_()
    assert "<script>" not in shown and "&lt;b&gt;mine" in shown and "theirs" in shown
