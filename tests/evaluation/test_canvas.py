from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.errors import MissingExtraError
from bonaface.evaluation.canvas import INK, PHYSICAL, VARIABLES, axes, foreign, svg

from .drawings import Drawing

HOSTILE = "</text><script>alert(1)</script>"


def draw(figure) -> None:
    plot = axes(figure, 40, 10, 10, 30)
    plot.set(xlim=(0, 2), ylim=(0, 1))
    plot.plot([0, 1, 2], [0, 1, 0.123456789], color=PHYSICAL, marker="o", gid="line")
    plot.text(1, 0.5, foreign(HOSTILE), color=INK, ha="right")


def drawn(name: str = "one", **words: str) -> Drawing:
    return Drawing(svg(name, 240, 120, draw, title="A line", **words), name)


def test_things_stand_where_the_axes_say() -> None:
    drawing = drawn()
    assert drawing.root.get("viewBox") == "0 0 240 120"
    # 40 and 10 of 240 are margins, 30 and 10 of 120; SVG counts down from the top.
    assert drawing.markers("line") == pytest.approx(
        np.array([(40, 90), (135, 10), (230, 90 - 80 * 0.123456789)]), abs=0.01
    )


def test_colours_are_the_variables_of_the_page() -> None:
    text = drawn().text
    used = set(re.findall(r"var\(--([a-z]+)\)", text))
    assert {"physical", "ink", "line", "soft"} <= used <= set(VARIABLES.values())
    assert "#a0b0" not in text
    assert not re.search(r"#[0-9a-f]{6}\b", text)


def test_a_figure_loads_nothing_and_brings_no_style() -> None:
    text = drawn().text
    assert not re.search(r"http|xlink|xmlns|<style|<metadata|<script|font-family", text)


def test_identifiers_are_of_this_figure_alone_and_lead_somewhere() -> None:
    for name in ("one", "two"):
        text = drawn(name).text
        ids = re.findall(r' id="([^"]*)"', text)
        assert len(ids) == len(set(ids))
        assert all(one.startswith(f"{name}-") for one in ids)
        assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', text)) <= set(ids)


def test_foreign_words_stay_words() -> None:
    drawing = drawn()
    assert HOSTILE in drawing.words()
    assert "<script" not in drawing.text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_word_comes_through_or_is_written_out(word: str) -> None:
    inside = foreign(word)
    assert re.fullmatch("@[0-9a-f]*@", inside)
    if word.isprintable() and word == " ".join(word.split()):
        assert bytes.fromhex(inside.strip("@")).decode() == word


def test_no_font_is_asked_about_a_foreign_word() -> None:
    # A font that lacks a letter would warn, and warnings are errors here.
    for word in ("面具", "🙂", "", "a\u202eb"):
        text = svg("one", 99, 99, lambda figure, word=word: figure.text(0.5, 0.5, foreign(word)), title="x")
        assert (word.replace("\u202e", "\\u202e") or "</text>") in text


def test_what_it_shows_is_said() -> None:
    drawing = drawn(description="a <b>")
    assert drawing.label() == "A line"
    assert drawing.root.get("role") == "img"
    assert drawing.root.get("aria-labelledby") == "one-title one-desc"
    assert drawing.root.findtext("desc") == "a <b>"
    assert drawn().root.get("aria-labelledby") == "one-title"
    assert drawn().root.find("desc") is None


def test_settings_of_the_process_neither_matter_nor_change() -> None:
    before = drawn().text
    with matplotlib.rc_context(
        {"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path", "axes.grid": False}
    ):
        kept = dict(matplotlib.rcParams)
        assert drawn().text == before
        assert dict(matplotlib.rcParams) == kept


def test_another_process_draws_the_same_bytes_without_pyplot() -> None:
    code = "import sys; from tests.evaluation.test_canvas import drawn; print(drawn().text)\n"
    code += "assert 'matplotlib.pyplot' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "1", "MPLCONFIGDIR": matplotlib.get_configdir()},
    )
    assert done.stdout == drawn().text + "\n"


def test_without_matplotlib(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError) as caught:
        drawn()
    assert str(caught.value) == (
        "a figure needs packages outside the light install; install them with: pip install 'bonaface[report]'"
    )
