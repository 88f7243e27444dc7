from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import auc as area_under
from sklearn.metrics import roc_auc_score

from bonaface.errors import ScoreError
from bonaface.evaluation.causal_probe import causal_probe
from bonaface.evaluation.robustness import (
    AlteredProbe,
    Areas,
    Robustness,
    from_json,
    read_robustness,
    robustness,
    to_json,
    write_robustness,
)
from bonaface.vocabulary import Split

from .tables import table_of, two_errors

QUANTITIES = ("auc", "apcer_pooled", "apcer_worst", "bpcer", "acer_pooled")
SPECIES = ("bonafide", "bonafide", "print", "print", "replay")


def rows(*scores):
    return table_of(*zip(SPECIES, scores, strict=True))


# By hand at 0.5. Severities 0, 1 and 4 stand at 0, 1/4 and 1.
TABLES = {
    0.0: rows(0.1, 0.2, 0.7, 0.8, 0.9),  # no error, and every pair in order
    1.0: rows(
        0.1, 0.6, 0.4, 0.8, 0.9
    ),  # a bona fide row, a print: pairs (0.1, 0.6) x (0.4, 0.8, 0.9), 5 of 6
    4.0: rows(0.6, None, 0.4, 0.7, 0.3),  # the bona fide row left, a print and the replay: 1 of 3
}


def test_a_curve_by_hand() -> None:
    curve = robustness(TABLES, 0.5, kind="blur", unit="px")
    assert (curve.kind, curve.unit, curve.threshold, curve.notes) == ("blur", "px", 0.5, ())
    assert curve.severities == (0, 1, 4)
    assert curve.values("auc") == (1, 5 / 6, 1 / 3)
    assert curve.values("apcer_pooled") == (0, 1 / 3, 2 / 3)
    assert curve.values("apcer_worst") == (0, 1 / 2, 1)
    assert [point.worst_species for point in curve.points] == ["print", "print", "replay"]
    assert curve.values("bpcer") == (0, 1 / 2, 1)
    assert curve.values("acer_pooled") == pytest.approx((0, 5 / 12, 5 / 6))
    assert [(point.bpnrr.errors, point.bpnrr.total) for point in curve.points] == [(0, 2), (0, 2), (1, 2)]
    assert [(point.apnrr.errors, point.apnrr.total) for point in curve.points] == [(0, 3)] * 3
    last = curve.points[-1].apcer_pooled
    assert (last.errors, last.total) == (2, 3)
    assert (last.low, last.high) == pytest.approx(tuple(binomtest(2, 3).proportion_ci()))
    # a quarter of the way between the first two heights, three quarters between the last two
    assert curve.areas.auc == pytest.approx(11 / 12 / 4 + 7 / 12 * 3 / 4)
    assert curve.areas.apcer_pooled == pytest.approx(1 / 6 / 4 + 1 / 2 * 3 / 4)
    assert curve.areas.apcer_worst == pytest.approx(1 / 4 / 4 + 3 / 4 * 3 / 4)
    assert curve.areas.bpcer == pytest.approx(1 / 4 / 4 + 3 / 4 * 3 / 4)
    assert curve.areas.acer_pooled == pytest.approx(5 / 24 / 4 + 5 / 8 * 3 / 4)


def test_severities_may_fall() -> None:
    """JPEG 100, 90 and 60: the same places on the way as 0, 1 and 4."""
    falling = dict(zip((100, 90, 60), TABLES.values(), strict=True))
    assert (
        robustness(falling, 0.5, kind="jpeg", unit="quality").areas
        == robustness(TABLES, 0.5, kind="blur", unit="px").areas
    )


NUMBERS = st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.6, 1.0])
CASES = st.lists(st.tuples(*[NUMBERS] * 5), min_size=2, max_size=5)
STEPS = st.lists(st.floats(0.1, 50), min_size=5, max_size=5)


@settings(max_examples=60)
@given(scores=CASES, steps=STEPS, threshold=st.sampled_from([0.1, 0.5, 0.7]))
def test_curves_are_what_other_libraries_say(scores, steps, threshold) -> None:
    severities = np.cumsum(steps)[: len(scores)].tolist()
    tables = {severity: rows(*one) for severity, one in zip(severities, scores, strict=True)}
    curve = robustness(tables, threshold, kind="noise", unit="sd")
    named = [list(zip(SPECIES, one, strict=True)) for one in scores]
    errors = [two_errors(one, threshold) for one in named]
    by_species = [
        max(
            two_errors([row for row in one if row[0] in ("bonafide", name)], threshold)[0]
            for name in SPECIES[2:]
        )
        for one in named
    ]
    expected = {
        "auc": [roc_auc_score([0, 0, 1, 1, 1], one) for one in scores],
        "apcer_pooled": [apcer for apcer, _ in errors],
        "apcer_worst": by_species,
        "bpcer": [bpcer for _, bpcer in errors],
        "acer_pooled": [sum(pair) / 2 for pair in errors],
    }
    for quantity, values in expected.items():
        assert curve.values(quantity) == pytest.approx(values)
        width = severities[-1] - severities[0]
        assert getattr(curve.areas, quantity) == pytest.approx(area_under(severities, values) / width)


def test_a_constant_curve_has_its_own_height() -> None:
    same = dict.fromkeys((0, 0.5, 3), TABLES[1.0])
    areas = robustness(same, 0.5, kind="blur", unit="px").areas
    assert areas == Areas(*map(pytest.approx, (5 / 6, 1 / 3, 1 / 2, 1 / 2, 5 / 12)))


def test_what_has_no_score_is_noted() -> None:
    tables = {
        0: rows(0.1, 0.2, 0.7, 0.8, 0.9),
        1: rows(None, None, 0.4, 0.8, 0.9),
        2: rows(0.1, 0.2, *[None] * 3),
    }
    curve = robustness(tables, 0.5, kind="blur", unit="px")
    assert curve.notes == (
        "no bona fide row has a score under blur at 1 px: BPCER, ACER and AUC are not known there, "
        "nor are the areas under their curves",
        "no attack has a score under blur at 2 px: APCER, ACER and AUC are not known there, "
        "nor are the areas under their curves",
    )
    assert all(math.isnan(getattr(curve.areas, quantity)) for quantity in QUANTITIES)
    known = {quantity: [not math.isnan(v) for v in curve.values(quantity)] for quantity in QUANTITIES}
    assert known == {
        "auc": [True, False, False],
        "apcer_pooled": [True, True, False],
        "apcer_worst": [True, True, False],
        "bpcer": [True, False, True],
        "acer_pooled": [True, False, False],
    }
    assert curve.points[2].worst_species is None
    assert curve.points[1].bpnrr.value == curve.points[2].apnrr.value == 1


@pytest.mark.parametrize(
    ("severities", "came"),
    [((), "none"), ((0,), "0"), ((0, 2, 1), "0, 2, 1"), ((0, 1, math.inf), "0, 1, inf"), ((0, math.nan), "0, nan")],
)  # fmt: skip
def test_severities_out_of_order_are_refused(severities, came) -> None:
    with pytest.raises(ScoreError) as error:
        robustness(dict.fromkeys(severities, TABLES[0.0]), 0.5, kind="blur", unit="px")
    assert str(error.value) == (
        f"severities of blur must be as is and then rise or fall throughout; got {came}; put the tables in order"
    )


def test_other_samples_are_refused() -> None:
    with pytest.raises(ScoreError) as error:
        robustness({0: TABLES[0.0], 2.5: TABLES[1.0].take(np.arange(4))}, 0.5, kind="blur", unit="px")
    assert str(error.value) == (
        "every severity of blur must have the samples of as is; 'test-4' is in one table only, as is or 2.5; "
        "judge the rest"
    )
    with pytest.raises(ScoreError, match="a threshold must be a finite number"):
        robustness(TABLES, math.nan, kind="blur", unit="px")


# As a file


def result(tables=TABLES):
    curve = robustness(tables, 0.5, kind="blur", unit="px")
    as_is, *altered = tables.items()
    probes = [AlteredProbe("blur", one, causal_probe(as_is[1], table, 0.5)) for one, table in altered]
    return Robustness("tiny 1", Split.TEST, len(as_is[1]), (curve,), tuple(probes))


def test_a_result_comes_back_from_its_file(tmp_path) -> None:
    """Also what is not known: null in the file, NaN in memory."""
    silent = {0.0: TABLES[0.0], 1.0: rows(None, None, 0.4, 0.8, 0.9)}
    for tables in (TABLES, silent):
        write_robustness(tmp_path / "r.json", result(tables))
        text = (tmp_path / "r.json").read_text()
        assert "NaN" not in text
        assert repr(from_json(json.loads(text))) == repr(result(tables))
        assert repr(read_robustness(tmp_path / "r.json")) == repr(result(tables))
    assert json.loads(text)["schema_version"] == 1
    assert json.loads(text)["curves"][0]["areas"]["auc"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_probes_of_groups_come_back_too() -> None:
    device = {"device": ["a", "a", "b", "b", "b"]}
    before, after = (table_of(*zip(SPECIES, one.attack_score.tolist(), strict=True), groups=device)
                     for one in (TABLES[0.0], TABLES[1.0]))  # fmt: skip
    one = AlteredProbe("blur", 1.0, causal_probe(before, after, 0.5, by="device"))
    whole = Robustness("tiny 1", Split.TEST, 5, (), (one,))
    assert repr(from_json(to_json(whole))) == repr(whole)


def test_other_files_are_refused() -> None:
    plain = to_json(result())
    with pytest.raises(ScoreError) as error:
        from_json({**plain, "schema_version": 7})
    assert str(error.value) == "robustness must have schema_version 1; got 7; run bonaface stress again"
    plain["curves"][0]["points"][1]["severity"] = "mild"
    with pytest.raises(ScoreError) as error:
        from_json(plain)
    assert str(error.value) == (
        "robustness must have the fields that to_json writes; curves.0.points.1.severity: "
        "Input should be a valid number; run bonaface stress again"
    )
