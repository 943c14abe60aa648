"""A real Chromium. In CI its absence is an error; elsewhere these tests say what to install."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from reports import column, page
from tests.reports import synthetic

Open = Callable[..., "Chrome"]


def find_chromium() -> tuple[str, str]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser and driver:
        return browser, driver
    message = "these tests need Chromium: apt-get install chromium chromium-driver"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def start() -> Chrome:
    """Chromium without a window."""
    binary, driver = find_chromium()
    options = ChromeOptions()
    options.binary_location = binary
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    chrome.set_script_timeout(180)
    return chrome


def axe(browser: Chrome) -> list[str]:
    """What axe-core finds wrong with the page as it stands, a line a rule."""
    import axe_core_python

    browser.execute_script(Path(axe_core_python.__file__).with_name("axe.min.js").read_text())
    run = "const done = arguments[0]; axe.run().then((r) => done(r.violations), (e) => done([String(e)]))"
    return [f"{v['id']}: {[node['html'][:120] for node in v['nodes'][:3]]}" for v in browser.execute_async_script(run)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    chrome = start()
    chrome.set_window_size(1280, 1000)
    yield chrome
    chrome.quit()


@pytest.fixture
def show(browser: Chrome, tmp_path: Path) -> Iterator[Open]:
    """Writes a page of some runs, opens it, waits until its script is done."""

    def open_page(*runs: list[dict[str, Any]], hash: str = "", extras: Any = None, script: bool = True) -> Chrome:
        columns = [column.read_column(records, file=f"run{number}.jsonl") for number, records in enumerate(runs)]
        path = page.write(columns, tmp_path, extras)
        browser.get("about:blank")
        browser.get_log("browser")
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        browser.get(f"file://{path}{hash}")
        if script:
            WebDriverWait(browser, 20, 0.02).until(lambda b: b.execute_script(READY))
        return browser

    yield open_page
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.set_window_size(1280, 1000)


READY = "return document.documentElement.dataset.ready === 'true'"


@pytest.fixture
def three() -> list[list[dict[str, Any]]]:
    return [synthetic.run("refgrad"), synthetic.run("autograd", failing=0.5), synthetic.run("jax", 3, failing=0.2)]
