from __future__ import annotations

import json
import math

import numpy as np
import pytest

from bonaface.errors import ScoreError
from bonaface.evaluation.comparison import bootstrap_difference
from bonaface.evaluation.reporting import report_from_scores
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.side_by_side import side_by_side, to_json
from bonaface.vocabulary import Split

from .tables import joined, table_of

DEV = table_of(("bonafide", 0.2), ("print", 0.8), split="dev")


def system(shift: float, seed: int = 0, rows: int = 60) -> ScoreTable:
    """Scores of the same samples; a larger `shift` parts the classes further."""
    generator = np.random.default_rng(seed)
    species = ["bonafide", "print", "replay"] * (rows // 3)
    centre = np.where(np.array(species) == "bonafide", 0.5 - shift, 0.5 + shift)
    scores = np.clip(centre + generator.normal(0, 0.15, rows), 0, 1)
    return joined(DEV, table_of(*zip(species, scores.tolist(), strict=True)))


def test_values_are_those_of_each_report_and_differences_those_of_the_bootstrap() -> None:
    good, poor = system(0.3), system(0.05, seed=1)
    found = side_by_side(good, poor, names=("good", "poor"), replicates=100, seed=4)
    reports = report_from_scores(good), report_from_scores(poor)
    for name in ("acer_pooled", "acer_worst"):
        assert found.differences[name].first == pytest.approx(getattr(reports[0], name))
        assert found.differences[name].second == pytest.approx(getattr(reports[1], name))
    assert found.differences["auc"].second == pytest.approx(reports[1].threshold_free.auc)
    assert found.differences["apcer replay"].second == pytest.approx(reports[1].species["replay"].apcer.value)
    tests = good.of_split(Split.TEST), poor.of_split(Split.TEST)
    at = found.thresholds[0].value, found.thresholds[1].value
    again = bootstrap_difference(*tests, at, statistics=("acer_pooled",), replicates=100, seed=4)
    assert found.differences["acer_pooled"].difference == again["acer_pooled"]
    assert found.differences["acer_pooled"].better == "first"
    assert found.differences["auc"].better == "first"  # there higher is better
    assert not found.is_within_noise
    turned = side_by_side(poor, good, replicates=100, seed=4)
    assert turned.differences["acer_pooled"].better == turned.differences["auc"].better == "second"


def test_a_system_beside_itself_is_within_noise() -> None:
    found = side_by_side(system(0.1), system(0.1), replicates=20)
    assert found.is_within_noise
    assert math.isnan(found.differences["bpcer"].difference.low)  # no replicate differs from another
    plain = to_json(found)
    assert json.loads(json.dumps(plain, allow_nan=False))["differences"]["bpcer"]["difference"]["low"] is None
    assert plain["schema_version"] == 1


def test_a_difference_that_no_draw_changes_is_not_noise() -> None:
    """One rejects every genuine face: each replicate says -1, and no interval can."""
    rows = [("bonafide", 0.2), ("print", 0.8)] * 20
    wrong = [("bonafide", 0.9), ("print", 0.8)] * 20
    found = side_by_side(joined(DEV, table_of(*rows)), joined(DEV, table_of(*wrong)), replicates=20)
    bpcer = found.differences["bpcer"]
    assert (bpcer.difference.value, bpcer.better, bpcer.is_within_noise) == (-1.0, None, None)
    assert found.differences["apcer_pooled"].is_within_noise
    assert not found.is_within_noise


def test_who_does_not_answer_is_named() -> None:
    rows = [("bonafide", 0.2), ("print", 0.8)] * 20
    silent = [("bonafide", None), ("print", 0.8), *rows[2:]]
    found = side_by_side(
        joined(DEV, table_of(*rows)), joined(DEV, table_of(*silent)), names=("all", "most"), replicates=20
    )
    assert "most: 1 of 40 answers on test are missing; its rates are of the others" in found.notes
    assert not [note for note in found.notes if note.startswith("all")]


def test_without_test_rows_there_is_nothing_to_compare() -> None:
    with pytest.raises(ScoreError, match="scores must have rows of test to be compared on; got none"):
        side_by_side(DEV, DEV)


def test_people_of_both_splits_are_noted() -> None:
    """A report of the one alone would refuse to choose."""
    shared = joined(
        table_of(("bonafide", 0.2), ("print", 0.8), split="dev", subjects=["ann", "ben"]),
        table_of(("bonafide", 0.3), ("print", 0.7), subjects=["ann", "cid"]),
    )
    assert report_from_scores(shared).threshold is None
    found = side_by_side(shared, shared, replicates=20)
    assert found.notes == ["1 subjects are in both dev and test: the rates may be too good"]
    assert to_json(found)["notes"] == found.notes
    assert side_by_side(system(0.1), system(0.1), replicates=20).notes == []
