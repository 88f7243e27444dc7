from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from sklearn.metrics import roc_auc_score

from bonaface.evaluation.bootstrap import BootstrapInterval
from bonaface.evaluation.markdown import markdown
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.report import Level, Report
from bonaface.evaluation.report_file import from_json, to_json
from bonaface.evaluation.reporting import evaluate, report_from_scores
from bonaface.evaluation.thresholds import fixed_threshold

from .reading import HOSTILE, SHOWN, check, headings, section, tables, words
from .tables import joined, table_of

DEV = table_of(("bonafide", 0.1), ("bonafide", 0.45), ("print", 0.55), ("faceswap", 0.9), split="dev")
TEST_ROWS = (
    *[("bonafide", 0.01 * i) for i in range(30)],
    ("bonafide", 0.6),
    ("bonafide", None),
    *[("print", 0.8)] * 6,
    ("print", 0.2),
    ("faceswap", 0.7),
    ("faceswap", 0.9),
    ("faceswap", None),
    ("mask_3d", None),
)
TEST = table_of(*TEST_ROWS)


@pytest.fixture(scope="module")
def report() -> Report:
    return report_from_scores(joined(DEV, TEST), bundle="tiny 1.0", replicates=50)


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return markdown(report)


def rows_of(text: str, title: str) -> dict[str, list[str]]:
    """The last table of a section, by its first cells."""
    return {row[0]: row[1:] for row in tables(section(text, title))[-1]}


def test_the_page(report: Report, text: str) -> None:
    check(text)
    assert headings(text) == [
        "h1 Report of tiny 1.0 on test", "h2 What a reader must know", "h2 What was measured",
        "h2 Errors at the threshold", "h2 No answer, and AUC", "h2 Whatever the threshold", "h2 Operating points",
        "h2 Intervals by subject", "h2 Calibration", "h2 Groups", "h2 Groups, crossed",
        "h2 Altered pictures",
    ]  # fmt: skip
    assert markdown(report) == text


def test_notes_come_first(report: Report, text: str) -> None:
    assert "no mask_3d row has a score: its APCER is not known" in report.notes
    below = section(text, "What a reader must know")
    assert words(below).splitlines() == report.notes
    silent = markdown(replace(report, notes=[], bundle=None))
    assert section(silent, "What a reader must know") == "\nNothing was noted.\n\n"
    assert silent.startswith("# Report on test\n")


def test_errors_are_those_of_the_table(text: str) -> None:
    found = rows_of(text, "Errors at the threshold")
    assert found["error"] == ["errors", "of", "rate", "95 % interval"]
    counted = {
        "APCER faceswap": (0, 2), "APCER print": (1, 7), "APCER worst species (print)": (1, 7), "APCER pooled": (1, 9),
        "BPCER": (1, 31), "BPCER, no answer counted": (2, 32),
    }  # fmt: skip
    for name, (errors, total) in counted.items():
        assert found[name][:3] == [str(errors), str(total), "%.2f %%" % (100 * errors / total)], name
    # Clopper and Pearson of 1 in 7, from their tables; of 0 in 2 it is 1 - 0.025^(1/2).
    assert found["APCER print"][3] == "0.36 to 57.87 %"
    assert found["APCER faceswap"][3] == "0.00 to %.2f %%" % (100 * (1 - math.sqrt(0.025)))
    assert found["APCER mask_3d"] == ["", "", "not known", ""]
    assert found["ACER worst species"][2] == "%.2f %%" % (50 * (1 / 7 + 1 / 31))
    assert found["ACER pooled"][2] == "%.2f %%" % (50 * (1 / 9 + 1 / 31))
    # mask_3d and the silent face swap count as let in.
    assert found["ACER worst species, no answer counted"][2] == "%.2f %%" % (50 * (1 + 2 / 32))
    below = section(text, "Errors at the threshold")
    assert (
        "Threshold 0.5000 by the rule eer on dev; equally good there: 0.4500 to 0.5500. A score at" in below
    )
    assert f"Accuracy is {100 * 38 / 40:.2f} %, beside {100 * 31 / 40:.2f} %" in below


def test_rows_and_answers(text: str) -> None:
    assert rows_of(text, "What was measured") == {
        "on test": ["rows", "with a score"], "bona fide": ["32", "31"], "attack": ["11", "9"]
    }  # fmt: skip
    assert "A row is a presentation." in section(text, "What was measured")
    found = rows_of(text, "No answer, and AUC")
    assert found["mask_3d"] == ["physical", "1", "1", "100.00 %", "2.50 to 100.00 %", "not known"]
    assert found["faceswap"][:4] == ["digital", "1", "3", "33.33 %"]
    assert found["all attacks (APNRR)"][1:4] == ["2", "11", "18.18 %"]
    assert found["bona fide (BPNRR)"][1:4] == ["1", "32", "3.12 %"]
    for name in ("print", "faceswap", "all attacks (APNRR)"):
        pairs = [
            (species != "bonafide", score)
            for species, score in TEST_ROWS
            if score is not None and (species in (name, "bonafide") or name.startswith("all"))
        ]
        assert found[name][-1] == f"{roc_auc_score(*zip(*pairs, strict=True)):.4f}"


def test_a_recogniser_behind_the_gate(report: Report) -> None:
    through = MeasuredRate(1, 7, 1 / 7, 0.0036, 0.5787)
    print_ = replace(report.species["print"], iapar=through)
    text = markdown(replace(report, species={**report.species, "print": print_}))
    check(text)
    found = rows_of(text, "No answer, and AUC")
    assert found["species"][-1] == "passes gate and recogniser"
    assert found["print"][-1] == "1 of 7 = 14.29 % (0.36 to 57.87 %)"
    assert found["faceswap"][-1] == "not known"
    assert found["bona fide (BPNRR)"][-1] == ""


def test_limits_that_the_rows_can_not_resolve_are_marked(text: str) -> None:
    found = rows_of(text, "Whatever the threshold")
    assert found["BPCER10"][0] == "APCER worst species at most 10 %"
    # No threshold above 0.2 keeps print's one error in 7 out; 0.2 to 0.29 and 0.6 are then rejected.
    assert found["BPCER10"][3][:18] == "11 of 31 = 35.48 %"
    assert found["BPCER10"][4] == found["BPCER100"][4] == "cannot be resolved"
    name = next(name for name in found if name.startswith("TPR"))
    assert name == f"TPR at FPR 1 %: {100 * 20 / 31:.2f} %"
    assert found[name][0] == "APCER pooled at most 1 %"
    # From 0.28 on 3 of 31 bona fide rows are rejected, and 1 of 9 attacks is accepted: nearer than anywhere else.
    assert "EER 10.39 % (errors of 9.68 % and 11.11 %, where they are nearest). AUC" in text


def test_limits_that_no_threshold_keeps(report: Report) -> None:
    certain = report_from_scores(joined(DEV, table_of(*[("bonafide", 1.0)] * 40, ("print", 0.5))))
    found = rows_of(markdown(certain), "Whatever the threshold")
    name = "APCER at BPCER 1 %"
    assert found[name][1:] == ["not known"] * 3 + ["no threshold keeps it; cannot be resolved"]


def test_operating_points(report: Report, text: str) -> None:
    found = rows_of(text, "Operating points")
    assert [name for name in found if name != "point"] == ["strict", "balanced", "convenient"]
    for name, point in report.operating_points.items():
        rule, threshold, worst, pooled, bpcer = found[name]
        assert rule == f"{point.threshold.rule} on dev"
        assert threshold.startswith(f"{point.threshold.value:.4f} ({point.threshold.low:.4f} to ")
        assert worst.startswith(f"print: {point.apcer_worst.errors} of 7 = ")
        assert pooled.startswith(f"{point.apcer_pooled.errors} of 9 = ")
        assert bpcer.startswith(f"{point.bpcer.errors} of 31 = ")
    none = markdown(evaluate(TEST, fixed_threshold(0.5)))
    assert (
        words(section(none, "Operating points"))
        == "Not known. They are chosen on dev rows, and none chose these."
    )
    assert "Threshold 0.5000, given and not chosen on scores." in none


def test_intervals_by_subject(report: Report) -> None:
    def interval(value: float, low: float, high: float, undefined: int = 0) -> BootstrapInterval:
        return BootstrapInterval(value, low, high, 0.95, "percentile", 2000, undefined)

    text = markdown(
        replace(
            report,
            intervals={"apcer print": interval(0.1, 0.05, 0.2, 7), "auc": interval(0.9, 0.85, 0.96)},
            intervals_anew={
                "apcer print": interval(0.1, 0.01, 0.3),
                "bpcer": interval(0.0, math.nan, math.nan),
            },
        )
    )
    check(text)
    assert rows_of(text, "Intervals by subject") == {
        "statistic": ["value", "threshold fixed", "threshold chosen anew"],
        "APCER print": ["10.00 %", "5.00 to 20.00 %", "1.00 to 30.00 %"],
        "AUC": ["0.9000", "0.8500 to 0.9600", ""],
        "BPCER": ["0.00 %", "", "not known"],
    }
    below = words(section(text, "Intervals by subject"))
    assert "Intervals of 95 % from subjects drawn with replacement 2,000 times (percentile)" in below
    assert below.endswith("APCER print has no value in 7 replicates, which are passed over.")
    assert "Not measured." in section(markdown(replace(report, intervals={})), "Intervals by subject")


def test_calibration(report: Report, text: str) -> None:
    found = report.calibration
    assert found is not None
    below = section(text, "Calibration")
    assert (
        f"(ECE) {found.reliability.ece:.4f}. Brier score {found.reliability.brier:.4f}, beside 0.2500"
        in below
    )
    assert (
        f"(Cllr) {found.cllr:.3f} bits; the best order-keeping change would leave {found.min_cllr:.3f}."
        in below
    )
    rows = tables(below)[0][1:]
    assert [row[1] for row in rows] == [str(one.count) for one in found.reliability.bins]
    assert rows[0][:2] == ["0.00 to 0.10", "10"]
    assert rows[4] == ["0.40 to 0.50", "0", "not known", "not known", ""]
    assert "where 50 % of the presentations are attacks" in below
    wrong = replace(found, certain_errors=2, cllr=math.nan)
    assert "(Cllr) infinite: rows that are wrong and certain: 2." in markdown(
        replace(report, calibration=wrong)
    )


def test_nothing_is_known_without_a_class() -> None:
    text = markdown(report_from_scores(table_of(("print", 0.9), ("print", None))))
    check(text)
    for title, known in {
        "Errors at the threshold": "No threshold could be chosen.",
        "Whatever the threshold": "One error where the other is held is not known: a class has no score.",
        "Operating points": "Not known.",
        "Intervals by subject": "Not measured.",
        "Calibration": "Not measured:",
        "Groups": "Not measured: there is no threshold.",
        "Groups, crossed": "Not measured: it takes two group columns that can be compared.",
        "Altered pictures": "Not measured: no scores of altered pictures came with this report.",
    }.items():
        assert known in section(text, title), title
    found = rows_of(text, "Errors at the threshold")
    assert {tuple(row) for name, row in found.items() if name.startswith(("APCER", "BPCER"))} == {
        ("", "", "not known", "")
    }
    assert "APCER worst species (not known)" in found
    assert "nan" not in text.lower()


def test_frames() -> None:
    clips = {"clip": ["a", "a", "b", "b", "c", "c", "d", "d"]}
    rows = [
        ("bonafide", 0.1),
        ("bonafide", 0.2),
        ("bonafide", 0.3),
        ("bonafide", None),
        *[("print", 0.9)] * 4,
    ]
    subjects = [f"subject-{clip}" for clip in clips["clip"]]
    report = report_from_scores(
        table_of(*rows, subjects=subjects, groups=clips), "fixed=0.25", presentations="clip", how="mean"
    )
    text = markdown(report)
    check(text)
    below = section(text, "Single frames")
    assert "A row is one frame of a presentation (clip)." in below
    assert [row[:2] for row in tables(below)[0][1:]] == [["bona fide", "4"], ["attack", "4"]]
    assert tables(below)[1][4][:3] == ["BPCER", "1", "3"]
    above = section(text, "What was measured")
    assert "A row is a presentation: the frames of one clip were summarised by mean." in above
    assert [row[1] for row in tables(above)[0][1:]] == ["2", "2"]
    assert "Single frames" not in markdown(replace(report, frames=None))


def with_name(report: Report, name: str, other: str) -> Report:
    """The report as it is read from a file in which somebody has renamed a species."""
    plain = json.dumps(to_json(report)).replace(name, json.dumps(other)[1:-1])
    return from_json(json.loads(plain))


def test_hostile_names() -> None:
    rows = [*[("bonafide", 0.1)] * 3, ("evil", 0.9), ("evil", 0.05)]
    table = joined(table_of(*rows, split="dev"), table_of(*rows))
    report = with_name(report_from_scores(table, bundle="evil", replicates=20), "evil", HOSTILE)
    report = replace(report, notes=[*report.notes, HOSTILE, "1. first", "---", "- - x"])
    text = markdown(report)
    check(text)
    assert headings(text)[0] == f"h1 Report of {SHOWN} on test"
    assert f"APCER {SHOWN}" in rows_of(text, "Errors at the threshold")
    assert SHOWN in rows_of(text, "No answer, and AUC")
    assert f"APCER {SHOWN}" in rows_of(text, "Intervals by subject")
    assert rows_of(text, "Operating points")["balanced"][2].startswith(f"{SHOWN}: 1 of 2 = 50.00 %")
    assert words(section(text, "What a reader must know")).splitlines()[-4:] == [
        SHOWN,
        "1. first",
        "---",
        "- - x",
    ]
    frames = replace(report, level=Level("presentation", HOSTILE, HOSTILE), frames=report)
    check(markdown(frames))
