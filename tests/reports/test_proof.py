"""The proof section without a browser: faults planted on purpose, and what caught them."""

from __future__ import annotations

from reports import column, page, proof
from reports.page import Extras
from tests.reports import synthetic

QUALIFIED = {
    "profile": "standard",
    "examples": 50,
    "seed": 0,
    "score": {"expected": 3},
    "faults": [
        {"id": "sin_sine", "class": "wrong formula", "caught": ["op/sin/vjp"], "others": {"gradcheck": True}},
        {"id": "shape_off", "class": "broadcast", "caught": ["op/add/vjp"] * 6, "others": {"gradcheck": False},
         "programs": 4, "seconds": 0.5, "steps": 3, "elements": None},
        {"id": "hook_lost", "class": "hooks", "caught": ["hook.order"], "others": {}},
        {"id": "reassociated", "class": "x", "control": True, "caught": [], "others": {"gradcheck": False}},
    ],
}  # fmt: skip


def test_proof_counts_faults_and_controls_apart() -> None:
    table = proof.read(QUALIFIED)
    assert table.scores == [proof.Score("this suite", 3, 3, 0, 1), proof.Score("gradcheck", 1, 2, 0, 1)]
    nothing = ["–"] * 4
    assert table.classes == [
        proof.Class("broadcast", 1, [(1, 1), (0, 1)], ["4", "0.5", "3", "–"]),
        proof.Class("hooks", 1, [(1, 1), (0, 0)], nothing),
        proof.Class("wrong formula", 1, [(1, 1), (1, 1)], nothing),
    ]
    assert [mark.words for mark in table.lines[1].marks][:2] == ["✓ caught", "✗ missed"]
    assert table.lines[2].marks[1].words == "– not tried", "what could not be asked has not missed"


SYSTEMATIC = {
    "generated": 2500,
    "sample": {"rows": 70, "interval": [0.98765, 0.99876]},
    "planted": 2000,
    "caught": 1980,
    "equivalent": 10,
    "classes": {
        "negated": {"planted": 1000, "caught": 999, "programs": 2.0, "seconds": None},
        "jvp negated": {"planted": 100, "caught": 100},
        "large": {"planted": 100, "caught": 50},
        "engine: order": {"planted": 5, "caught": 4},
    },
    "meanings": {"negated": "has the wrong <sign>"},
    "reasons": {"no program <reaches> the site": 10},
}


def test_generated_faults_are_shown_by_kind_and_place_with_the_least_caught_first() -> None:
    made = proof.read({**QUALIFIED, "systematic": SYSTEMATIC}).generated
    assert made is not None and "1,980 of 2,000 caught" in made.score and "99.50 %" in made.score
    assert made.places == ["the gradient", "the tangent", "the engine"]
    assert [(kind.name, [tally and tally.percent for tally in kind.tallies]) for kind in made.kinds] == [
        ("large", ["50.0 %", None, None]),
        ("order", [None, None, "80.0 %"]),
        ("negated", ["99.9 %", "100 %", None]),
    ]
    assert made.costs[3] == ["negated", "2", "–", "–", "–"]
    html = page.render(
        [column.read_column(synthetic.run("a"))], Extras(proof=proof.read({**QUALIFIED, "systematic": SYSTEMATIC}))
    )
    assert "10 survived: no program &lt;reaches&gt; the site" in html and "has the wrong &lt;sign&gt;" in html
    assert proof.read({"systematic": {"planted": "many"}}).generated is None


def test_a_part_of_all_generated_faults_says_so() -> None:
    made = proof.read({"systematic": SYSTEMATIC}).generated
    assert made and made.sample == (
        "2,000 of all 2,500 were tried, of 70 operators' rows dealt at random; 95 % interval for all: 98.8 to 99.9 %."
    )
    whole = proof.read({"systematic": {**SYSTEMATIC, "generated": 2000}}).generated
    assert whole and whole.sample == ""
    bad = proof.read({"systematic": {**SYSTEMATIC, "sample": {"interval": ["x", None]}}}).generated
    assert bad and bad.sample.endswith("at random.")
