"""The wheel, installed in a clean environment: what it ships, and that its command runs there."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", out, ROOT)
    assert built.returncode == 0, built.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with only the wheel in it; what it depends on is lent by the one that runs this test."""
    home = tmp_path_factory.mktemp("clean") / "env"
    assert run(sys.executable, "-m", "venv", home).returncode == 0
    python = home / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "-q", "--no-deps", wheel)
    assert installed.returncode == 0, installed.stderr
    lent = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(run(python, "-c", lent).stdout.strip())
    (site / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return home


def test_ships_two_packages_and_no_foreign_name(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    assert top == {"refgrad", "refgrad_conformance"}


def test_ships_the_templates_and_schemas(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "refgrad_conformance/reports/schema/results.schema.json" in names
    assert not any("__pycache__" in name for name in names)


def test_certify_help(environment: Path, tmp_path: Path) -> None:
    shown = run(environment / "bin" / "refgrad", "certify", "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "--backend" in shown.stdout


def test_imports_nothing_of_the_checkout(environment: Path, tmp_path: Path) -> None:
    where = "import refgrad_conformance.cli as cli; print(cli.__file__)"
    shown = run(environment / "bin" / "python", "-c", where, cwd=tmp_path)
    assert str(ROOT) not in shown.stdout and "refgrad_conformance" in shown.stdout, shown.stderr


def test_certify_runs_there(environment: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    words = ("certify", "--backend", "torch", "--examples", "8", "-k", "backward.fan-out-sums")
    done = run(environment / "bin" / "refgrad", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "conformance-report").iterdir()} == {
        "badge.svg",
        "results.jsonl",
        "certificate.json",
        "index.html",
    }
