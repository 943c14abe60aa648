"""The parts of the page without a browser."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from reports import (
    column,
    difference,
    errors,
    finding,
    graph,
    matrix,
    observation,
    page,
    plots,
    proof,
    summary,
    timings,
)
from reports.page import Extras
from tests.reports import synthetic
from tests.reports.test_proof import QUALIFIED


def read(records: list[dict[str, Any]]) -> column.Column:
    return column.read_column(records)


def one_cell(*statuses: str) -> matrix.Cell:
    records = [synthetic.header(), *(synthetic.result(f"a.{n}", status) for n, status in enumerate(statuses))]
    cell = matrix.build([read(records)])[0].cells[0]
    assert cell
    return cell


@pytest.mark.parametrize(
    ("statuses", "status", "label", "harness"),
    [
        (("pass", "pass"), "pass", "2/2", 0),
        (("pass", "fail"), "fail", "1/2", 0),
        (("fail", "crash"), "crash", "0/2", 0),
        (("pass", "not-claimed"), "pass", "1/1", 0),
        (("not-claimed", "not-claimed"), "not-claimed", "not claimed", 0),
        (("pass", "harness-error"), "pass", "1/1", 1),
        (("harness-error",), "harness-error", "harness error", 1),
        (("pass", "convention"), "convention", "1/2", 0),
        (("pass", "ill-posed"), "pass", "1/1", 0),
    ],
)
def test_a_group_adds_up(statuses: tuple[str, ...], status: str, label: str, harness: int) -> None:
    cell = one_cell(*statuses)
    assert (cell.status, cell.label, cell.harness) == (status, label, harness)


def test_a_leaf_counts_programs() -> None:
    records = [
        synthetic.header(),
        synthetic.result("a.b", "fail", findings=["f"]),
        synthetic.finding("f", "a.b", count=5),
    ]
    leaf = matrix.build([read(records)])[0].children[0]
    assert leaf.cells[0] and leaf.cells[0].label == "3/8" and leaf.cells[0].target == "finding/f"
    assert leaf.kinds == ("value",)


def test_a_failing_leaf_never_shows_all_programs() -> None:
    leaf = matrix.build([read([synthetic.header(), synthetic.result("a.b", "fail")])])[0].children[0]
    assert leaf.cells[0] and leaf.cells[0].label == "7/8"


def test_rows_of_several_runs_are_one_row() -> None:
    columns = [read(synthetic.run("a")), read(synthetic.run("b")), read([synthetic.header("c")])]
    rows = matrix.build(columns)
    assert all(len(row.cells) == 3 and row.cells[2] is None for _, row in matrix.walk(rows))
    assert [row.id for row in rows][:2] == ["area/backward", "area/hooks"]
    assert {row.id for _, row in matrix.walk(rows)} >= {"family/linalg", "op/svd", "op/svd/vjp"}


def test_equal_engines_get_different_titles() -> None:
    columns = [read(synthetic.run("a")), read(synthetic.run("a", seed=8)), read(synthetic.run("b"))]
    column.distinguish(columns)
    assert [c.title for c in columns] == ["a 0.1.0 (1)", "a 0.1.0 (2)", "b 0.1.0"]


def percent(records: list[dict[str, Any]]) -> bool:
    head = summary.head(read(records))
    return "%" in str(head.facts) or "%" in str(summary.accounting([read(records)]))


def test_a_cut_run_shows_no_percentage_and_no_certificate() -> None:
    records = synthetic.run("a")
    assert percent(records) and not percent(records[:-1])
    assert summary.head(read(records[:-1])).tone == "cut"


def test_a_harness_error_is_no_verdict() -> None:
    records = [synthetic.header(), synthetic.result("a.b", "harness-error", message="boom")]
    cell = summary.profile_cells(read([*records, synthetic.end(records)]), ["tape"])[0]
    head = summary.head(read([*records, synthetic.end(records)]))
    assert cell[0] == "not-claimed" and head.harness == 1 and "0%" not in str(head.facts)
    assert summary.harness_errors([read(records)])[0].message == "boom"


def test_another_convention_is_neither_a_pass_nor_a_failure() -> None:
    records = [synthetic.header(), synthetic.result("a.b"), synthetic.result("a.c", "convention")]
    column_read = read([*records, synthetic.end(records)])
    assert summary.profile_cells(column_read, ["tape"]) == [("convention", "◇", "1/2", "convention")]


def test_the_share_is_never_rounded_up_to_everything() -> None:
    records = [synthetic.header(), *(synthetic.result(f"a.{n}", "fail" if not n else "pass") for n in range(5000))]
    head = summary.head(read([*records, synthetic.end(records)]))
    assert "(99.9%)" in dict(head.facts)["agree"]


def test_diff_finds_each_sort() -> None:
    before = [synthetic.header()] + [
        synthetic.result(f"a.{name}", status, seconds=1.0)
        for name, status in zip("bcdefg", ["pass", "fail", "pass", "pass", "pass", "not-claimed"], strict=True)
    ]
    after = [synthetic.header()] + [
        synthetic.result("a.b", "fail"),
        synthetic.result("a.c", "pass"),
        synthetic.result("a.d", "pass", headroom=0.5, seconds=1.0),
        synthetic.result("a.e", "pass", seconds=2.0),
        synthetic.result("a.g", "known"),
        synthetic.result("a.h", "crash"),
    ]
    groups = {g.name: [c.id for c in g.changes] for g in difference.compare(read(before), read(after)).groups}
    assert groups == {
        "newly-failing": ["a.b", "a.h"],
        "newly-passing": ["a.c"],
        "status": ["a.g"],
        "appeared": ["a.h"],
        "gone": ["a.f"],
        "accuracy": ["a.d"],
        "time": ["a.e"],
    }


def test_diff_of_a_run_with_itself_is_empty() -> None:
    run = read(synthetic.run("a", failing=0.5))
    found = difference.compare(run, run)
    assert not found.regressed and not any(group.changes for group in found.groups)


def test_graph_has_a_box_a_step_and_an_edge_a_reference() -> None:
    drawing = graph.draw(synthetic.PROGRAM, 7)
    assert drawing
    kinds = [box.kind for box in drawing.boxes]
    assert kinds == ["leaf", "call", "view", "hook", "inplace", "call", "engine", "engine"]
    assert [box.differs for box in drawing.boxes] == [False] * 7 + [True]
    assert sum(edge.kind == "flow" for edge in drawing.edges) == 7


def test_graph_boxes_never_overlap_and_flow_down() -> None:
    steps = [{"step": "leaf", "shape": [2], "dtype": "float32"}]
    steps += [{"step": "call", "op": f"op{n}", "args": [{"ref": n // 2}, {"ref": n // 3}]} for n in range(1, 30)]
    drawing = graph.draw({"steps": steps}, None)
    assert drawing
    for box in drawing.boxes:
        assert box.x >= 0 and box.x + box.width <= drawing.width and box.y + graph.BOX_HEIGHT <= drawing.height
        assert all(drawing.boxes[ref].y < box.y for ref in box.refs)
        for other in drawing.boxes[: box.index]:
            assert other.y != box.y or other.x + other.width <= box.x or box.x + box.width <= other.x


@pytest.mark.parametrize("program", [None, 3, "x", [], {}, {"steps": 1}, {"steps": [1]}, {"steps": [{}] * 99}])
def test_what_is_no_program_is_not_drawn(program: object) -> None:
    assert graph.draw(program, 0) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"float": "0x1.8p+1"}, "3"),
        ({"float": "nan"}, "nan"),
        ({"ref": 2}, "%2"),
        ({"slice": [None, 3, None]}, ":3:"),
        ([1, {"dtype": "float32"}], "(1, float32)"),
        ({"ellipsis": True}, "…"),
        (None, "None"),
    ],
)
def test_arguments_read_as_written(value: object, text: str) -> None:
    assert graph.spell(value) == text


def marked(one: object, other: object) -> list[str]:
    (comparison,) = observation.compare(one, other, None)
    return [fact.name for fact in [*comparison.facts, *comparison.entries] if fact.differs]


def test_observations_mark_what_differs() -> None:
    assert marked(synthetic.saw(1.0, 2.0), synthetic.saw(1.0, 2.0)) == []
    assert marked(synthetic.saw(1.0, 2.0), synthetic.saw(1.0, 2.5)) == ["[1]"]
    assert marked(synthetic.saw(1.0), synthetic.saw(1.0, dtype="float64")) == ["dtype"]
    assert marked({"raised": "TypeError", "message": "a"}, synthetic.saw()) == ["raised", "message", "dtype", "shape"]
    assert marked(synthetic.saw("nan"), synthetic.saw(1.0)) == ["[0]"]
    assert marked(synthetic.saw([1.0, 2.0]), synthetic.saw([1.0, 2.5])) == ["[0]"]


def test_rounding_is_not_marked_beside_a_real_difference() -> None:
    assert marked(synthetic.saw(1.0000001, 5.0), synthetic.saw(1.0, 2.0)) == ["[1]"]


def test_traces_and_several_outputs() -> None:
    trace = {"steps": [None, synthetic.saw(1.0)]}
    assert observation.compare(trace, synthetic.saw(2.0), 1)[0].entries[0].gap == "1"
    both = [synthetic.saw(1.0), synthetic.saw(2.0)]
    assert [c.title for c in observation.compare(both, both[:1], None)] == ["output 0", "output 1"]


def test_entries_are_named_by_their_place() -> None:
    saw = {**synthetic.saw(*map(float, range(6))), "shape": [2, 3]}
    assert [entry.name for entry in observation.compare(saw, saw, None)[0].entries][3:5] == ["[1, 0]", "[1, 1]"]


def test_commands_are_quoted() -> None:
    records = [synthetic.header("a b"), synthetic.finding("x; rm -rf /", "a.b")]
    found = finding.collect([read(records)])[0]
    assert found.replay.endswith("'x; rm -rf /'") and "--backend 'a b'" in found.rerun


BENCHMARKS = {
    "machine_info": {"cpu": {"brand_raw": "A <b>CPU</b>"}, "system": "Linux", "python_version": "3.11"},
    "benchmarks": [
        {
            "name": f"test_chain[{engine}-{size}]",
            "group": "chain of 60",
            "params": {"backend": engine, "size": size},
            "extra_info": {},
            "stats": {"median": size * cost, "q1": size * cost * 0.9, "q3": size * cost * 1.2, "rounds": 30},
        }
        for engine, cost in (("numpy", 1e-9), ("refgrad", 2e-9), ("torch", 4e-9))
        for size in (1, 100, 10_000)
    ]
    + [
        {"name": "test_deep", "group": "deep", "params": {"backend": e, "n": 10}, "stats": {"median": m, "rounds": 3}}
        for e, m in (("refgrad", 0.5), ("torch", 0.25))
    ],
}


def test_timings_and_ratios() -> None:
    read_timings = timings.read([BENCHMARKS])
    chain = read_timings.works()["chain of 60"]
    assert read_timings.machine == "A <b>CPU</b>, Linux, Python 3.11"
    ours = next(t for t in chain if t.engine == "refgrad" and t.size == 100)
    to_torch, to_floor = (timings.ratio(ours, name, chain) for name in ("torch", "numpy"))
    assert to_torch and to_floor and math.isclose(to_torch.median, 0.5) and math.isclose(to_floor.median, 2.0)
    assert math.isclose(to_torch.low, 0.45) and math.isclose(to_torch.high, 0.6), "the spread goes along"
    assert timings.ratio(ours, "jax", chain) is None


def test_rounds_that_took_turns_are_compared_in_pairs() -> None:
    def entry(engine: str, *seconds: object, paired: bool = True) -> dict[str, Any]:
        told = {"engine": engine, "size": 1, "paired": paired}
        return {"group": "chain", "name": "x", "extra_info": told, "stats": {"median": 2.0, "data": list(seconds)}}

    noisy = [entry("refgrad", 1.0, 10.0, 3.0, 2.0), entry("torch", 2.0, 20.0, 6.0, 4.0)]
    mine, theirs = timings.read([{"benchmarks": noisy}]).all
    assert timings.ratio(mine, "torch", [mine, theirs]) == timings.Ratio(0.5, 0.5, 0.5)
    for other in (entry("torch", 2.0, "x"), entry("torch", 2.0, paired=False), entry("torch", 2.0, 0.0)):
        mine, theirs = timings.read([{"benchmarks": [noisy[0], other]}]).all
        assert theirs.turns == () and timings.ratio(mine, "torch", [mine, theirs]) == timings.Ratio(1.0, 1.0, 1.0)


def test_one_size_is_drawn_on_a_scale_that_shows_the_fast_beside_the_slow() -> None:
    deep = plots.draw(timings.read([BENCHMARKS]))[1]
    drawn = base64.b64decode(deep.light.partition(",")[2]).decode()
    assert deep.title == "deep" and "500 ms" in drawn and "time ÷ torch" in drawn


def test_plots_have_two_pictures_and_all_numbers() -> None:
    chain, deep = plots.draw(timings.read([BENCHMARKS]))
    assert chain.light.startswith("data:image/svg+xml;base64,") and chain.light != chain.dark
    assert len(chain.table) == 9 and chain.table[4][:3] == ["refgrad", "100", "200 ns"]
    assert deep.table[0][6] == "2.00"


@pytest.mark.parametrize("raw", [None, [], {"benchmarks": 3}, {"benchmarks": [3, {}, {"stats": {"median": -1}}]}])
def test_what_is_no_timing_is_left_out(raw: object) -> None:
    assert timings.read([raw]).all == []


def measured(engine: str, order: int, largest: float, **more: object) -> dict[str, object]:
    line = {"type": "accuracy", "operator": "erf<b>", "order": order, "dtype": "float32", "engine": engine}
    return {**line, "points": 300, "max_ulps": largest, "mean_ulps": largest / 4, "at": 1.5, **more}


MEASURED = [measured(engine, order, size) for engine, size in (("a", 2.0), ("b", 90.0)) for order in (0, 1)]


def test_accuracy_has_a_plot_for_values_and_one_for_derivatives() -> None:
    values, derivatives = errors.draw(errors.read(MEASURED))
    assert (values.title, derivatives.title) == ("values in float32", "derivatives in float32")
    assert values.table == [
        ["erf<b>", "a", "2", "0.5", "1.5", "300"],
        ["erf<b>", "b", "90", "22.5", "1.5", "300"],
    ]
    assert values.light.startswith("data:image/svg+xml;base64,") and values.light != values.dark
    assert "erf<b> on b 90" in values.alt


@pytest.mark.parametrize("more", [{"points": 0}, {"operator": None}, {"max_ulps": "x"}, {"max_ulps": -1.0}])
def test_what_is_no_measurement_is_left_out(more: dict[str, object]) -> None:
    assert errors.read([None, 3, measured("a", 0, 1.0, **more)]) == []


def test_everything_on_one_page() -> None:
    run = read(synthetic.run("a", failing=0.5))
    extras = Extras(
        plots.draw(timings.read([BENCHMARKS])),
        errors.draw(errors.read(MEASURED)),
        proof.read(QUALIFIED),
        difference.compare(read(synthetic.run("a")), run),
        timings.read([BENCHMARKS]).machine,
    )
    html = page.render([run], extras)
    for part in (
        'id="performance"',
        'id="accuracy"',
        "erf&lt;b&gt;",
        'id="proof"',
        'id="difference"',
        "A &lt;b&gt;CPU",
        "Newly failing",
        "✗ missed",
    ):
        assert part in html
    assert "http" not in html.replace("http-equiv", "").split('id="island"')[0]
