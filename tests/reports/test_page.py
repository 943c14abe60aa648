"""What the page promises beyond single parts, in a real Chromium: signs and colours, addresses, links, its isolation."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from reports import column, difference, page
from reports.page import Extras
from tests.reports import synthetic
from tests.reports.conftest import READY

Open = Callable[..., Chrome]
Runs = list[list[dict[str, Any]]]
FAILING = {"fail", "crash", "hang", "memory"}


def complete(*results: dict[str, Any]) -> list[dict[str, Any]]:
    records = [synthetic.header("jax"), *results]
    return [*records, synthetic.end(records)]


def of_every_status() -> list[dict[str, Any]]:
    return complete(*(synthetic.result(f"modes.{name}", name, area="modes") for name in column.STATUSES))


def by_id(browser: Chrome, name: str) -> Any:
    return browser.find_element(By.ID, name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_status_has_a_colour_and_a_sign_that_needs_none(show: Open, scheme: str) -> None:
    browser = show(of_every_status())
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    seen: dict[str, tuple[str, str]] = {}
    for status in column.STATUSES:
        inner = browser.find_element(By.CSS_SELECTOR, f"[id='modes.{status}@jax'] > *")
        sign = inner.find_element(By.CLASS_NAME, "sign").text
        assert sign == column.SIGNS[status] and status in (inner.get_attribute("textContent") or "")
        seen[status] = (sign, inner.value_of_css_property("color"))
    kinds = {"fail" if status in FAILING else status: look for status, look in seen.items()}
    assert len({sign for sign, _ in kinds.values()}) == len(kinds), "a sign tells the statuses apart without colour"
    assert len({kinds[name][1] for name in ("pass", "fail", "known", "convention", "not-claimed")}) == 5


def test_a_cell_is_pass_of_total(show: Open, three: Runs) -> None:
    browser = show(*three)
    for records in three:
        name = records[0]["backend"]["name"]
        mine = [r for r in records if r["type"] == "result" and r["area"] == "hooks" and r["status"] in column.JUDGED]
        passed = sum(r["status"] == "pass" for r in mine)
        assert f"{passed}/{len(mine)}" in by_id(browser, f"area/hooks@{name}").text


def test_the_harness_stands_apart_from_verdicts(show: Open) -> None:
    results = [synthetic.result(f"modes.{name}", area="modes") for name in "abc"]
    broken = synthetic.result("modes.broken", "harness-error", area="modes", message="it broke")
    browser = show(complete(*results, broken))
    group = by_id(browser, "area/modes@jax")
    assert "s-pass" in (group.get_attribute("class") or "") and "3/3" in group.text and "⚠" in group.text
    card = browser.find_element(By.CSS_SELECTOR, ".card")
    assert "1 harness errors: nothing is certified" in card.text and "%" not in card.text
    link = card.find_element(By.CSS_SELECTOR, ".status a")
    assert link.get_attribute("href").endswith("#harness-errors")
    assert "it broke" in by_id(browser, "accounting").text


def test_the_card_states_programs_profile_seed_and_time(show: Open) -> None:
    records = synthetic.run("jax")
    card = show(records).find_element(By.CSS_SELECTOR, ".card").text
    programs = sum(record.get("programs", 0) for record in records if record["type"] == "result")
    for fact in (
        f"programs\n{programs:,}",
        "profile\nquick",
        "seed\n7",
        "time\n12.5 s",
        "started\n2026-01-05 10:00 UTC",
    ):
        assert fact in card, fact


def test_a_finding_has_an_address(show: Open) -> None:
    records = synthetic.run("autograd", 9, failing=0.9)
    anchor = f"finding/{[r['id'] for r in records if r['type'] == 'finding'][-1]}"
    finding = by_id(show(records, hash=f"#{anchor}"), anchor)
    assert finding.get_attribute("open") and finding.is_displayed()


def test_a_finding_tells_the_promise_the_errors_and_who_says_so(show: Open) -> None:
    records = synthetic.run("autograd", failing=0.6)
    browser = show(records)
    results = {r["id"]: r for r in records if r["type"] == "result"}
    finding = browser.find_element(By.CSS_SELECTOR, ".finding")
    finding.find_element(By.TAG_NAME, "summary").click()
    stated = results[finding.find_element(By.CSS_SELECTOR, ".what code").text]
    for word in (stated["sentence"], stated["source"], "1.04", "8.7e+06", "mpmath, 50 digits", "to 0.4 ulp"):
        assert word in finding.text, word
    gaps = [row.text for row in finding.find_elements(By.CSS_SELECTOR, ".pair tr.entry.differs")]
    assert "-0.632" in gaps[0] and "-1.2647" in gaps[0] and "0.633" in gaps[0]


def changes() -> tuple[difference.Difference, list[dict[str, Any]]]:
    def results(*pairs: str, **more: object) -> list[dict[str, Any]]:
        return [synthetic.result(f"a.{p.split('=')[0]}", p.split("=")[1], **more) for p in pairs]

    before = complete(
        *results("broke=pass", "mended=fail", "other=not-claimed", "gone=pass", "worse=pass", "slow=pass")
    )
    after = complete(
        *results("broke=fail", "mended=pass", "other=known", "new=pass"),
        *results("worse=pass", headroom=0.9),
        *results("slow=pass", seconds=9.0),
    )
    return difference.compare(column.read_column(before), column.read_column(after)), after


def test_the_difference_has_every_sort(show: Open) -> None:
    change, after = changes()
    browser = show(after, extras=Extras(difference=change))
    wanted = {"newly-failing": "broke", "newly-passing": "mended", "status": "other", "appeared": "new", "gone": "gone",
              "accuracy": "worse", "time": "slow"}  # fmt: skip
    for sort, name in wanted.items():
        part = by_id(browser, f"difference/{sort}")
        assert [item.text.split()[0] for item in part.find_elements(By.TAG_NAME, "li")] == [f"a.{name}"]
    assert by_id(browser, "difference/gone").find_elements(By.TAG_NAME, "a") == [], "what is gone has no row"


LOST = """
document.querySelector('#expand').click();
for (let more; (more = document.querySelector('#rows td[colspan] button'));) more.click();
dispatchEvent(new Event('beforeprint'));
return [...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute('href').slice(1))
  .filter((name) => !name.startsWith('q=') && !document.getElementById(name));
"""


def test_every_link_inside_leads_somewhere(show: Open, three: Runs) -> None:
    change = difference.compare(column.read_column(three[1]), column.read_column(three[0][:-9]))
    browser = show(*three, extras=Extras(difference=change))
    assert len(browser.find_elements(By.CSS_SELECTOR, "a[href^='#']")) > 50
    assert browser.execute_script(LOST) == []


def test_the_first_key_skips_to_the_matrix(show: Open, three: Runs) -> None:
    browser = show(*three)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the matrix" and skip.is_displayed()
    skip.send_keys(Keys.ENTER)
    top = browser.execute_script("return document.querySelector('#matrix').getBoundingClientRect().top")
    assert abs(top) < 100
    assert browser.execute_script("return document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])').length") == 0


INTRUDER = '<script>window.acted = 1</script><p style="display:none" id="hidden">x</p>'


def test_only_the_page_s_own_script_and_style_act(show: Open, three: Runs, tmp_path: Path) -> None:
    browser = show(*three)
    path = tmp_path / "index.html"
    beacon = '<img src="http://127.0.0.1:9/a.png" onerror="window.acted = 1">'
    path.write_text(path.read_text().replace("</main>", f"{INTRUDER}{beacon}</main>"))
    browser.refresh()
    WebDriverWait(browser, 20, 0.02).until(lambda b: b.execute_script(READY))
    assert browser.execute_script("return window.acted") is None
    assert by_id(browser, "hidden").is_displayed()
    told = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert told.count("Content Security Policy") >= 3, told


@pytest.fixture
def published(tmp_path: Path, three: Runs) -> Iterator[tuple[str, list[str]]]:
    """A served folder with a page: its address, and the paths that were asked for."""
    page.write([column.read_column(records) for records in three], tmp_path)
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    def handler(*given: Any) -> Handler:
        return Handler(*given, directory=str(tmp_path))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
        server.shutdown()


def test_a_published_folder_is_asked_for_one_file(browser: Chrome, published: tuple[str, list[str]]) -> None:
    address, asked = published
    browser.get(address)
    WebDriverWait(browser, 20, 0.02).until(lambda b: b.execute_script(READY))
    assert asked == ["/"]
