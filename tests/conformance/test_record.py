"""Results files: written line by line, read after a kill, merged from shards."""

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance.certifying import certificate
from conformance.recording import record
from tests.reports import synthetic

SCHEMAS = Path(__file__).parents[2] / "reports" / "schema"


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return synthetic.run("autograd", failing=0.5)


@pytest.fixture
def path(tmp_path: Path, records: list[dict[str, Any]]) -> Path:
    with record.Recorder(tmp_path / "deep" / "results.jsonl") as recorder:
        for item in records:
            recorder.write(item)
    return recorder.path


def test_every_line_follows_the_schema(path: Path) -> None:
    check = validator("results.schema.json")
    for line in path.read_text().splitlines():
        check.validate(json.loads(line))


def test_the_schema_refuses(records: list[dict[str, Any]]) -> None:
    bad = {**next(item for item in records if item["type"] == "result"), "status": "fine"}
    assert not validator("results.schema.json").is_valid(bad)


def test_a_record_is_on_disk_before_the_next(tmp_path: Path) -> None:
    recorder = record.Recorder(tmp_path / "r.jsonl")
    recorder.write(synthetic.header())
    assert json.loads((tmp_path / "r.jsonl").read_text())["type"] == "run"
    recorder.close()


def test_resume_appends(path: Path) -> None:
    before = path.read_text()
    with record.Recorder(path, resume=True) as recorder:
        recorder.write({"type": "drift", "id": "x"})
    assert path.read_text() == before + '{"type":"drift","id":"x"}\n'


def test_reads_what_was_written(path: Path, records: list[dict[str, Any]]) -> None:
    run = record.read(path)
    assert run.records() == records and run.complete and not run.notices
    assert run.counts() == records[-1]["counts"]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_cut_last_line_is_dropped_and_said(path: Path, cut: int) -> None:
    path.write_text(path.read_text()[:-cut])
    run = record.read(path)
    if cut == 1:
        assert run.complete
    else:
        assert not run.complete and any("cut off" in notice for notice in run.notices)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a results file"),
        ("{", "line 1 is not a record"),
        ('{"type":"result","id":"x","status":"pass"}\n', "not a results file"),
        ('{"type":"run","format":9,"backend":{},"oracle":{}}\n', "format 9"),
        ('{"type":"run","format":1}\n', "needs 'backend'"),
        ("[" * 100_000 + "\n{}\n", "line 1 is not a record"),
    ],
)
def test_damage_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(text)
    with pytest.raises(record.RecordError) as caught:
        record.read(path)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_and_a_damaged_middle(path: Path) -> None:
    with pytest.raises(record.RecordError, match="No such file"):
        record.read(path.with_name("none"))
    lines = path.read_text().splitlines()
    lines[2] = lines[2][:20]
    path.write_text("\n".join(lines))
    with pytest.raises(record.RecordError, match="line 3 is not a record"):
        record.read(path)


def test_digest_ignores_order_floats_and_time(records: list[dict[str, Any]]) -> None:
    changed = [{**item, "seconds": 99.0, "headroom": 0.5, "error_abs": 1e9, "backend_saw": None} for item in records]
    random.Random(1).shuffle(changed)
    assert record.digest(changed) == record.digest(records)


@pytest.mark.parametrize("field", ["status", "digest", "kind"])
def test_digest_sees_verdicts_and_programs(records: list[dict[str, Any]], field: str) -> None:
    changed = [dict(item) for item in records]
    next(item for item in changed if field in item and item["type"] in ("result", "finding"))[field] = "other"
    if field == "kind":
        next(item for item in changed if item["type"] == "finding")[field] = "other"
    assert record.digest(changed) != record.digest(records)


def test_eight_shards_have_the_digest_of_one_run(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    shards = []
    for shard in range(8):
        mine = [item for number, item in enumerate(records) if item["type"] == "result" and number % 8 == shard]
        names = {item["id"] for item in mine}
        mine += [item for item in records if item.get("result") in names]
        rows = [records[0], *mine, synthetic.end(mine)]
        shards.append(record.read(synthetic.write(tmp_path / f"{shard}.jsonl", rows)))
    merged = record.merge(shards)
    assert record.digest(merged) == record.digest(records) == merged[-1]["digest"]
    assert merged[-1]["counts"] == records[-1]["counts"]


def test_merge_refuses_other_runs_and_double_work(tmp_path: Path, path: Path) -> None:
    run = record.read(path)
    with pytest.raises(record.RecordError, match="judged in"):
        record.merge([run, run])
    other = record.read(synthetic.write(tmp_path / "o.jsonl", synthetic.run("autograd", seed=8)))
    with pytest.raises(record.RecordError, match="another seed"):
        record.merge([run, other])
    foreign = record.read(synthetic.write(tmp_path / "f.jsonl", synthetic.run("jax")))
    with pytest.raises(record.RecordError, match="backend"):
        record.merge([run, foreign])


def test_certificate_follows_its_schema(path: Path) -> None:
    certified = certificate.certify(record.read(path))
    validator("certificate.schema.json").validate(certified)
    assert certified["profiles"]["higher-order"]["verdict"] == "not-claimed"


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["pass", "pass"], "certified"),
        (["pass", "fail"], "failed"),
        (["pass", "crash"], "failed"),
        (["not-claimed"], "not-claimed"),
        (["pass", "not-claimed"], "certified"),
        (["pass", "harness-error"], "incomplete"),
        (["known"], "not-claimed"),
        (["pass", "convention"], "convention"),
        (["pass", "known"], "certified"),
    ],
)
def test_certificate_verdicts(tmp_path: Path, statuses: list[str], verdict: str) -> None:
    rows = [synthetic.header(), *(synthetic.result(f"a.{n}", status) for n, status in enumerate(statuses))]
    complete = record.read(synthetic.write(tmp_path / "c.jsonl", [*rows, synthetic.end(rows)]))
    assert certificate.certify(complete)["profiles"]["tape"]["verdict"] == verdict


def test_a_cut_run_certifies_nothing(tmp_path: Path) -> None:
    cut = record.read(synthetic.write(tmp_path / "c.jsonl", [synthetic.header(), synthetic.result("a.b")]))
    assert certificate.certify(cut)["profiles"]["tape"]["verdict"] == "incomplete"
