"""A run that is cut anywhere goes on to the same digest; shards make up the run."""

from __future__ import annotations

import functools
import operator
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance.recording.record import Recorder, digest, merge, read
from conformance.recording.resuming import begin, done, is_wanted, kept, shard

ROOT = Path(__file__).parents[2]
FEW = "backward.fan or op/relu or op/cumsum or op/where"
FILES = ("conformance/clauses/test_backward.py", "conformance/test_operators.py")


def run(path: Path, *more: str) -> list[str]:
    words = ["-m", "pytest", *FILES, "-q", "--backend", "refgrad", "--oracle", "refgrad", "-k", FEW]
    return [sys.executable, *words, "-p", "no:cacheprovider", "--results", str(path), *more]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "results.jsonl"
    assert subprocess.run(run(path), cwd=ROOT, capture_output=True).returncode == 0
    return path


def test_a_file_cut_at_any_byte_is_completed_to_the_same_digest(whole: Path, tmp_path: Path) -> None:
    full, text, draw = read(whole), whole.read_bytes(), random.Random(0)
    cut = tmp_path / "cut.jsonl"
    for _ in range(100):
        cut.write_bytes(text[: draw.randrange(text.index(b"\n") + 1, len(text))])
        before = done(cut)
        recorder, records = begin(cut, full.header)
        with recorder:
            for result in full.results.values():
                if result["id"] not in before:
                    recorder.write(result)
        again = read(cut)
        assert before == {r["id"] for r in records if r["type"] == "result"}
        assert digest(again.records()) == digest(full.records()) and full.end
        assert digest(again.records()) == full.end["digest"]


def test_a_killed_process_goes_on(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    for wait in (0.3, 1.0):
        process = subprocess.Popen(run(path, "--resume"), cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None and not path.exists():
            time.sleep(0.02)
        time.sleep(wait * 0.3)
        process.kill()
        process.wait()
    assert subprocess.run(run(path, "--resume"), cwd=ROOT, capture_output=True).returncode == 0
    end, there = read(path).end, read(whole).end
    assert end and there and end["digest"] == there["digest"]


def test_findings_without_their_result_are_run_again(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    with Recorder(path) as recorder:
        recorder.write({"type": "run", "format": 1, "backend": {}, "oracle": {}})
        recorder.write({"type": "finding", "id": "a#1", "result": "a"})
        recorder.write({"type": "result", "id": "a", "status": "fail"})
        recorder.write({"type": "finding", "id": "b#1", "result": "b"})
    assert [record.get("id") for record in kept(path)] == [None, "a#1", "a"]


def test_another_run_is_not_gone_on_with(whole: Path) -> None:
    result = subprocess.run(run(whole, "--resume", "--seed", "5"), cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2 and "not the same run" in result.stdout + result.stderr


def test_shards_make_up_the_run(whole: Path) -> None:
    ids = list(read(whole).results)
    parts = [[id for id in ids if is_wanted(id, frozenset(), (i, 8))] for i in range(1, 9)]
    assert sorted(functools.reduce(operator.iadd, parts, [])) == sorted(ids)


def test_merged_shards_have_the_digest_of_the_run(whole: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.jsonl" for i in range(1, 9)]
    for i, path in enumerate(paths, 1):
        status = subprocess.run(run(path, "--shard", f"{i}/8"), cwd=ROOT, capture_output=True).returncode
        # Of so few clauses none may fall to a part: pytest then says 5, and there is no file.
        assert status == (0 if path.exists() else 5)
    end = read(whole).end
    assert end and merge([read(path) for path in paths if path.exists()])[-1]["digest"] == end["digest"]


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "-1/2"])
def test_a_bad_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 2/8"):
        shard(text)
