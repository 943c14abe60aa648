"""A program drawn as a graph: one box a step, values flowing down, the step that differs marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from .untrusted import Record, clean, entries, listed, text, texts

MAX_STEPS = 48
BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 38, 18, 34, 14
_VIEW_NAMES = """
view view_as expand expand_as transpose swapaxes swapdims t T mT permute movedim moveaxis select narrow squeeze
unsqueeze diagonal as_strided split chunk unbind tensor_split detach real imag conj unfold flatten unflatten getitem
view_as_real view_as_complex adjoint
"""
VIEWS = frozenset(_VIEW_NAMES.split())
_BARRIERS = frozenset({"backward", "grad", "flag", "set_grad", "write", "drop", "remove_hook"})
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


@dataclass(slots=True)
class _Bend:
    """The place where an edge passes a layer."""

    layer: int
    x: float = 0.0
    y: float = 0.0
    width: float = 12.0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class _Wire:
    start: Box
    stop: Box
    kind: str
    bends: list[_Bend]


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
    flows = [(ref, box.index, "flow") for box in boxes for ref in box.refs]
    wires = _bends([*flows, *((first, then, "order") for first, then in dotted)], boxes)
    width = _place(boxes, wires)
    edges = [Edge(_path(wire), wire.kind) for wire in wires]
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
    if "complex" in record:
        real, imag = [*map(_spell_float, texts(record, "complex")), "0", "0"][:2]
        return f"{real} + {imag}j"
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
    memory: list[int] = []
    for box, step in zip(boxes, steps, strict=True):
        name = text(step, "step")
        shares = bool(box.refs) and box.kind in ("view", "inplace", "hook")
        memory.append(memory[box.refs[0]] if shares else box.index)
        box.layer = 1 + max((boxes[ref].layer for ref in box.refs), default=-1)
        ordered = box.kind in ("inplace", "engine", "hook") or name in _READS
        # A value that is read after a write into its memory must stand below the write.
        touched = barrier is not None and memory[barrier.index] in {memory[ref] for ref in box.refs}
        if barrier and (ordered or touched):
            box.layer = max(box.layer, barrier.layer + 1)
            if barrier.index not in box.refs:
                dotted.append((barrier.index, box.index))
        if box.kind == "inplace" or name in _BARRIERS:
            barrier = box
    return dotted


def _bends(edges: Iterable[tuple[int, int, str]], boxes: list[Box]) -> list[_Wire]:
    """The edges, with a bend in each layer that one jumps over: there it needs a place of its own."""
    return [
        _Wire(
            boxes[start],
            boxes[stop],
            kind,
            [_Bend(layer) for layer in range(boxes[start].layer + 1, boxes[stop].layer)],
        )
        for start, stop, kind in edges
    ]


def _place(boxes: list[Box], wires: list[_Wire]) -> float:
    """Sets x and y layer by layer, everything near what it hangs on; returns the width of the drawing."""
    above: dict[int, list[Box | _Bend]] = {}
    layers: dict[int, list[Box | _Bend]] = {}
    for box in boxes:
        layers.setdefault(box.layer, []).append(box)
    for wire in wires:
        chain = [wire.start, *wire.bends, wire.stop]
        for upper, lower in pairwise(chain):
            above.setdefault(id(lower), []).append(upper)
        for bend in wire.bends:
            layers.setdefault(bend.layer, []).append(bend)
    widths = {n: sum(item.width for item in row) + GAP_X * (len(row) - 1) for n, row in layers.items()}
    widest = max(widths.values())
    for number, row in sorted(layers.items()):
        row.sort(key=lambda item: _mean([upper.middle for upper in above.get(id(item), [])]))
        x = MARGIN + (widest - widths[number]) / 2
        for item in row:
            item.x, item.y = x, MARGIN + number * (BOX_HEIGHT + GAP_Y)
            x += item.width + GAP_X
    return widest + 2 * MARGIN


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _path(wire: _Wire) -> str:
    """A smooth curve from the foot of one box, straight through its bends, to the head of the other."""
    points = [(wire.start.middle, wire.start.y + BOX_HEIGHT)]
    for bend in wire.bends:
        points += [(bend.middle, bend.y), (bend.middle, bend.y + BOX_HEIGHT)]
    points.append((wire.stop.middle, wire.stop.y - 3))
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in zip(points[::2], points[1::2], strict=True):
        half = (y1 + y2) / 2
        path += f" C{x1:.1f},{half:.1f} {x2:.1f},{half:.1f} {x2:.1f},{y2:.1f}"
        path += f" V{y2 + BOX_HEIGHT:.1f}" if y2 < points[-1][1] else ""
    return path


def _caption(boxes: list[Box]) -> str:
    words = (f"{box.index} {box.label} of {', '.join(map(str, box.refs)) or 'nothing'}" for box in boxes)
    return "; ".join(words)
