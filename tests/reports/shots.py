"""Pictures of a page, for the README (`docs/pictures`) and for looking at it at three widths, light and dark.

python -m tests.reports.shots RESULTS FOLDER          # the README's three pictures
python -m tests.reports.shots RESULTS FOLDER --all    # the whole page, 3 widths × 2 schemes
python -m tests.reports.shots PAGE.html FOLDER --all  # one that `refgrad report` has written, with all its parts
"""

from __future__ import annotations

import argparse
import base64
import io
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome

from conformance.recording import record
from reports import column, page
from tests.reports.conftest import READY, start

WIDTHS, SCHEMES = (390, 820, 1440), ("light", "dark")
OPEN_FINDING = """
const found = [...document.querySelectorAll('.finding')].find(
  (f) => f.querySelector('svg.graph .differs') && f.querySelector('tr.entry.differs'));
found.open = true;
return found.getBoundingClientRect().top + scrollY - 24;
"""
COLOURS = 160
"""What a page of text and a few tints needs: a quarter of the bytes, and no difference that an eye sees."""


def look(browser: Chrome, address: str, width: int, scheme: str, height: int, ask: str = "") -> Image.Image:
    """The page as it stands at a width, from the place that a script gives; at most ``height`` tall."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [_feature("prefers-color-scheme", scheme)]})
    _resize(browser, width, 900)
    browser.get("about:blank")
    browser.get(address)
    while not browser.execute_script(READY):
        time.sleep(0.02)
    top = int(browser.execute_script(ask) or 0) if ask else 0
    whole = int(browser.execute_script("return document.documentElement.scrollHeight"))
    _resize(browser, width, min(height, whole - top))
    browser.execute_script("scrollTo(0, arguments[0])", top)
    time.sleep(0.5)
    return Image.open(io.BytesIO(base64.b64decode(browser.get_screenshot_as_base64())))


def _resize(browser: Chrome, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _feature(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def save(image: Image.Image, path: Path) -> None:
    """A small PNG."""
    image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {image.width} × {image.height}, {path.stat().st_size // 1024} KiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="three widths, light and dark, instead of the README's")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    browser = start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            written = _page_of(given.results, Path(folder))
            _shoot(browser, f"file://{written}", given.folder, given.all)
    finally:
        browser.quit()


def _page_of(given: Path, folder: Path) -> Path:
    if given.suffix == ".html":
        return given.resolve()
    run = record.read(given)
    return page.write([column.read_column(run.records(), run.notices, given.name)], folder)


def _shoot(browser: Chrome, address: str, folder: Path, everything: bool) -> None:
    if everything:
        for width in WIDTHS:
            for scheme in SCHEMES:
                save(look(browser, address, width, scheme, 12_000), folder / f"page-{width}-{scheme}.png")
        return
    for scheme in SCHEMES:
        save(look(browser, address, 1180, scheme, 900), folder / f"report-{scheme}.png")
    save(look(browser, address, 1180, "light", 760, OPEN_FINDING), folder / "finding.png")


if __name__ == "__main__":
    main()
