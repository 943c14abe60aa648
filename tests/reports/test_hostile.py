"""What an engine says can neither run, nor break, nor flood the page: each hostile text in every field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver import Chrome

from reports import column, page, untrusted
from tests.reports import synthetic

Record = dict[str, Any]
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "style": "</style><style>body{display:none}</style>",
    "island": "</script><script>alert(2)</script>",
    "attribute": '" onmouseover="alert(3)" autofocus onfocus=\'alert(4)\' x="',
    "image": "<img src=x onerror=alert(5)>",
    "template": "{{ 7*7 }}{% raw %}${alert(6)}",
    "comment": "<!-- <svg onload=alert(7)> --><![CDATA[",
    "link": "javascript:alert(8)",
    "controls": "a\x00b\x1b[31mc\x08\x7f\x85\r\nd",
    "bidi": "\u202eevil\u202c \u2066x\u2069 \u200f\u061c\ufeff",
    "surrogate": "\ud800\udc00 \udfff",
    "separator": "a\u2028b\u2029c",
    "long word": "W" * 3_000,
    "megabyte": "m<b>" * 262_144,
}
WRONG = {"number": 10**400, "list": [[[[]]]] * 9, "object": {"<b>": {"ref": -1}}, "nothing": None, "true": True}


def poisoned(value: object) -> list[Record]:
    """A failing run in which every field that isn't needed to find the way holds ``value``."""
    keep = {"type", "format", "backend", "oracle", "findings", "result", "id", "status", "kind", "program", "step"}
    records = synthetic.run("autograd", failing=0.6)
    records = [records[0], *[r for r in records if r["type"] == "finding"][:3], *records[1:12], records[-1]]
    records += [{"type": "oracle-fault", "id": "f"}, {"type": "drift", "id": "d"}]
    return [_poison(record, value, keep) for record in records]


def _poison(record: Record, value: object, keep: set[str]) -> Record:
    out = {key: item if key in keep else value for key, item in record.items()}
    if record["type"] == "run":
        out["backend"] = {"name": value, "version": value, "family": value, "claims": [value]}
        out["oracle"] = {"name": value, "version": value}
    elif record["type"] == "finding":
        steps = [{**step, "op": value, "dtype": value, "modes": [value], "attrs": [[value, value]]} for step in
                 record["program"]["steps"]]  # fmt: skip
        saw = {"dtype": value, "values": [value, 1.0], "shape": [value], "message": value, "more": value}
        out |= {"program": {"steps": steps}, "backend_saw": saw, "oracle_saw": saw, "arbiter": {"word": value}}
        out["kind"] = value
    elif record["type"] == "result":
        out["known"] = {"reason": value, "link": value, "review_after": value}
        out["kind"] = record["kind"]
        out["seen"] = {}
    else:
        out["extra"] = value
    return out


class Tags(HTMLParser):
    """Counts elements and gathers attributes that could act."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, int] = {}
        self.acting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names[tag] = self.names.get(tag, 0) + 1
        for name, value in attrs:
            address = name in ("href", "src", "srcset", "action") and not (value or "").startswith(
                ("#", "data:,", "http")
            )
            if name.startswith("on") or address:
                self.acting.append(f"{name}={value}")


@pytest.mark.parametrize("name", [*HOSTILE, *WRONG])
def test_in_every_field_nothing_acts(name: str) -> None:
    html = page.render([column.read_column(poisoned({**HOSTILE, **WRONG}[name]))])
    tags = Tags()
    tags.feed(html)
    assert tags.names["script"] == 2 and tags.names["style"] == 1 and tags.names.get("img", 0) == 0
    assert tags.names.get("b", 0) < 200 and not tags.acting
    assert len(html) < 1_500_000
    assert not untrusted._UNSAFE.search(html)
    html.encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_in_chromium_nothing_happens(show: Callable[..., Chrome], name: str) -> None:
    browser = show(poisoned(HOSTILE[name]))
    with pytest.raises(NoAlertPresentException):
        browser.switch_to.alert.accept()
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    opened = browser.execute_script(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; });"
        "return [document.documentElement.scrollWidth, getComputedStyle(document.body).display]"
    )
    assert opened == [1280, "block"], "the text widened or hid the page"


EVERYTHING = " ".join(text for name, text in HOSTILE.items() if name not in ("megabyte", "surrogate"))
WHOLE = {
    "run": synthetic.header("autograd"),
    "result": synthetic.result(
        "a.known", "known", known={"reason": "r", "link": "https://a", "review_after": "2027-01-31"}
    ),
    "finding": synthetic.finding("f", "a.known"),
    "oracle-fault": {"type": "oracle-fault", "id": "f", "reason": "r", "script": "s"},
    "drift": {"type": "drift", "id": "d", "says": "s"},
    "end": synthetic.end([]),
}


def places(value: object, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    """Where a record holds something: each field, each member of its lists."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*above, name)
        yield from places(part, *above, name)


def with_one(record: Record, place: tuple[str | int, ...], value: object) -> Record:
    """The record with another value at one place."""
    copy = json.loads(json.dumps(record))
    inner = copy
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return copy


def one_field_each(value: object) -> list[Record]:
    """A run in which every field of every sort of record is that value once, the others being what they should be."""
    records = [WHOLE["run"]]
    for sort in ("result", "finding", "oracle-fault", "drift"):
        for number, place in enumerate(places(WHOLE[sort])):
            named = {**WHOLE[sort], "id": f"{sort}-{number}"}
            records.append(named if place == ("type",) else with_one(named, place, value))
    findings = [f"finding-{n}" for n in range(len(records))]
    records += [synthetic.result("a.found", "fail", findings=findings), WHOLE["end"]]
    return [{**r, "result": "a.found"} if r["type"] == "finding" and r["result"] == "a.known" else r for r in records]


def whole_runs(value: object) -> Iterator[list[Record]]:
    """Runs whose first or last record is hostile in one field: what stands in the head of the page."""
    for sort in ("run", "end"):
        for place in places(WHOLE[sort]):
            if place != ("type",):
                broken = {**WHOLE, sort: with_one(WHOLE[sort], place, value)}
                yield [broken["run"], synthetic.result("a.b"), broken["end"]]


@pytest.mark.parametrize("value", [EVERYTHING, HOSTILE["surrogate"], WRONG["list"], WRONG["object"], None])
def test_each_field_alone_may_be_hostile(value: object) -> None:
    tags = Tags()
    tags.feed(page.render([column.read_column(records) for records in (one_field_each(value), *whole_runs(value))]))
    assert tags.names["script"] == 2 and tags.names["style"] == 1 and not tags.acting and "img" not in tags.names


def test_each_field_alone_does_nothing_in_chromium(show: Callable[..., Chrome]) -> None:
    records = one_field_each(EVERYTHING)
    assert len(records) > 120
    browser = show(records, *whole_runs(EVERYTHING))
    with pytest.raises(NoAlertPresentException):
        browser.switch_to.alert.accept()
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.execute_script("return document.documentElement.scrollWidth") == 1280


def test_ids_may_be_hostile_too(show: Callable[..., Chrome]) -> None:
    records = [
        synthetic.header("<b>"),
        synthetic.result('x" onclick="alert(1)<script>', "fail", findings=["</script>"]),
    ]
    records.append(synthetic.finding("</script>", 'x" onclick="alert(1)<script>'))
    browser = show([*records, synthetic.end(records)])
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    link = browser.execute_script("return document.querySelector('#rows tr.leaf td a').getAttribute('href')")
    assert browser.execute_script("return document.getElementById(arguments[0].slice(1)) !== null", link)


def test_the_cleaner_spells_out_and_bounds() -> None:
    assert untrusted.clean("a\x1bb\u202ec\r\n\td\ud800") == "a␛b⟨U+202E⟩c\n\td⟨U+D800⟩"
    assert untrusted.clean("x" * 5_000, 10) == "xxxxxxxxxx … (4,990 more characters)"
    assert untrusted.clean("naïve 漢字 ✓") == "naïve 漢字 ✓"


def depths() -> Iterator[object]:
    deep: object = "x"
    for _ in range(200):
        deep = {"a": [deep]}
    yield deep
    yield {str(n): n for n in range(5_000)}
    yield list(range(100_000))


@pytest.mark.parametrize("value", list(depths()), ids=["deep", "wide object", "long list"])
def test_structure_is_bounded(value: object) -> None:
    assert len(json.dumps(untrusted.tame(value))) < 60_000


def test_a_link_of_another_scheme_is_no_link() -> None:
    known = {"reason": "r", "link": "javascript:alert(1)", "review_after": "2027-01-01"}
    html = page.render([column.read_column([synthetic.header(), synthetic.result("a.b", "known", known=known)])])
    assert "javascript:" not in html and "2027-01-01" in html
