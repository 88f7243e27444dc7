from __future__ import annotations

import json
import math

import pytest
from markdown_it import MarkdownIt

from bonaface.evaluation.bootstrap import BootstrapInterval
from bonaface.evaluation.leaderboard import Failure, Figure, Standing, Versus, to_json, write_leaderboard
from bonaface.evaluation.leaderboard_text import (
    board_facts,
    figure_columns,
    figure_rows,
    figure_text,
    headline,
    markdown,
    value_text,
    verdict,
    versus_rows,
)

from .test_standings import board_of, runs

UNKNOWN = math.nan


def interval(value: float, low: float = UNKNOWN, high: float = UNKNOWN) -> BootstrapInterval:
    return BootstrapInterval(value, low, high, 0.95, "percentile", 1000, 0)


def beside(
    value: float,
    low: float,
    high: float,
    *,
    is_better: bool | None,
    agreeing: int = 3,
    name: str = "acer_pooled",
) -> Standing:
    versus = Versus(interval(value, low, high), is_better, agreeing, 3)
    return Standing("moe", {name: Figure(interval(0.1), {0: 0.1}, UNKNOWN, versus)})


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (beside(-0.02, -0.03, -0.01, is_better=True), "ACER pooled -2.00 % (-3.00 to -1.00 %), better"),
        (beside(0.02, 0.01, 0.03, is_better=False), "ACER pooled +2.00 % (+1.00 to +3.00 %), worse"),
        (beside(0.01, -0.01, 0.03, is_better=None), "ACER pooled +1.00 % (-1.00 to +3.00 %), within noise"),
        (
            beside(-0.02, -0.03, -0.01, is_better=True, agreeing=2),
            "ACER pooled -2.00 % (-3.00 to -1.00 %), better, but not with every seed",
        ),
        (beside(-1.0, UNKNOWN, UNKNOWN, is_better=None), "ACER pooled -100.00 %, not known"),
        (beside(0.0, UNKNOWN, UNKNOWN, is_better=None), "ACER pooled +0.00 %, within noise"),
        (beside(UNKNOWN, UNKNOWN, UNKNOWN, is_better=None), "ACER pooled not known, not known"),
        (beside(0.1, 0.05, 0.2, is_better=True, name="auc"), ""),
        (Standing("plain", {}), ""),
    ],
)
def test_a_difference_in_words(standing: Standing, said: str) -> None:
    assert headline(standing) == said


def test_figures_in_words() -> None:
    several = Figure(interval(0.9, 0.85, 0.95), {0: 0.89, 1: 0.91}, 0.0141, None)
    assert figure_text("auc", several) == "0.9000 ± 0.0141 (0.8500 to 0.9500)"
    assert figure_text("eer", Figure(interval(0.0), {0: 0.0}, UNKNOWN, None)) == "0.00 %"
    assert (value_text("auc", several), value_text("bpcer", several)) == ("0.9000", "90.00 %")


def test_tables() -> None:
    board = board_of(runs(("plain", 0.1), ("moe", 0.2)), recipes=("plain", "moe", "lost")).boards[0]
    columns = ("recipe", "seeds", "ACER pooled", "APCER worst species", "BPCER", "AUC", "EER")
    assert figure_columns(board) == columns
    rows = list(figure_rows(board))
    assert [row[:2] for row in rows] == [("plain", "2"), ("moe", "2"), ("lost", "0")]
    assert rows[2][2:] == ("not known",) * 5
    differences = list(versus_rows(board))
    assert [row[:2] for row in differences] == [("moe", name) for name in columns[2:]]
    assert differences[3][2].startswith("+0.")
    assert "%" not in differences[3][3]
    versus = board.standings[1].figures["auc"].versus
    assert versus is not None
    assert differences[3][4:] == (f"{versus.agreeing} of 2", verdict(versus))
    assert board_facts(board) == "36 test rows of 6 subjects"


def test_the_whole_as_markdown() -> None:
    scored = [*runs(("plain_1", 0.1), ("moe", 0.2)), *runs(("plain_1", 0.1), part="a", protocol="loso")]
    failed = [Failure("moe on loso (a), seed 0", "the dev split must have attacks | <b>")]
    board = board_of(
        scored,
        recipes=("plain_1", "moe"),
        protocols={"S1": ("",), "loso": ("a", "b")},
        failures=failed,
        notes=["moe: it learned from dev"],
    )
    text = markdown(board)
    assert text == markdown(board)
    assert text.startswith(
        "# Recipes beside plain_1\n\nEvery run chose its own threshold on its dev rows (rule eer)."
    )
    assert "drawn with replacement 40 times" in text
    assert (
        "is not known, unless the difference is exactly 0.\n\n- moe: it learned from dev\n\n## Runs that are missing"
        in text
    )
    assert "- moe on loso (a), seed 0: the dev split must have attacks &#124; &#60;b&#62;" in text
    assert "Mean over 2 parts (a, b), 0 test rows of 0 subjects in all.\n\n- no run has scores" in text
    page = MarkdownIt("commonmark").enable("table").render(text)
    assert page.count("<table>") == 2
    assert page.count("<h2>") == 3
    assert "<b>" not in page


def test_without_failures_their_section_is_left_out() -> None:
    assert "missing" not in markdown(board_of(runs(("plain", 0.1)), recipes=("plain",)))


def test_as_json(tmp_path) -> None:
    board = board_of(runs(("plain", 0.1), ("moe", 0.2), seeds=(7,)))
    write_leaderboard(tmp_path / "leaderboard.json", board)
    plain = json.loads((tmp_path / "leaderboard.json").read_text(), parse_constant=pytest.fail)
    assert plain == to_json(board)
    assert plain["schema_version"] == 1
    figure = plain["boards"][0]["standings"][1]["figures"]["auc"]
    assert figure["by_seed"] == {"7": figure["interval"]["value"]}
    assert figure["spread"] is None  # of one seed
    assert plain["runs"][0]["threshold"]["split"] == "dev"
