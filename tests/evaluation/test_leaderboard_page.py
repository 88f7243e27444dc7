from __future__ import annotations

import re
import sys

import pytest

from bonaface.errors import MissingExtraError
from bonaface.evaluation.canvas import VARIABLES
from bonaface.evaluation.leaderboard import Failure
from bonaface.evaluation.leaderboard_page import leaderboard_page, write_leaderboard_page

from .pages import check_page
from .test_standings import board_of, runs

BOARD = board_of(
    [*runs(("plain", 0.05), ("moe", 0.4)), *runs(("plain", 0.1), protocol="S2")],
    protocols={"S1": ("",), "S2": ("",), "S3": ("a", "b")},
    failures=[Failure("<script>x</script> on S3", "it <i>failed</i>")],
    notes=["moe: it learned from dev"],
)


@pytest.fixture(scope="module")
def text() -> str:
    return leaderboard_page(BOARD)


def test_the_page_says_and_draws_everything(text) -> None:
    assert text.count("<svg") == 4  # ACER and AUC of the two protocols that have figures
    assert text.count('class="text better"') == 5
    assert "Mean over 2 parts (a, b)" in text
    assert "the baseline has no figures" not in text
    assert "±" in text
    assert "<li>moe: it learned from dev</li>" in text


def test_one_protocol_needs_no_index_and_an_unknown_interval_no_bar(text) -> None:
    """Both classes are apart in every draw: no replicate differs from another."""
    one = leaderboard_page(board_of(runs(("plain", 3.0)), recipes=("plain",)))
    assert "<nav" not in one
    assert "<nav" in text
    assert "mean-0" in one
    assert "whisker-0" not in one
    assert "whisker-0" in text


def test_it_loads_nothing_and_is_well_formed(text) -> None:
    check_page(text)


def test_every_colour_of_its_figures_is_the_pages(text) -> None:
    used = set(re.findall(r"var\(--(\w+)\)", text))
    assert used <= set(re.findall(r"--(\w+): #", text))
    assert used & set(VARIABLES.values())


def test_foreign_words_are_harmless(text) -> None:
    assert "<script>" not in text
    assert "<i>" not in text


def test_written_whole(tmp_path, text) -> None:
    write_leaderboard_page(tmp_path / "leaderboard.html", BOARD)
    assert (tmp_path / "leaderboard.html").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["leaderboard.html"]


def test_without_jinja(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="the page of a leaderboard needs packages outside the light"):
        leaderboard_page(BOARD)
