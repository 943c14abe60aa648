"""The page in a real Chromium."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from reports import column, page
from tests.reports import synthetic
from tests.reports.conftest import axe

Runs = list[list[dict[str, Any]]]
Open = Callable[..., Chrome]


def texts(browser: Chrome, selector: str) -> list[str]:
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def complaints(browser: Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def said(element: WebElement, name: str) -> str:
    """An attribute, empty where there is none."""
    return element.get_attribute(name) or ""


def leaves(browser: Chrome) -> list[str]:
    return browser.execute_script("return [...document.querySelectorAll('#rows tr.leaf')].map((row) => row.id)")


def ask(browser: Chrome, query: str) -> list[str]:
    box = browser.find_element(By.ID, "q")
    box.clear()
    box.send_keys(query)
    return leaves(browser)


def test_opens_without_a_complaint_and_asks_nothing(show: Open, three: Runs) -> None:
    browser = show(*three)
    assert complaints(browser) == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert texts(browser, "h1") == ["3 runs against torch 2.13.0"]
    assert len(browser.find_elements(By.CSS_SELECTOR, ".card")) == 3


def test_matrix_has_every_clause_and_engine(show: Open, three: Runs) -> None:
    browser = show(*three)
    assert texts(browser, "#table thead th") == ["behaviour", "refgrad 0.1.0", "autograd 0.1.0", "jax 0.1.0"]
    wanted = {record["id"] for record in three[0] if record["type"] == "result" and record["kind"] == "clause"}
    assert set(leaves(browser)) >= wanted


def test_every_cell_has_a_sign_and_a_word(show: Open, three: Runs) -> None:
    browser = show(*three)
    bare = "return [...document.querySelectorAll('#rows td')].filter((td) => !td.querySelector('.vh')).length"
    assert browser.execute_script(bare) == 0


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("area:hooks", lambda r: r["area"] == "hooks"),
        ("status:fail", lambda r: r["status"] == "fail"),
        ("family:linalg operator:svd", lambda r: r["operator"] == "svd"),
        ("property:vjp", lambda r: r["property"] == "vjp"),
        ("profile:mutation", lambda r: r["profile"] == "mutation"),
        ("rebases HISTORY", lambda r: "view-rebases-history" in r["id"]),
        ("status:fail area:backward", lambda r: r["status"] == "fail" and r["area"] == "backward"),
    ],
)
def test_query(show: Open, query: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    records = synthetic.run("autograd", failing=0.6)
    browser = show(records)
    wanted = {record["id"] for record in records if record["type"] == "result" and holds(record)}
    assert wanted and set(ask(browser, query)) == wanted


def test_query_by_engine_kind_and_difference(show: Open, three: Runs) -> None:
    browser = show(*three)
    failing = {r["id"] for r in three[2] if r.get("status") == "fail"}
    assert set(ask(browser, "engine:jax status:fail")) == failing
    kinds = {r["result"] for run in three for r in run if r["type"] == "finding" and r["kind"] == "dtype"}
    assert set(ask(browser, "kind:dtype")) == kinds
    by_id: dict[str, set[str]] = {}
    for run in three:
        for record in run:
            if record["type"] == "result":
                by_id.setdefault(record["id"], set()).add(record["status"])
    assert set(ask(browser, "is:different")) == {name for name, seen in by_id.items() if len(seen) > 1}


def test_unknown_keys_are_said(show: Open, three: Runs) -> None:
    browser = show(*three)
    ask(browser, "colour:red")
    assert "Unknown: colour. Known: status, engine" in browser.find_element(By.ID, "hint").text


def test_the_query_is_in_the_address_and_the_address_is_a_query(show: Open, three: Runs) -> None:
    browser = show(*three)
    shown = ask(browser, "status:fail engine:jax")
    time.sleep(0.4)
    address = browser.current_url
    assert address.endswith("#q=status:fail%20engine:jax")
    browser = show(*three, hash="#" + address.split("#")[1])
    assert (
        leaves(browser) == shown and browser.find_element(By.ID, "q").get_attribute("value") == "status:fail engine:jax"
    )
    browser.find_element(By.ID, "q").send_keys(Keys.ESCAPE)
    time.sleep(0.4)
    assert "#" not in browser.current_url


def test_findings_follow_the_query(show: Open, three: Runs) -> None:
    browser = show(*three)
    before = len(browser.find_elements(By.CSS_SELECTOR, ".finding"))
    ask(browser, "engine:jax")
    after = browser.find_elements(By.CSS_SELECTOR, ".finding")
    assert 0 < len(after) < before
    assert {element.get_attribute("data-engine") for element in after} == {"jax 0.1.0"}


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("status:fail", lambda result, _: result["status"] == "fail"),
        ("status:pass", lambda *_: False),
        ("profile:hooks", lambda result, _: result["profile"] == "hooks"),
        ("area:hooks kind:dtype", lambda result, found: result["area"] == "hooks" and found["kind"] == "dtype"),
        ("family:linalg status:crash", lambda result, _: result["family"] == "linalg" and result["status"] == "crash"),
        ("is:crash", lambda result, _: result["status"] == "crash"),
    ],
)
def test_findings_are_those_of_the_cells_shown(show: Open, query: str, holds: Callable[..., bool]) -> None:
    records = synthetic.run("autograd", 9, failing=0.9)
    browser = show(records)
    ask(browser, query)
    results = {record["id"]: record for record in records if record["type"] == "result"}
    found = [record for record in records if record["type"] == "finding"]
    wanted = sum(holds(results[record["result"]], record) for record in found)
    assert wanted or query == "status:pass", "the query must have something to find"
    assert browser.find_element(By.ID, "count").text == f"{wanted} of {len(found)}"


@pytest.mark.parametrize("script", [True, False])
def test_a_cell_has_an_address(show: Open, three: Runs, script: bool) -> None:
    browser = show(*three, hash="#op/svd/vjp@jax", script=script)
    cell = browser.find_element(By.ID, "op/svd/vjp@jax")
    assert cell.is_displayed()
    style = "return getComputedStyle(arguments[0]).outlineStyle"
    assert not script or browser.execute_script(style, cell) == "solid"
    row = browser.find_element(By.ID, "op/svd/vjp")
    assert [td.get_attribute("id") for td in row.find_elements(By.TAG_NAME, "td")].index("op/svd/vjp@jax") == 2


def test_pointing_at_a_cell_puts_it_in_the_address(show: Open, three: Runs) -> None:
    browser = show(*three)
    cell = browser.find_element(By.ID, "area/modes@refgrad")
    cell.click()
    assert browser.current_url.endswith("#area/modes@refgrad") and "target" in said(cell, "class")


def test_a_finding_leads_to_its_cell(show: Open) -> None:
    browser = show(synthetic.run("refgrad"), synthetic.run("autograd", failing=0.6))
    finding = browser.find_element(By.CSS_SELECTOR, ".finding")
    finding.find_element(By.TAG_NAME, "summary").click()
    link = finding.find_element(By.LINK_TEXT, "in the matrix")
    target = said(link, "href").split("#")[1]
    link.click()
    assert target.endswith("@autograd") and "s-" in said(browser.find_element(By.ID, target), "class")


@pytest.mark.parametrize("anchor", ["op/svd/vjp", "family/linalg", "hooks.tensor-hook-order", "area/modes"])
def test_an_anchor_opens_what_hides_it(show: Open, three: Runs, anchor: str) -> None:
    browser = show(*three, hash=f"#{anchor}")
    row = browser.find_element(By.ID, anchor)
    assert row.is_displayed() and "target" in said(row, "class")
    top = browser.execute_script("return arguments[0].getBoundingClientRect().top", row)
    assert -5 <= top <= 1000


def test_a_cell_leads_to_its_finding(show: Open) -> None:
    browser = show(synthetic.run("autograd", failing=0.6))
    cell = browser.find_element(By.CSS_SELECTOR, "#rows tr.leaf td.s-fail a")
    cell.click()
    target = said(cell, "href").split("#")[1]
    finding = browser.find_element(By.ID, target)
    assert finding.get_attribute("open") and finding.find_element(By.CSS_SELECTOR, "pre.code").is_displayed()


def test_a_finding_shows_program_graph_sides_and_commands(show: Open) -> None:
    browser = show(synthetic.run("autograd", failing=0.6))
    finding = browser.find_element(By.CSS_SELECTOR, ".finding")
    finding.find_element(By.TAG_NAME, "summary").click()
    assert "b.register_hook" in finding.find_element(By.CSS_SELECTOR, "pre.code").text
    graph = finding.find_element(By.CSS_SELECTOR, "svg.graph")
    for kind, count in (("leaf", 1), ("view", 1), ("inplace", 1), ("hook", 1), ("differs", 1)):
        assert len(graph.find_elements(By.CSS_SELECTOR, f"g.{kind}")) == count, kind
    assert len(finding.find_elements(By.CSS_SELECTOR, ".pair tr.entry.differs")) == 2
    assert "refgrad replay" in finding.text and "the engine is wrong" in finding.text and "5 programs" in finding.text


def test_copy_gives_the_script(show: Open) -> None:
    browser = show(synthetic.run("autograd", failing=0.6))
    grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.execute_cdp_cmd("Browser.grantPermissions", grant)
    finding = browser.find_element(By.CSS_SELECTOR, ".finding")
    finding.find_element(By.TAG_NAME, "summary").click()
    finding.find_element(By.CSS_SELECTOR, "button.copy").click()
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (e) => done('' + e));"
    assert browser.execute_async_script(read) == synthetic.SCRIPT


def test_sort_by_failures(show: Open, three: Runs) -> None:
    browser = show(*three)
    browser.find_element(By.CSS_SELECTOR, "#sort option[value=failures]").click()
    order = "return [...document.querySelectorAll('#rows tr.d0')].map((row) => row.id)"
    shown = browser.execute_script(order)
    failing: dict[str, set[str]] = {}
    for record in (record for run in three for record in run if record["type"] == "result"):
        group = f"area/{record['area']}" if record["kind"] == "clause" else f"family/{record['family']}"
        failing.setdefault(group, set())
        if record["status"] in ("fail", "crash"):
            failing[group].add(record["id"])
    counts = [len(failing[group]) for group in shown]
    assert counts == sorted(counts, reverse=True) and len(set(counts)) > 1


def test_collapses_and_keeps_the_keyboard(show: Open, three: Runs) -> None:
    browser = show(*three)
    browser.find_element(By.ID, "collapse").click()
    assert leaves(browser) == []
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "q"
    toggle = browser.find_element(By.CSS_SELECTOR, "#area\\/hooks .toggle")
    toggle.send_keys(Keys.ENTER)
    assert len(leaves(browser)) == 4
    focused = browser.switch_to.active_element
    assert focused.get_attribute("aria-expanded") == "true" and focused.text.startswith("hooks")


def test_heads_stick(show: Open, three: Runs) -> None:
    browser = show(*three)
    browser.find_element(By.ID, "expand").click()
    browser.execute_script("document.getElementById('op/svd/vjp').scrollIntoView({block: 'center'})")
    head = "return document.querySelector('#table thead th').getBoundingClientRect().top"
    assert abs(browser.execute_script(head)) < 2


def test_reads_without_a_script(show: Open, three: Runs) -> None:
    browser = show(*three, script=False)
    assert "op/svd/vjp" in browser.page_source
    assert browser.find_element(By.ID, "hooks.tensor-hook-order").is_displayed()
    finding = browser.find_element(By.CSS_SELECTOR, ".finding")
    finding.find_element(By.TAG_NAME, "summary").click()
    assert finding.find_element(By.CSS_SELECTOR, "pre.code").is_displayed()
    assert "programs witnessed" in browser.find_element(By.ID, "accounting").text
    assert not browser.find_element(By.ID, "query").is_displayed()


@pytest.mark.parametrize("width", [390, 820, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_and_is_lit(show: Open, three: Runs, width: int, scheme: str) -> None:
    browser = show(*three)
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    try:
        for finding in browser.find_elements(By.CSS_SELECTOR, ".finding summary")[:2]:
            browser.execute_script("arguments[0].click()", finding)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in paper[4:-1].split(",")) > 380) == (scheme == "light")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_paper_the_ink_is_dark(show: Open, three: Runs) -> None:
    browser = show(*three)
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [feature]})
    colour = "return getComputedStyle(document.querySelector(arguments[0])).color.match(/\\d+/g).map(Number)"
    for selector in ("h1", ".card dd", "#rows th", ".cell > *", ".finding b", ".message"):
        assert sum(browser.execute_script(colour, selector)) < 380, selector


def test_prints(show: Open, three: Runs) -> None:
    browser = show(*three)
    assert browser.find_element(By.ID, "more").is_displayed(), "there are more findings than are shown at first"
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 20_000
    findings = sum(record["type"] == "finding" for run in three for record in run)
    assert len(browser.find_elements(By.CSS_SELECTOR, ".finding[open]")) == findings


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(show: Open, three: Runs, scheme: str) -> None:
    browser = show(*three)
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    for summary in browser.find_elements(By.CSS_SELECTOR, ".finding summary")[:3]:
        summary.click()
    assert axe(browser) == []


def test_a_hundred_thousand_records(browser: Chrome, tmp_path: Path) -> None:
    records = synthetic.large("jax", clauses=5_000, operators=9_500)
    path = page.write([column.read_column(records)], tmp_path)
    assert path.stat().st_size <= 10_000_000
    assert best(lambda: opening(browser, path), 2.0) <= 2.0
    for query in ("behaviour-77", "status:fail", "op123"):
        assert best(lambda query=query: searching(browser, query), 100) <= 100, query
    browser.get("about:blank")


def best(measure: Callable[[], float], bar: float) -> float:
    """The best of up to six tries: what else runs on this machine must not decide."""
    found = measure()
    for _ in range(5):
        if found <= bar:
            break
        found = min(found, measure())
    return found


def opening(browser: Chrome, path: Path) -> float:
    """Seconds from the address to the finished page: the clock's, or what all of the browser's processes computed.

    Together they compute longer than an idle machine's clock runs; a busy machine's clock says nothing of the page.
    """
    browser.get("about:blank")
    started, before = time.perf_counter(), computed(browser.service.process.pid)
    browser.get(f"file://{path}")
    while not browser.execute_script("return document.documentElement.dataset.ready === 'true'"):
        time.sleep(0.01)
    return min(time.perf_counter() - started, computed(browser.service.process.pid) - before)


def computed(root: int) -> float:
    """Seconds of processor time of a process and all its descendants."""
    parents: dict[int, list[tuple[int, float]]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            told = path.read_text().rpartition(")")[2].split()
            ticks = int(told[11]) + int(told[12])
            parents.setdefault(int(told[1]), []).append((int(path.parent.name), ticks / os.sysconf("SC_CLK_TCK")))
    total, ahead = 0.0, [root]
    while ahead:
        for child, seconds in parents.get(ahead.pop(), ()):
            total += seconds
            ahead.append(child)
    return total


def searching(browser: Chrome, query: str) -> float:
    """Milliseconds of the page's thread from a query to its laid-out answer."""
    before = thread(browser)
    browser.execute_script(
        """const box = document.querySelector('#q');
        box.value = arguments[0];
        box.dispatchEvent(new Event('input'));
        document.body.offsetHeight""",
        query,
    )
    return 1000 * (thread(browser) - before)


def thread(browser: Chrome) -> float:
    """Seconds that the page's thread has computed."""
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(item["value"] for item in metrics if item["name"] == "TaskDuration")
