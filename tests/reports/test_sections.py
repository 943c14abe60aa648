"""The sections beside the matrix, in a real Chromium: what to fix first, the difference, plots, proof, accounting."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from reports import column, difference, errors, plots, proof, timings
from reports.page import Extras
from tests.reports import synthetic
from tests.reports.conftest import axe
from tests.reports.test_parts import BENCHMARKS, MEASURED
from tests.reports.test_proof import QUALIFIED, SYSTEMATIC

Open = Callable[..., Chrome]
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e"


@cache
def extras(name: str = "") -> Extras:
    """Every extra there is; ``name`` is put where an engine, an operator, a fault or a machine may say what it wants."""
    before, after = synthetic.run("jax", failing=0.3), synthetic.run("jax", failing=0.0)
    slow = [record | {"seconds": 9.0, "headroom": 0.9} for record in after[1:3]]
    change = difference.compare(column.read_column(before), column.read_column([after[0], *slow, *after[3:]]))
    timed = timings.read([_renamed(BENCHMARKS, name)])
    measured = errors.read([_renamed(line, name) for line in MEASURED])
    qualified = proof.read(_renamed({**QUALIFIED, "systematic": SYSTEMATIC}, name))
    return Extras(plots.draw(timed), errors.draw(measured), qualified, change, timed.machine)


NAMED = ("classes", "reasons", "meanings", "others")
"""Objects whose keys are names that a file chose, too."""


def _renamed(raw: Any, name: str) -> Any:
    """The same JSON in which every text value ends in a name, but for the words that say what a thing is."""
    if isinstance(raw, dict):
        kept = ("backend", "engine", "type", "dtype") if not name else ("type",)
        given = {key: _keyed(value, name) if key in NAMED else value for key, value in raw.items()}
        return {key: value if key in kept else _renamed(value, name) for key, value in given.items()}
    if isinstance(raw, list):
        return [_renamed(value, name) for value in raw]
    return raw + name if isinstance(raw, str) else raw


def _keyed(raw: dict[str, Any], name: str) -> dict[str, Any]:
    return {key + name: value for key, value in raw.items()}


@pytest.fixture
def opened(show: Open) -> Chrome:
    return show(synthetic.run("jax", failing=0.5), extras=extras())


def section(browser: Chrome, name: str) -> Any:
    return browser.find_element(By.ID, name)


def test_what_to_fix_first_leads_to_the_program(opened: Chrome) -> None:
    causes = section(opened, "first").find_elements(By.CSS_SELECTOR, ".cause")
    assert 1 < len(causes) <= 8
    assert "the process dies" in causes[0].text, "deaths come first"
    link = causes[0].find_element(By.LINK_TEXT, "the smallest program")
    link.click()
    target = opened.find_element(By.ID, link.get_attribute("href").split("#")[1])
    assert target.get_attribute("open") and target.find_element(By.CSS_SELECTOR, "svg.graph").is_displayed()


def test_all_of_a_cause_is_a_query(show: Open) -> None:
    records = [synthetic.header("jax")]
    records += [synthetic.operator_result("linalg", "svd", prop, "fail", findings=[prop]) for prop in ("vjp", "jvp")]
    records += [synthetic.finding(prop, f"op/svd/{prop}") for prop in ("vjp", "jvp")]
    records.append(synthetic.operator_result("linalg", "det", "vjp", "fail", findings=["det"]))
    records.append(synthetic.finding("det", "op/det/vjp"))
    browser = show([*records, synthetic.end(records)])
    first = section(browser, "first").find_element(By.CSS_SELECTOR, ".cause")
    assert "svd" in first.text and "2 behaviours, 10 programs" in first.text
    first.find_element(By.LINK_TEXT, "all of them").click()
    leaves = browser.execute_script("return [...document.querySelectorAll('#rows tr.leaf')].map((row) => row.id)")
    assert set(leaves) == {"op/svd/vjp", "op/svd/jvp"}


def test_the_names_of_an_operator_are_one_cause(show: Open) -> None:
    records = [synthetic.header("jax")]
    for name in ("det", "linalg.det", "logdet"):
        records.append(synthetic.operator_result("linalg", name, "vjp", "fail", findings=[name]))
        records.append(synthetic.finding(name, f"op/{name}/vjp"))
    for name in ("retain.first", "retain.last"):
        records.append(synthetic.result(name, "fail", area="retain", findings=[name]))
        records.append(synthetic.finding(name, name, program={"format": 1, "steps": []}))
    browser = show([*records, synthetic.end(records)])
    titles = [cause.text for cause in section(browser, "first").find_elements(By.CSS_SELECTOR, ".cause .what b")]
    assert sorted(titles) == ["det, linalg.det", "logdet", "retain.first", "retain.last"]


def test_a_run_without_failures_has_nothing_to_fix(show: Open) -> None:
    assert show(synthetic.run("jax")).find_elements(By.ID, "first") == []


def test_the_difference_lists_each_sort_with_links(opened: Chrome) -> None:
    groups = {
        part.get_attribute("id").split("/")[1]: part
        for part in section(opened, "difference").find_elements(By.CSS_SELECTOR, ".group")
    }
    assert {"newly-passing", "accuracy", "time"} <= set(groups)
    assert "0.2 → 0.9 of the allowance" in groups["accuracy"].text
    assert "0.03 s → 9.00 s" in groups["time"].text
    assert "newly failing: none" in section(opened, "difference").text
    link = groups["time"].find_element(By.TAG_NAME, "a")
    link.click()
    assert opened.find_element(By.ID, link.get_attribute("href").split("#")[1]).is_displayed()


@pytest.mark.parametrize(("part", "count"), [("performance", 2), ("accuracy", 2)])
def test_plots_are_pictures_with_their_numbers(opened: Chrome, part: str, count: int) -> None:
    figures = section(opened, part).find_elements(By.CSS_SELECTOR, "figure.plot")
    assert len(figures) == count
    for figure in figures:
        picture = figure.find_element(By.TAG_NAME, "img")
        assert opened.execute_script("return arguments[0].complete && arguments[0].naturalWidth", picture) > 500
        assert len(picture.get_attribute("alt")) > 20
        figure.find_element(By.TAG_NAME, "summary").click()
        rows = figure.find_elements(By.CSS_SELECTOR, "tbody tr")
        assert rows and all(row.is_displayed() and row.text for row in rows)


def test_performance_states_machine_spread_and_ratios(opened: Chrome) -> None:
    part = section(opened, "performance")
    assert "A <b>CPU</b>, Linux, Python 3.11" in part.text
    heads = part.find_elements(By.CSS_SELECTOR, "figure.plot thead")[0].get_attribute("textContent")
    assert all(word in heads for word in ("quartiles", "an operator", "× numpy", "× torch"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_follow_the_scheme(opened: Chrome, scheme: str) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    picture = section(opened, "accuracy").find_element(By.TAG_NAME, "img")
    source = opened.find_element(By.CSS_SELECTOR, "#accuracy source").get_attribute("srcset")
    assert (picture.get_property("currentSrc") == source) == (scheme == "dark")


def test_proof_has_scores_classes_and_every_fault(opened: Chrome) -> None:
    part = section(opened, "proof")
    scores = [item.text for item in part.find_elements(By.CSS_SELECTOR, ".scores li")]
    assert len(scores) == 2 and "3/3" in scores[0] and "gradcheck" in scores[1] and "1/2" in scores[1]
    assert "3 first by a clause that one would expect" in scores[0] and "standard, 50 programs a property" in part.text
    assert "broadcast" in part.text and "1,980 of 2,000 caught" in part.text and "2,000 of all 2,500" in part.text
    rows = [row.text for row in part.find_elements(By.CSS_SELECTOR, ".tallies tbody tr")]
    assert [row.split()[0] for row in rows] == ["large", "order", "negated"], "the least caught first"
    assert "has the wrong <sign>" in rows[2] and "99.9 % 999/1,000" in rows[2]
    part.find_element(By.CSS_SELECTOR, "details.each summary").click()
    assert "shape_off" in part.text and "✗ missed" in part.text and "– not tried" in part.text


def test_accounting_has_every_status_and_names(show: Open) -> None:
    records = synthetic.run("jax", failing=0.5)
    known = {"reason": "a reason", "link": "https://example.org/1", "review_after": "2027-01-31"}
    records.insert(-1, synthetic.result("modes.known", "known", area="modes", known=known))
    records.insert(-1, synthetic.result("modes.broken", "harness-error", area="modes", message="it broke"))
    records.insert(-1, {"type": "drift", "id": "a-page", "says": "one thing"})
    records.insert(-1, {"type": "oracle-fault", "id": "det-singular", "reason": "nan"})
    part = section(show(records), "accounting")
    for word in (*column.STATUSES, "programs witnessed", "digest", "a reason", "review after 2027-01-31", "it broke"):
        assert word in part.text, word
    assert "one thing" in part.text and "det-singular" in part.text
    assert part.find_element(By.LINK_TEXT, "link").get_attribute("href") == "https://example.org/1"


def test_hostile_names_in_the_extras_do_nothing(show: Open) -> None:
    browser = show(synthetic.run("jax", failing=0.5), extras=extras(HOSTILE))
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    opened = browser.execute_script(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; });"
        "return [document.documentElement.scrollWidth, document.querySelectorAll('img[src=x]').length]"
    )
    assert opened == [1280, 0]


@pytest.mark.parametrize("width", [390, 820])
def test_the_extras_fit_a_narrow_page(opened: Chrome, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        opened.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


BROKEN = """
const broken = new Set(), range = document.createRange();
for (const cell of document.querySelectorAll('table.list td, table.list th, #rows th .name, #rows .number')) {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) for (const word of walker.currentNode.data.matchAll(/[\\w.]{1,20}/g)) {
    range.setStart(walker.currentNode, word.index);
    range.setEnd(walker.currentNode, word.index + word[0].length);
    if (range.getClientRects().length > 1) broken.add(word[0]);
  }
}
return [...broken];
"""


def test_on_a_phone_words_are_whole_and_plots_are_large(opened: Chrome) -> None:
    metrics = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        opened.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert opened.execute_script(BROKEN) == []
        plots = opened.find_elements(By.CSS_SELECTOR, ".plot img")
        assert plots and all(plot.size["width"] == int(plot.get_attribute("width") or 0) for plot in plots)
        profiles = opened.find_elements(By.CSS_SELECTOR, "#profiles td")
        assert profiles and all(cell.rect["x"] + cell.rect["width"] <= 390 for cell in profiles)
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_axe_finds_nothing_in_the_extras(opened: Chrome) -> None:
    opened.execute_script(
        "document.querySelectorAll('#accuracy details, #proof details').forEach((d) => { d.open = true; })"
    )
    assert axe(opened) == []


def test_everything_is_there_without_a_script(show: Open) -> None:
    browser = show(synthetic.run("jax", failing=0.5), extras=extras(), script=False)
    for name in (
        "difference",
        "first",
        "profiles",
        "matrix",
        "findings",
        "performance",
        "accuracy",
        "proof",
        "accounting",
    ):
        assert section(browser, name).is_displayed(), name
