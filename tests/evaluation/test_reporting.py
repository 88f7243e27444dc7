from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from bonaface.errors import ScoreError
from bonaface.evaluation.report import (
    MeasuredRate,
    Report,
    evaluate,
    from_json,
    report_from_scores,
    to_json,
    write_report,
)
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import Threshold, eer_threshold, fixed_threshold
from bonaface.vocabulary import Family, Split

from .tables import ROWS, Row, joined, table_of

DEV: tuple[Row, ...] = (("bonafide", 0.1), ("bonafide", 0.45), ("print", 0.55), ("faceswap", 0.9))
TEST: tuple[Row, ...] = (
    *[("bonafide", 0.01 * i) for i in range(30)],
    ("bonafide", 0.6),
    ("bonafide", None),
    ("print", 0.8),
    ("print", 0.2),
    ("faceswap", 0.7),
    ("faceswap", 0.9),
    ("faceswap", 0.3),
    ("faceswap", None),
)


def both(dev: tuple[Row, ...] = DEV, test: tuple[Row, ...] = TEST) -> ScoreTable:
    return joined(table_of(*dev, split="dev"), table_of(*test, split="test"))


def test_the_report_of_a_table_worked_by_hand() -> None:
    report = report_from_scores(both(), bundle="tiny 1.0")
    assert report.bundle == "tiny 1.0"
    assert report.split is Split.TEST
    assert report.threshold == Threshold(0.5, 0.45, 0.55, rule="eer", split=Split.DEV)
    counts = report.counts
    assert (counts.rows, counts.bonafide, counts.attack) == (38, 32, 6)
    assert (counts.scored_bonafide, counts.scored_attack) == (31, 5)
    assert list(report.species) == ["faceswap", "print"]
    assert (report.species["print"].apcer.errors, report.species["print"].apcer.total) == (1, 2)
    assert (report.species["faceswap"].apcer.errors, report.species["faceswap"].apcer.total) == (1, 3)
    assert (report.species["faceswap"].apnrr.errors, report.species["faceswap"].apnrr.total) == (1, 4)
    assert (report.species["faceswap"].family, report.species["faceswap"].rows) == (Family.DIGITAL, 4)
    assert report.worst_species == "print"
    assert report.apcer_worst == report.species["print"].apcer
    assert (report.apcer_pooled.errors, report.apcer_pooled.total) == (2, 5)
    assert (report.bpcer.errors, report.bpcer.total) == (1, 31)
    assert (report.bpcer_with_non_responses.errors, report.bpcer_with_non_responses.total) == (2, 32)
    assert report.acer_worst == pytest.approx((1 / 2 + 1 / 31) / 2)
    assert report.acer_pooled == pytest.approx((2 / 5 + 1 / 31) / 2)
    assert (report.apnrr.errors, report.apnrr.total) == (1, 6)
    assert (report.bpnrr.errors, report.bpnrr.total) == (1, 32)
    assert report.threshold_free.split is Split.TEST
    assert report.notes == []


def test_auc_and_intervals_have_witnesses() -> None:
    report = report_from_scores(both())
    scored = [(species, score) for species, score in TEST if score is not None]
    for name in ("print", "faceswap"):
        pairs = [(s == name, score) for s, score in scored if s in {name, "bonafide"}]
        assert report.species[name].auc == pytest.approx(roc_auc_score(*zip(*pairs, strict=True)))
    pairs = [(s != "bonafide", score) for s, score in scored]
    assert report.threshold_free.auc == pytest.approx(roc_auc_score(*zip(*pairs, strict=True)))
    # At 0.25 one of 5 attacks passes, print's 0.2; of 31 bona fide 0.25 to 0.29 and 0.6 are rejected.
    assert report.threshold_free.eer.value == pytest.approx((1 / 5 + 6 / 31) / 2)
    assert (report.threshold_free.eer.lower, report.threshold_free.eer.upper) == (6 / 31, 1 / 5)
    # Clopper-Pearson of 1 in 2 has the closed form 1 - sqrt(1 - a) with a = 0.025.
    low = 1 - math.sqrt(1 - 0.025)
    assert report.apcer_worst.low == pytest.approx(low)
    assert report.apcer_worst.high == pytest.approx(1 - low)


def test_polarity_rejecting_the_genuine_is_bpcer() -> None:
    """A detector that calls everything an attack: every bona fide rejected, no attack accepted."""
    rows: tuple[Row, ...] = (*[("bonafide", 0.9)] * 30, ("print", 0.95))
    report = evaluate(table_of(*rows), fixed_threshold(0.5))
    assert report.bpcer.value == 1.0
    assert report.apcer_pooled.value == 0.0
    assert report.threshold_free.auc == 1.0


def test_what_can_not_be_computed_is_nan_with_a_note_and_the_rest_is_given() -> None:
    report = evaluate(table_of(*[("bonafide", 0.1)] * 30), fixed_threshold(0.5))
    assert report.bpcer.value == 0.0
    assert report.species == {}
    assert report.worst_species is None
    numbers = (report.apcer_worst.value, report.apcer_pooled.low, report.acer_pooled, report.acer_worst)
    free = report.threshold_free
    assert all(math.isnan(number) for number in (*numbers, free.auc, free.eer.value, report.apnrr.high))
    assert report.notes == ["test has no attack with a score: APCER, ACER, AUC and EER are not known"]
    assert to_json(report)["threshold_free"]["eer"] == {"value": None, "lower": None, "upper": None}


def test_attacks_alone_still_have_an_apcer() -> None:
    report = evaluate(table_of(("print", 0.1), ("morph", None), ("bonafide", None)), fixed_threshold(0.5))
    assert report.apcer_worst.value == 1.0
    assert math.isnan(report.species["print"].auc)
    assert math.isnan(report.species["morph"].apcer.value)
    assert report.bpcer_with_non_responses.value == 1.0
    assert report.notes == [
        "test has no bona fide row with a score: BPCER, ACER, AUC and EER are not known",
        "no morph row has a score: its APCER is not known",
    ]


def test_notes_of_weak_numbers() -> None:
    table = both(
        dev=(("bonafide", 0.1), ("print", 0.9)), test=(("bonafide", 0.2), ("faceswap", 0.8), ("mine", 0.7))
    )
    table = ScoreTable(
        **{
            name: getattr(table, name)
            for name in ("sample", "label", "species", "split", "attack_score", "reason")
        },
        subject=["", *table.subject[1:]],
    )
    assert report_from_scores(table).notes == [
        "1 rows have no subject: whether dev and test share one is not known",
        "dev has no digital attack with a score: the dev threshold says nothing about digital attacks",
        "test has 1 bona fide rows with a score, fewer than 30: BPCER is a rough number",
        "species mine is outside the vocabulary: its family is not known",
        "every threshold from 0.100 to 0.900 makes the same errors on the rows it was chosen on: "
        "the place of 0.500 between them is a guess",
    ]


def test_a_family_that_neither_split_has_is_not_noted() -> None:
    table = both(dev=(("bonafide", 0.45), ("print", 0.55)), test=(*[("bonafide", 0.1)] * 30, ("print", 0.9)))
    assert report_from_scores(table).notes == []


def test_bona_fide_rows_without_a_score_do_not_make_thirty() -> None:
    rows: tuple[Row, ...] = (*[("bonafide", 0.1)] * 29, ("bonafide", None), ("print", 0.9))
    assert evaluate(table_of(*rows), fixed_threshold(0.5)).notes == [
        "test has 29 bona fide rows with a score, fewer than 30: BPCER is a rough number"
    ]


def test_a_threshold_measured_where_it_was_chosen_is_noted() -> None:
    dev = table_of(*DEV, split="dev")
    assert evaluate(dev, eer_threshold(dev)).notes[-1] == (
        "the threshold was chosen on dev, where it is measured: the rates may be too good"
    )


def test_rows_of_several_splits_or_none_have_no_report() -> None:
    for table, came in ((both(), "dev, test"), (table_of(), "no row")):
        with pytest.raises(ScoreError) as error:
            evaluate(table, fixed_threshold(0.5))
        assert str(error.value) == (
            f"a report must be of the rows of one split; got {came}; select one with of_split"
        )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (table_of(*DEV, split="dev"), "scores must have rows of dev and of test; got dev; add test rows"),
        (table_of(*TEST), "scores must have rows of dev and of test; got test; add dev rows"),
        (table_of(), "scores must have rows of dev and of test; got none; add dev rows"),
        (
            both(dev=(("bonafide", 0.1),)),
            "dev must have both classes with a score; got no scored attack among 0; add some",
        ),
    ],
)
def test_scores_that_choose_no_threshold_have_no_report(table: ScoreTable, message: str) -> None:
    with pytest.raises(ScoreError) as error:
        report_from_scores(table)
    assert str(error.value) == message


def leaking(*shared: str) -> ScoreTable:
    dev = table_of(*DEV, split="dev", subjects=[*shared, "d1", "d2", "d3", "d4"][: len(DEV)])
    test = table_of(*TEST, subjects=[f"t{i}" for i in range(len(TEST) - len(shared))] + list(shared))
    return joined(dev, test)


def test_a_planted_subject_leak_is_caught() -> None:
    with pytest.raises(ScoreError) as error:
        report_from_scores(leaking("anna"))
    assert str(error.value) == (
        "a subject must be in dev or in test, not in both; got 'anna'; move all rows of a subject to one split"
    )
    with pytest.raises(ScoreError) as error:
        report_from_scores(leaking("bert", "anna"))
    assert str(error.value) == (
        "a subject must be in dev or in test, not in both; got 'anna' and 1 more; "
        "move all rows of a subject to one split"
    )


def test_a_leak_can_be_allowed_and_is_then_noted() -> None:
    report = report_from_scores(leaking("anna"), allow_shared_subjects=True)
    assert report.notes[0] == "1 subjects are in both dev and test: the rates may be too good"


def test_unknown_subjects_are_no_leak() -> None:
    dev = table_of(*DEV, split="dev", subjects=[""] * len(DEV))
    report = report_from_scores(joined(dev, table_of(*TEST, subjects=[""] * len(TEST))))
    assert report.notes == ["42 rows have no subject: whether dev and test share one is not known"]


def test_train_rows_are_passed_over() -> None:
    train = table_of(("bonafide", 0.9), ("print", 0.1), split="train")
    assert to_json(report_from_scores(joined(both(), train))) == to_json(report_from_scores(both()))


@settings(max_examples=50, deadline=None)
@given(rows=ROWS.filter(bool), fixed=st.sampled_from([0.0, 0.25, 0.5, 1.0]), seed=st.integers(0, 99))
def test_any_table_has_a_report_that_order_and_json_leave_alone(
    rows: list[Row], fixed: float, seed: int
) -> None:
    report = evaluate(table_of(*rows), fixed_threshold(fixed), bundle=None)
    plain = to_json(report)
    assert to_json(from_json(json.loads(json.dumps(plain, allow_nan=False)))) == plain
    order = np.random.default_rng(seed).permutation(len(rows))
    assert to_json(evaluate(table_of(*[rows[i] for i in order]), fixed_threshold(fixed))) == plain


def test_the_file_is_json_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report = report_from_scores(both(), bundle="tiny 1.0")
    write_report(path, report)
    plain = json.loads(path.read_text(encoding="utf-8"))
    assert plain["schema_version"] == 1
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
        "import sys; import bonaface.evaluation.report; "
        "print(sorted({'torch', 'scipy', 'cv2', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_another_schema_is_refused() -> None:
    for plain, came in (({"schema_version": 2}, "2"), ({}, "None")):
        with pytest.raises(ScoreError) as error:
            from_json(plain)
        assert str(error.value) == (
            f"a report must have schema_version 1; got {came}; write it again with this release"
        )


@pytest.mark.parametrize(
    ("change", "came"),
    [
        ({"bpcer": None}, "AttributeError: 'NoneType' object has no attribute 'items'"),
        ({"split": "tests"}, "ValueError: 'tests' is not a valid Split"),
        ({"more": 1}, "TypeError: Report.__init__() got an unexpected keyword argument 'more'"),
    ],
)
def test_a_report_with_other_fields_is_refused(change: dict[str, object], came: str) -> None:
    plain = to_json(report_from_scores(both())) | change
    with pytest.raises(ScoreError) as error:
        from_json(plain)
    assert (
        str(error.value) == f"a report must have the fields that to_json writes; got {came}; write it again"
    )


def test_a_report_without_a_field_is_refused() -> None:
    plain = to_json(report_from_scores(both()))
    del plain["counts"]
    with pytest.raises(ScoreError, match="must have the fields that to_json writes; got KeyError: 'counts'"):
        from_json(plain)
