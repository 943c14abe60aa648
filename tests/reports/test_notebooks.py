"""What a notebook shows of a Tensor, a Program and a Divergence, in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

import refgrad
from conformance.judging.compare import Divergence
from tests.conformance.test_notebook import drawn_program


def shown() -> dict[str, str]:
    x = refgrad.tensor([[1.0, -2.0]], requires_grad=True)
    y = (x.sin() * x).sum()
    odd = Divergence("value", ("step", 0, ()), "<script>document.title = 'hit'</script>", "<b>mine</b>", "theirs")
    return {"tensor": y._repr_html_(), "program": drawn_program(3)._repr_html_(), "divergence": odd._repr_html_()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_is_drawn(browser: Chrome, tmp_path: Path, scheme: str) -> None:
    cells = "".join(f'<div id="{name}">{html}</div>' for name, html in shown().items())
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><title>quiet</title><link rel=icon href='data:,'>{cells}")
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(path.as_uri())
    for name, word in (("tensor", "SinBackward0"), ("program", "sin")):
        picture = browser.find_element(By.CSS_SELECTOR, f"#{name} svg")
        assert picture.size["width"] > 60 and picture.size["height"] > 60 and word in picture.text
    assert "<b>mine</b>" in browser.find_element(By.ID, "divergence").text and browser.title == "quiet"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
