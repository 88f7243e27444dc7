from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bonaface.errors import ScoreError
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.report import Report
from bonaface.evaluation.report_file import from_json, read_report, to_json, write_report
from bonaface.evaluation.reporting import report_from_scores
from bonaface.vocabulary import Split

from .test_reporting import both, videos


def test_the_file_is_json_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report = report_from_scores(both(), bundle="tiny 1.0")
    write_report(path, report)
    plain = json.loads(path.read_text(encoding="utf-8"))
    assert plain["schema_version"] == 2
    assert plain["threshold"] == {"value": 0.5, "low": 0.45, "high": 0.55, "rule": "eer", "split": "dev"}
    assert type(to_json(report)["split"]) is str
    assert plain["species"]["print"]["family"] == "physical"
    back = from_json(plain)
    assert isinstance(back, Report)
    assert back == report
    assert isinstance(back.bpcer, MeasuredRate)
    assert back.threshold.split is Split.DEV
    assert list(tmp_path.iterdir()) == [path]


def test_reading_a_report_needs_neither_torch_nor_scipy() -> None:
    script = (
        "import sys; import bonaface.evaluation.report_file; "
        "print(sorted({'torch', 'scipy', 'cv2', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_another_schema_is_refused() -> None:
    for plain, came in (({"schema_version": 1}, "1"), ({}, "None")):
        with pytest.raises(ScoreError) as error:
            from_json(plain)
        assert str(error.value) == (
            f"a report must have schema_version 2; got {came}; write it again with this release"
        )


@pytest.mark.parametrize(
    ("change", "came"),
    [
        ({"bpcer": None}, "bpcer: Input should be an object"),
        ({"split": "tests"}, "split: Input should be 'train', 'dev' or 'test'"),
        ({"more": 1}, "more: Unexpected keyword argument"),
    ],
)
def test_a_report_with_other_fields_is_refused(change: dict[str, object], came: str) -> None:
    plain = to_json(report_from_scores(both())) | change
    with pytest.raises(ScoreError) as error:
        from_json(plain)
    assert str(error.value) == f"a report must have the fields that to_json writes; {came}; write it again"


def test_a_report_without_a_field_is_refused() -> None:
    plain = to_json(report_from_scores(both()))
    del plain["counts"]
    with pytest.raises(ScoreError, match="must have the fields that to_json writes; counts: Field required"):
        from_json(plain)


def test_every_part_reads_back(tmp_path: Path) -> None:
    report = report_from_scores(videos(), presentations="video", replicates=10)
    write_report(tmp_path / "report.json", report)
    back = read_report(tmp_path / "report.json")
    assert to_json(back) == to_json(report)
    assert back.frames is not None
    assert back.operating_points["strict"].threshold == report.operating_points["strict"].threshold
    assert back.intervals.keys() == report.intervals.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "a report must be a file; {path} is none; run: bonaface evaluate"),
        ("{", "a report must be JSON; {path} is not; run: bonaface evaluate"),
        ("[" * 100_000, "a report must be JSON; {path} is not; run: bonaface evaluate"),
        ("[]", "a report must be a JSON object; {path} is not; run: bonaface evaluate"),
    ],
)
def test_files_that_are_no_report(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ScoreError) as error:
        read_report(path)
    assert str(error.value) == message.format(path=path)
