"""A program drawn as a graph: one box a step, values flowing down, the step that differs marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .untrusted import Record, clean, entries, listed, text, texts

MAX_STEPS = 48
BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 38, 18, 34, 14
_VIEW_NAMES = """
view view_as expand expand_as transpose swapaxes swapdims t T mT permute movedim moveaxis select narrow squeeze
unsqueeze diagonal as_strided split chunk unbind tensor_split detach real imag conj unfold flatten unflatten getitem
view_as_real view_as_complex adjoint
"""
VIEWS = frozenset(_VIEW_NAMES.split())
_BARRIERS = frozenset({"backward", "grad", "flag", "set_grad", "drop", "remove_hook"})
_READS = frozenset({"grad_of", "observe"})
_HOOKS = frozenset({"hook", "remove_hook", "retain_grad"})


@dataclass(slots=True)
class Box:
    """One step: where it stands and what is written in it."""

    index: int
    kind: str
    label: str
    detail: str
    refs: tuple[int, ...]
    differs: bool
    layer: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        longest = max(len(self.label) + len(str(self.index)) + 2, len(self.detail) * 0.86)
        return max(64.0, longest * 7.3 + 22)

    @property
    def height(self) -> int:
        return BOX_HEIGHT

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Edge:
    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and edges with coordinates, and the same in words."""

    boxes: list[Box]
    edges: list[Edge]
    width: float
    height: float
    caption: str


def draw(program: object, differing: int | None) -> Drawing | None:
    """The drawing of a Program's JSON; None where it is no program, or too large to be read as a picture."""
    steps = program_steps(program)
    if not steps or len(steps) > MAX_STEPS:
        return None
    boxes = [_box(index, step, index == differing) for index, step in enumerate(steps)]
    dotted = _layer(boxes, steps)
    width = _place(boxes)
    edges = [_edge(boxes[ref], box, box.kind) for box in boxes for ref in box.refs]
    edges += [_edge(boxes[first], boxes[then], "order") for first, then in dotted]
    height = max(box.y for box in boxes) + BOX_HEIGHT + MARGIN
    return Drawing(boxes, edges, width, height, _caption(boxes))


def program_steps(program: object) -> list[Record]:
    """The steps of a Program's JSON, the empty list where it is none."""
    return [step for step in map(entries, listed(entries(program).get("steps"))) if step]


def _box(index: int, step: Record, differs: bool) -> Box:
    name = text(step, "step", "?")
    label, kind = name.replace("_", " "), name
    if name == "call":
        label = text(step, "op", "?")
        inplace = text(step, "form") == "inplace"
        kind = "inplace" if inplace else "view" if label.split(".")[0] in VIEWS else "call"
        label += "_" if inplace else ""
    elif name in _HOOKS:
        kind = "hook"
    elif name in _BARRIERS or name in _READS:
        kind = "engine"
    elif name == "transform":
        label = text(step, "kind", name)
    refs = tuple(dict.fromkeys(ref for ref in _refs(step) if ref < index))
    return Box(index, kind, clean(label, 28), clean(_detail(name, step), 40), refs, differs)


def _detail(name: str, step: Record) -> str:
    if name == "leaf":
        shape = "×".join(texts(step, "shape")) or "0-d"
        parts = [text(step, "dtype"), shape, "needs grad" if step.get("requires_grad") is True else ""]
    elif name == "call":
        parts = [f"{key} {value}" for key, value in _attrs(step)] + list(_literals(step))
    elif name == "hook":
        parts = [text(step, "kind").replace("_", " "), text(step, "action")]
    else:
        parts = ["create graph" if step.get("create_graph") is True else "", text(step, "flag"), text(step, "index")]
    return " · ".join(part for part in [*parts, *texts(step, "modes")] if part)


def _attrs(step: Record) -> Iterator[tuple[str, str]]:
    for pair in map(listed, listed(step.get("attrs"))):
        if len(pair) == 2:
            yield str(pair[0]), spell(pair[1])


def _literals(step: Record) -> Iterator[str]:
    for value in listed(step.get("args")):
        if value is not None and not list(_refs(value)):
            yield spell(value)


def spell(value: object) -> str:
    """An argument of a Program as a person writes it."""
    items, record = listed(value), entries(value)
    if isinstance(value, list):
        return "(" + ", ".join(map(spell, items)) + ")"
    if not isinstance(value, dict):
        return str(value)
    if "float" in record:
        return _spell_float(text(record, "float"))
    if "slice" in record:
        return ":".join("" if part is None else str(part) for part in listed(record["slice"]))
    if "ref" in record:
        return f"%{text(record, 'ref')}"
    return text(record, "dtype") or ("…" if "ellipsis" in record else "{…}")


def _spell_float(body: str) -> str:
    try:
        return f"{float.fromhex(body):g}"
    except (ValueError, OverflowError):
        return body


def _refs(value: object) -> Iterator[int]:
    record = entries(value)
    ref = record.get("ref")
    if isinstance(ref, int) and ref >= 0:
        yield ref
    elif "region" not in record:
        for item in [*record.values(), *listed(value)]:
            yield from _refs(item)


def _layer(boxes: list[Box], steps: list[Record]) -> list[tuple[int, int]]:
    """Gives each box its layer. Returns pairs (first, then) where order matters though no value flows."""
    barrier: Box | None = None
    dotted: list[tuple[int, int]] = []
    for box, step in zip(boxes, steps, strict=True):
        box.layer = 1 + max((boxes[ref].layer for ref in box.refs), default=-1)
        name = text(step, "step")
        ordered = box.kind in ("inplace", "engine", "hook") or name in _READS
        if barrier and ordered and barrier.index not in box.refs:
            box.layer = max(box.layer, barrier.layer + 1)
            dotted.append((barrier.index, box.index))
        elif barrier and set(box.refs) & set(barrier.refs):
            box.layer = max(box.layer, barrier.layer + 1)
        if box.kind == "inplace" or name in _BARRIERS:
            barrier = box
    return dotted


def _place(boxes: list[Box]) -> float:
    """Sets x and y layer by layer, each box near those it uses; returns the width of the drawing."""
    layers: dict[int, list[Box]] = {}
    for box in boxes:
        layers.setdefault(box.layer, []).append(box)
    widths = {n: sum(box.width for box in row) + GAP_X * (len(row) - 1) for n, row in layers.items()}
    widest = max(widths.values())
    for number, row in sorted(layers.items()):
        row.sort(key=lambda box: (sum(boxes[ref].middle for ref in box.refs) / max(1, len(box.refs)), box.index))
        x = MARGIN + (widest - widths[number]) / 2
        for box in row:
            box.x, box.y = x, MARGIN + number * (BOX_HEIGHT + GAP_Y)
            x += box.width + GAP_X
    return widest + 2 * MARGIN


def _edge(start: Box, stop: Box, kind: str) -> Edge:
    x1, y1, x2, y2 = start.middle, start.y + BOX_HEIGHT, stop.middle, stop.y - 3
    # An edge that jumps over a layer bows aside, or it would run through the boxes between.
    span = stop.layer - start.layer
    bow = 0.0 if span <= 1 else (1 if x2 >= x1 else -1) * (start.width / 2 + 10)
    bend = max(14.0, (y2 - y1) * 0.5)
    path = f"M{x1:.1f},{y1:.1f} C{x1 + bow:.1f},{y1 + bend:.1f} {x2 + bow:.1f},{y2 - bend:.1f} {x2:.1f},{y2:.1f}"
    return Edge(path, "order" if kind == "order" else "flow")


def _caption(boxes: list[Box]) -> str:
    words = (f"{box.index} {box.label} of {', '.join(map(str, box.refs)) or 'nothing'}" for box in boxes)
    return "; ".join(words)
