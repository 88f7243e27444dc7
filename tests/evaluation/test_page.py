from __future__ import annotations

import html.parser
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bonaface
from bonaface.errors import MissingExtraError, ScoreError
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.page import page, write_page
from bonaface.evaluation.presentations import aggregate
from bonaface.evaluation.report import Report
from bonaface.evaluation.report_file import from_json, to_json
from bonaface.evaluation.reporting import evaluate, report_from_scores
from bonaface.evaluation.robustness import Robustness, robustness
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import fixed_threshold
from bonaface.vocabulary import Split

from .tables import ROWS, Row, table_of

HOSTILE = '<script>alert("1")</script>'
SECTIONS = ["species", "curves", "scores", "points", "intervals", "calibration", "groups", "robustness", "worst", "frames", "words"]  # fmt: skip
VOID = {"meta", "img"}


class Page(html.parser.HTMLParser):
    """A page read back: whether its elements close, what it loads, its sections and its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.open = text, []
        self.ids, self.links, self.images, self.words = [], [], [], []
        self.tables: dict[str, list[list[str]]] = {}
        self.rows: list[list[list[str]]] = []
        self.caption = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes) -> None:
        known = dict(attributes)
        self.ids += [known["id"]] if "id" in known else []
        self.links += [known[name] for name in ("src", "href", "srcset", "data", "action") if name in known]
        if tag == "img":
            self.images.append(known)
        if tag == "tr":
            self.rows[-1].append([])
        if tag == "table":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1][-1].append("")
            if tag == "th":
                assert known["scope"] in {"row", "col"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes) -> None:
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag
        if tag == "table":
            rows = self.rows.pop()
            self.tables[self.caption] = [[" ".join(cell.split()) for cell in row] for row in rows]

    def handle_data(self, data) -> None:
        if "style" not in self.open:
            self.words.append(data)
        if "caption" in self.open:
            self.caption = data
        elif {"th", "td"} & set(self.open):
            self.rows[-1][-1][-1] += data

    @property
    def sections(self) -> list[str]:
        return [one for one in self.ids if one in SECTIONS]

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())

    def row(self, caption: str, name: str) -> list[str]:
        """The cells of one row, without its name."""
        (found,) = (row for row in self.tables[caption] if row[0].lstrip("●◆■ \xa0") == name)
        return found[1:]


def made_up(num_rows: int = 400, seed: int = 0) -> ScoreTable:
    """Scores of 40 subjects with two group columns and a column of videos, of both families and of none."""
    generator = np.random.default_rng(seed)
    names = np.array(["bonafide", "print", "faceswap", "odd"])
    kind = generator.integers(4, size=num_rows)
    video = np.arange(num_rows) // 2
    kind, subject = kind[video], (np.arange(num_rows) // 2) % 40
    evidence = generator.normal(np.array([-2.0, 2.5, 1.5, 1.0])[kind], 1.2)
    is_silent = generator.random(num_rows) < 0.03
    return ScoreTable(
        sample=[f"{i:03}.png" for i in range(num_rows)],
        label=np.where(kind > 0, "attack", "bonafide"),
        species=names[kind],
        subject=[f"s{i}" for i in subject],
        split=np.where(subject % 2, "test", "dev"),
        attack_score=np.where(is_silent, np.nan, 1 / (1 + np.exp(-evidence))),
        reason=np.where(is_silent, "no_face", ""),
        groups={
            "skin_tone": np.array(["I", "III", "VI"])[subject % 3],
            "video": [f"v{i}" for i in video],
        },
    )


@pytest.fixture(scope="module")
def table() -> ScoreTable:
    return made_up()


@pytest.fixture(scope="module")
def report(table) -> Report:
    return report_from_scores(table, bundle="tiny 1.0", replicates=20)


@pytest.fixture(scope="module")
def plain(report, table) -> Page:
    return Page(page(report, table))


@pytest.fixture(scope="module")
def stressed(table, report) -> Robustness:
    test = table.of_split(Split.TEST)
    darker = replace(test, attack_score=test.attack_score * 0.7)
    silent = replace(test, attack_score=np.full(len(test), np.nan), reason=np.full(len(test), "no_face"))
    curves = tuple(
        robustness(
            {100.0: test, 50.0: darker, 10.0: silent}, report.threshold.value, kind=kind, unit="quality"
        )
        for kind in ("box_jitter", HOSTILE)
    )
    return Robustness(HOSTILE, Split.TEST, len(test), curves, ())


def two_decimals(share: float) -> str:
    """A share as the page should print it; for shares that do not round to nothing or all."""
    return "not known" if math.isnan(share) else f"{round(share * 10_000) / 100:.2f} %"


def cells(rate: MeasuredRate) -> list[str]:
    if not rate.total:
        return ["0", "0", "not known", ""]
    interval = f"{two_decimals(rate.low)[:-2]} to {two_decimals(rate.high)}"
    return [str(rate.errors), str(rate.total), two_decimals(rate.value), interval]


# The page as a whole


def test_a_page_closes_loads_nothing_and_runs_nothing(plain) -> None:
    assert plain.open == []
    assert plain.text.startswith("<!doctype html>\n<html")
    assert not re.search(r"https?:|//|url\((?!#)|@import|<script|<link|javascript|xmlns| on\w+=", plain.text)
    assert all(link.startswith("#") and link[1:] in plain.ids for link in plain.links)
    assert len(plain.ids) == len(set(plain.ids))


def test_every_figure_says_what_it_shows(plain) -> None:
    opened = re.findall(r"<svg [^>]*>", plain.text)
    assert (
        len(opened) == 1 + 2 + 3 + 1 + 1
    )  # rates, DET and ROC, three species, reliability, one group column
    for tag in opened:
        label = re.search(r'aria-labelledby="([^" ]*)', tag)
        assert label is not None
        assert label[1] in plain.ids


def test_every_table_has_a_caption(plain) -> None:
    assert plain.text.count("<table>") == plain.text.count("<caption>") == len(plain.tables)


def test_the_same_input_gives_the_same_bytes(report, table, plain) -> None:
    assert page(report, table) == plain.text
    assert page(from_json(to_json(report)), table) == plain.text


def test_another_process_gives_the_same_bytes(plain) -> None:
    code = """
from tests.evaluation.test_page import made_up, report_from_scores, page
table = made_up()
import sys; sys.stdout.write(page(report_from_scores(table, bundle="tiny 1.0", replicates=20), table))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert done.stdout == plain.text


def test_the_order_of_rows_changes_nothing(report, table, plain) -> None:
    order = np.random.default_rng(1).permutation(len(table))
    assert page(report, table.take(order)) == plain.text


def test_it_is_written_at_once(report, table, plain, tmp_path) -> None:
    write_page(tmp_path / "report.html", report, table)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == plain.text
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_the_page_of_many_rows_is_small() -> None:
    many = made_up(20_000).of_split(Split.TEST)
    assert len(page(evaluate(many, fixed_threshold(0.5)), many)) < 200_000


@pytest.mark.parametrize(
    ("missing", "what"), [("jinja2", "the page of a report"), ("matplotlib.figure", "a figure")]
)
def test_without_the_extra(report, table, monkeypatch, missing, what) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError) as caught:
        page(report, table)
    assert str(caught.value) == (
        f"{what} needs packages outside the light install; install them with: pip install 'bonaface[report]'"
    )


def test_scores_of_another_report_are_refused(report, table) -> None:
    others = replace(table, species=np.where(table.species == "odd", "odder", table.species))
    for given_rows in (table.select(np.arange(len(table)) != 2), table.of_split(Split.DEV), others):
        with pytest.raises(
            ScoreError, match="a page must be made with the scores of its report, 200 rows of test; got"
        ):
            page(report, given_rows)


# The numbers


def test_the_first_numbers_are_those_of_the_report(report, plain) -> None:
    values = re.findall(r'<dd class="value">([^<]*)</dd><dd>([^<]*)</dd><dd>([^<]*)</dd>', plain.text)
    rates = (report.apcer_worst, report.apcer_pooled, report.bpcer)
    for (value, interval, count), rate in zip(values[:3], rates, strict=True):
        errors, total, wanted, ends = cells(rate)
        assert (value, interval, count) == (wanted, ends, f"{errors} of {total}")
    for (value, interval, _), name in zip(values[3:5], ("acer_worst", "acer_pooled"), strict=True):
        drawn = report.intervals[name]
        assert value == two_decimals(getattr(report, name))
        assert interval == f"{two_decimals(drawn.low)[:-2]} to {two_decimals(drawn.high)}"
    drawn = report.intervals["auc"]
    assert values[5][:2] == (f"{report.threshold_free.auc:.4f}", f"{drawn.low:.4f} to {drawn.high:.4f}")
    assert f"APCER worst species ({report.worst_species})" in plain.text


def test_the_head_says_what_was_measured_and_where_attacks_begin(report, plain) -> None:
    assert "<h1><bdi>tiny 1.0</bdi> on test</h1>" in plain.text
    counts, threshold = report.counts, report.threshold
    silent = counts.rows - counts.scored_bonafide - counts.scored_attack
    assert (
        f"200 presentations : {counts.bonafide} bona fide and {counts.attack} attacks of 3 species."
        in plain.said
    )
    assert f"{silent} of them got no answer." in plain.said
    assert (
        f"Threshold {threshold.value:.4f} , chosen on dev by the rule eer; "
        f"equally good there: {threshold.low:.4f} to {threshold.high:.4f}." in plain.said
    )
    assert f"Made by bonaface {bonaface.__version__}" in plain.said


def test_notes_are_shown(report, plain) -> None:
    assert report.notes
    for note in report.notes:
        assert note in plain.said


def test_species_stand_by_family_with_their_numbers(report, plain) -> None:
    caption = "Attacks accepted by species, and bona fide rejected"
    assert plain.tables[caption][0] == [
        "",
        "errors",
        "of",
        "rate",
        "95 % interval",
        "no answer",
        "AUC",
        "rows",
        "family",
    ]
    names = [row[0].split("\xa0")[-1].split()[-1] for row in plain.tables[caption][1:4]]
    assert names == ["print", "faceswap", "odd"]
    for name, one in report.species.items():
        tail = [two_decimals(one.apnrr.value), f"{one.auc:.4f}", str(one.rows), one.family or "not known"]
        assert plain.row(caption, name) == [*cells(one.apcer), *tail]
    pooled = [
        two_decimals(report.apnrr.value),
        f"{report.threshold_free.auc:.4f}",
        str(report.counts.attack),
        "",
    ]
    assert plain.row(caption, "APCER pooled") == [*cells(report.apcer_pooled), *pooled]
    assert plain.row(caption, "APCER worst species") == [*cells(report.apcer_worst), "", "", "", ""]
    assert plain.row(caption, "BPCER")[:4] == cells(report.bpcer)
    assert plain.row(caption, "BPCER, no answer counted")[:4] == cells(report.bpcer_with_non_responses)


def test_both_errors_in_one_number(report, plain) -> None:
    caption, free = "Both errors in one number", report.threshold_free
    wanted = {
        "ACER worst species": two_decimals(report.acer_worst),
        "ACER pooled": two_decimals(report.acer_pooled),
        "ACER, no answer counted": two_decimals(report.acer_with_non_responses),
        "EER": two_decimals(free.eer.value),
        "AUC": f"{free.auc:.4f}",
        "Accuracy": two_decimals(report.accuracy.correct / report.accuracy.total),
    }
    assert {row[0]: row[1] for row in plain.tables[caption][1:]} == wanted
    assert two_decimals(report.accuracy.constant_value) in plain.row(caption, "Accuracy")[1]


def test_operating_points_and_limits(report, plain) -> None:
    caption = "Named operating points, chosen on dev"
    assert [row[0] for row in plain.tables[caption]] == ["", "strict", "balanced", "convenient"]
    for name, point in report.operating_points.items():
        rule, value, _, worst, species, pooled, bpcer = plain.row(caption, name)
        assert (rule, value, species) == (
            point.threshold.rule,
            f"{point.threshold.value:.4f}",
            point.worst_species,
        )
        for text, rate in ((worst, point.apcer_worst), (pooled, point.apcer_pooled), (bpcer, point.bpcer)):
            assert text == f"{two_decimals(rate.value)} {rate.errors} of {rate.total}"
    caption, limits = "What each limit costs on test", report.threshold_free.limits
    row = plain.row(caption, "BPCER100")
    assert row[:5] == [
        two_decimals(limits["bpcer100"].bpcer.value), cells(limits["bpcer100"].bpcer)[3],
        f"{limits['bpcer100'].bpcer.errors} of {limits['bpcer100'].bpcer.total}", "APCER worst species ≤ 1 %",
        two_decimals(limits["bpcer100"].apcer_worst.value),
    ]  # fmt: skip
    fewest = min(one.apcer.total for one in report.species.values())
    assert row[5] == f"cannot be resolved by {fewest} rows"
    assert plain.row(caption, "BPCER10")[5] == "yes"
    limit = limits["tpr_at_fpr1"].bpcer
    accepted = limit.total - limit.errors
    assert plain.row(caption, "TPR at FPR 1 %")[:4] == [
        two_decimals(accepted / limit.total), f"{two_decimals(1 - limit.high)[:-2]} to {two_decimals(1 - limit.low)}",
        f"{accepted} of {limit.total}", "APCER pooled ≤ 1 %",
    ]  # fmt: skip
    attack = limits["apcer_at_bpcer1"]
    assert plain.row(caption, "APCER at BPCER 1 %")[:4] == [
        two_decimals(attack.apcer_worst.value), cells(attack.apcer_worst)[3],
        f"{attack.apcer_worst.errors} of {attack.apcer_worst.total}", "BPCER ≤ 1 %",
    ]  # fmt: skip


def test_a_limit_that_no_threshold_keeps() -> None:
    table = table_of(("bonafide", 1.0), ("bonafide", 0.1), ("print", 0.9))
    row = Page(page(evaluate(table, fixed_threshold(0.5)), table)).row(
        "What each limit costs on test", "APCER at BPCER 1 %"
    )
    assert row == [
        "no threshold keeps it",
        "",
        "",
        "BPCER ≤ 1 %",
        "not known",
        "cannot be resolved by 2 rows",
    ]


def test_intervals_of_both_kinds(report, plain) -> None:
    caption = "95 % intervals, subjects drawn again"
    assert len(plain.tables[caption]) == 1 + len(report.intervals)
    one, anew = report.intervals["apcer odd"], report.intervals_anew["apcer odd"]
    assert plain.row(caption, "APCER odd") == [
        two_decimals(one.value), *(f"{two_decimals(i.low)[:-2]} to {two_decimals(i.high)}" for i in (one, anew))
    ]  # fmt: skip
    assert plain.row(caption, "AUC")[2] == ""
    assert "Subjects were drawn again 20 times" in plain.said


def test_calibration(report, plain) -> None:
    found = report.calibration
    wanted = [found.reliability.ece, found.reliability.brier, found.cllr, found.min_cllr]
    assert [row[1] for row in plain.tables["Calibration"][1:]] == [f"{value:.4f}" for value in wanted]
    counts = [int(row[1]) for row in plain.tables["Rows by score"][1:]]
    assert counts == [one.count for one in found.reliability.bins]
    assert "wrong and certain" not in plain.said
    certain = table_of(("bonafide", 0.2), ("bonafide", 1.0), ("print", 0.9))
    said = Page(page(evaluate(certain, fixed_threshold(0.5)), certain))
    assert said.row("Calibration", "Cllr")[0] == "infinite"
    assert "1 rows are wrong and certain" in said.said


def test_groups(report, plain) -> None:
    (grouping,) = report.fairness.columns
    assert [row[0] for row in plain.tables["Rates by skin tone"][1:]] == [
        "I few bona fide rows",
        "III few bona fide rows",
        "VI few bona fide rows",
    ]
    for group in grouping.groups:
        assert plain.row("Rates by skin tone", f"{group.values[0]} few bona fide rows")[:4] == cells(
            group.bpcer
        )
    gap = grouping.gaps["apcer_pooled"]
    assert plain.row("Gaps by skin tone", "APCER pooled") == [
        two_decimals(gap.difference), *gap.lowest, *gap.highest, f"{gap.test.p_value_holm:.3f}",
        "within noise" if gap.test.is_within_noise else "more than noise",
    ]  # fmt: skip
    assert plain.row("Gaps by skin tone", "BPCER")[0] == "not known"
    for note in report.fairness.notes:
        assert note in plain.said


# What is there as the data is


def test_without_dev_rows_there_is_no_threshold(table) -> None:
    test = table.of_split(Split.TEST)
    found = Page(page(report_from_scores(test), test, pictures=Path))
    assert "There is no threshold" in found.said
    assert "rates at a threshold are not known" in found.said
    assert found.sections == ["species", "curves", "scores", "points", "calibration", "words"]
    assert "rates-title" not in found.ids
    assert found.row("Attacks accepted by species, and bona fide rejected", "print")[:4] == [
        "",
        "",
        "not known",
        "",
    ]
    assert "Named operating points, chosen on dev" not in found.tables
    assert found.text.count('<dd class="value none">not known</dd>') == 5  # all but the AUC


@pytest.mark.parametrize("species", ["bonafide", "print"])
def test_one_class_alone(species) -> None:
    rows: list[Row] = [(species, 0.1), (species, 0.8), (species, None)]
    found = Page(page(evaluate(table_of(*rows), fixed_threshold(0.5)), table_of(*rows)))
    assert found.sections == ["species", "scores", "words"]
    assert found.row("Both errors in one number", "AUC")[0] == "not known"
    assert {"rates-title", "scores-0-title"} <= set(found.ids)


@settings(max_examples=10)
@given(ROWS, st.sampled_from([None, 0.0, 0.5, 1.0]))
def test_any_report_has_a_page(rows: list[Row], threshold: float | None) -> None:
    table = table_of(*rows, ("bonafide", None))
    found = Page(page(evaluate(table, None if threshold is None else fixed_threshold(threshold)), table))
    assert found.open == []
    assert not re.search(r"\b(nan|None|inf)\b", found.said)


def test_silence_is_said_only_where_there_is_some() -> None:
    table = table_of(("bonafide", 0.1), ("print", 0.9))
    found = Page(page(evaluate(table, fixed_threshold(0.5)), table))
    assert "All of them got an answer." in found.said
    assert "given, not chosen on scores." in found.said
    assert "<h1><bdi>Scores</bdi> on test</h1>" in found.text


def test_curves_are_marked_at_operating_points_and_at_the_threshold(report, table, plain) -> None:
    names = {"det-point-0", "det-point-1", "det-point-2"}
    assert names <= set(plain.ids)
    assert "det-point-3" not in plain.ids  # eer is the balanced point
    other = report_from_scores(table, "fixed=0.123")
    assert "det-point-0" in Page(page(other, table)).ids


def test_presentations_and_their_frames(table) -> None:
    report = report_from_scores(table, presentations="video")
    found = Page(page(report, aggregate(table, "video")))
    assert "frames" in found.sections
    assert "The frames of one video are one presentation; its score is their mean." in found.said
    assert found.row("Rates of single frames", "BPCER") == cells(report.frames.bpcer)
    alone = Page(page(report.frames, table))
    assert "200 frames : " in alone.said


def test_recognisers_answers_have_a_column() -> None:
    rows: list[Row] = [("bonafide", 0.1), ("print", 0.2), ("print", 0.9)]
    table = table_of(*rows, groups={"accepted": ["accept", "accept", "reject"]})
    found = Page(page(evaluate(table, fixed_threshold(0.5)), table))
    caption = "Attacks accepted by species, and bona fide rejected"
    assert found.row(caption, "print")[6] == "50.00 % 1 of 2"


def test_robustness(report, table, stressed) -> None:
    found = Page(page(report, table, robustness=stressed))
    assert "robustness" in found.sections
    assert {"robustness-0-title", "robustness-1-title"} <= set(found.ids)
    caption, curve = "Means over the severities, and the strongest", stressed.curves[0]
    row = found.row(caption, "box jitter")
    assert row[0] == "10 quality"
    assert row[1:] == ["not known"] * 6
    for note in curve.notes:
        assert note in found.said
    mild = replace(stressed, curves=(replace(curve, points=curve.points[:2], notes=()),))
    row = Page(page(report, table, robustness=mild)).row(caption, "box jitter")
    end = curve.points[1]
    assert row[2] == f"{end.auc:.4f}"
    assert (
        row[4] == f"{two_decimals(end.apcer_worst.value)} {end.apcer_worst.errors} of {end.apcer_worst.total}"
    )


def test_worst_errors_are_shown_where_there_are_pictures(report, table, tmp_path) -> None:
    test = table.of_split(Split.TEST)
    accepted = test.sample[test.is_attack & (test.attack_score < report.threshold.value)].tolist()
    cv2.imwrite(str(tmp_path / accepted[0]), np.full((40, 40, 3), 200, np.uint8))
    (tmp_path / accepted[1]).write_bytes(b"broken")
    found = Page(page(report, table, pictures=lambda sample: tmp_path / sample))
    assert "worst" in found.sections
    assert f"{report.apcer_pooled.errors} attacks accepted" in found.said
    assert f"{report.bpcer.errors} bona fide rejected" in found.said
    (image,) = found.images
    assert image["src"].startswith("data:image/jpeg;base64,")
    species, score = next((s, x) for n, s, x in zip(test.sample, test.species, test.attack_score, strict=True) if n == accepted[0])  # fmt: skip
    assert image["alt"] == f"{species}, attack_score {score:.3f}"
    assert found.text.count(">not readable</span>") == 1
    assert found.text.count(">no picture</span>") == len(accepted) - 2 + report.bpcer.errors
    assert "worst" not in Page(page(report, table, pictures=lambda sample: tmp_path / "none")).sections


def test_more_errors_than_are_shown_are_counted(tmp_path) -> None:
    rows: list[Row] = [("bonafide", 0.9)] * 30 + [("print", 0.9)]
    table = table_of(*rows)
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((9, 9, 3), np.uint8))
    found = Page(
        page(evaluate(table, fixed_threshold(0.5)), table, pictures=lambda sample: tmp_path / "one.png")
    )
    assert "30 bona fide rejected the 24 with the highest scores" in found.said
    assert "0 attacks accepted" in found.said
    assert len(found.images) == 24


# Hostile words


def test_hostile_words_stay_words(tmp_path, stressed) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((9, 9, 3), np.uint8))
    worst = HOSTILE + "\u202e\u2066"
    table = ScoreTable(
        sample=[f'{worst}{i}"><img src=x onerror=alert(1)>' for i in range(80)],
        label=["bonafide", "attack"] * 40,
        species=["bonafide", worst] * 40,
        subject=[f"{worst}{i}" for i in range(80)],
        split=["dev", "dev", "test", "test"] * 20,
        attack_score=[(i * 37 % 80) / 80 for i in range(80)],
        reason=[""] * 80,
        groups={f"{HOSTILE}": [f"{HOSTILE}{i // 4 % 2}" for i in range(80)]},
    )
    report = report_from_scores(table, bundle=HOSTILE, replicates=4)
    text = page(report, table, pictures=lambda sample: tmp_path / "one.png", robustness=stressed)
    found = Page(text)
    assert {"groups", "worst", "robustness", "intervals"} <= set(found.sections)
    assert found.open == []
    assert not re.search(r"<script|<img src=x", text)
    assert "\u202e" not in text
    assert "\u2066" not in text
    assert f"{HOSTILE}\\u202e\\u2066" in found.said
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in found.links)
