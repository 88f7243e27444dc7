"""A bundle's threshold chosen anew: what is chosen, what it promises of captures to come, and what is written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.bundle import CARD_TEXT, WEIGHTS, StoredThreshold, describe_model, read_card, write_card
from bonaface.errors import BundleError, ScoreError
from bonaface.evaluation.own_threshold import CHOSEN, errors_at, own_threshold, with_own_threshold
from bonaface.evaluation.scores import ScoreTable
from bonaface.inference.gate import load
from tiny_bundle import tiny_bundle

from .tables import Row, table_of

BY_HAND: tuple[Row, ...] = (
    *[("bonafide", score) for score in (0.05, 0.1, 0.2, 0.3, 0.7)],
    *[("print", score) for score in (0.25, 0.6, 0.65, 0.9)],
    ("replay", 0.55),
    ("replay", None),
)


def of_dev(*rows: Row) -> ScoreTable:
    return table_of(*rows, split="dev")


def test_by_hand():
    """One of five captures may be turned away: a threshold above 0.3, and up to the next score, 0.55."""
    table = of_dev(*BY_HAND)
    found = own_threshold(table, "bpcer=0.2")
    assert (found.low, found.value, found.high, found.rule) == (0.3, pytest.approx(0.425), 0.55, "bpcer=0.2")
    errors = errors_at(table, found.value)
    assert (errors.bpcer.errors, errors.bpcer.total) == (1, 5)
    assert {name: (rate.errors, rate.total) for name, rate in errors.apcer.items()} == {
        "print": (1, 4),
        "replay": (0, 1),
    }
    assert (errors.apcer_pooled.errors, errors.apcer_pooled.total) == (1, 5)


def test_too_few_captures_for_the_limit():
    with pytest.raises(ScoreError, match=r"at least 20 genuine captures .* BPCER of 5.00 %; got 5; add some"):
        own_threshold(of_dev(*BY_HAND), "bpcer=0.05")


def test_another_rule_counts_no_captures():
    assert own_threshold(of_dev(*BY_HAND), "eer").rule == "eer"


def test_the_interval_holds_for_captures_to_come():
    """Scores drawn as uniform numbers: a threshold t turns away 1 - t of all captures, whatever the formula says."""
    rng = np.random.default_rng(5)
    rounds, held = 400, 0
    for _ in range(rounds):
        genuine = rng.uniform(size=60)
        table = of_dev(*[("bonafide", float(score)) for score in genuine], ("print", 1.0))
        at = own_threshold(table, "bpcer=0.1").value
        interval = errors_at(table, at).bpcer
        held += interval.low <= 1 - at <= interval.high
    assert held / rounds >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / rounds)


@pytest.fixture
def bundle(tmp_path):
    """A bundle with weights, a report's name, an operating point and a note."""
    folder = tiny_bundle(tmp_path / "tiny")
    (folder / WEIGHTS).write_bytes(b"weights")
    card = replace(
        read_card(folder),
        weights=describe_model(folder / WEIGHTS),
        report="report.json",
        operating_points={"strict": StoredThreshold(0.2, 0.2, 0.2, "apcer=0.01", "dev")},
        notes=("what was known",),
    )
    write_card(folder, card)
    return folder


def test_only_the_threshold_is_another(bundle, tmp_path):
    table = of_dev(*BY_HAND)
    out = tmp_path / "own"
    card = with_own_threshold(bundle, out, table, "bpcer=0.2")
    before, after = read_card(bundle), read_card(out)
    assert after == card
    assert after.threshold == after.threshold_at("own") == StoredThreshold(pytest.approx(0.425), 0.3, 0.55, "bpcer=0.2", "dev")  # fmt: skip
    assert after.threshold_at("strict") == before.threshold_at("strict")
    assert (after.model, after.weights, after.contract) == (before.model, before.weights, before.contract)
    assert (out / WEIGHTS).read_bytes() == b"weights"
    assert after.report is None
    assert after.notes[0] == "what was known"
    assert after.notes[1].startswith(f"{CHOSEN} of 5 people. It turns away 1 of 5 = 20.00 %")
    assert "hold" in after.notes[1]
    page = (out / CARD_TEXT).read_text()
    assert "a guess" not in page
    assert "chosen on genuine captures" in page
    gate = load(out)
    assert gate.threshold == after.threshold.value
    assert load(out, operating_point="strict").threshold == 0.2


def test_a_version_names_what_chose(bundle, tmp_path):
    """The same captures the same version, others another, and not a longer one each time."""
    table, fewer = of_dev(*BY_HAND), of_dev(*BY_HAND[1:])
    first = with_own_threshold(bundle, tmp_path / "a", table, "bpcer=0.2")
    again = with_own_threshold(bundle, tmp_path / "b", table, "bpcer=0.2")
    other = with_own_threshold(tmp_path / "a", tmp_path / "c", fewer, "bpcer=0.25")
    assert first.version == again.version != other.version
    assert [card.version.count("+own.") for card in (first, other)] == [1, 1]
    assert [note.startswith(CHOSEN) for note in other.notes] == [False, True]


def test_the_bundle_itself_is_not_written_over(bundle, tmp_path):
    table = of_dev(*BY_HAND)
    before = sorted((path.name, path.read_bytes()) for path in bundle.iterdir())
    with pytest.raises(BundleError, match="another folder than the bundle's own"):
        with_own_threshold(bundle, bundle, table, "bpcer=0.2")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/one.jpg").write_bytes(b"")
    with pytest.raises(BundleError, match="must be a new folder"):
        with_own_threshold(bundle, tmp_path / "photos", table, "bpcer=0.2")
    assert sorted((path.name, path.read_bytes()) for path in bundle.iterdir()) == before
