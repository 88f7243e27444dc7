from __future__ import annotations

import doctest
import html
import re

from hypothesis import given
from hypothesis import strategies as st

from bonaface.evaluation import markup
from bonaface.evaluation.markup import bullets, code, escaped, table, visible

HOSTILE = "a|b\n| c |\r\n# <b onload=x>&amp; `d` *e* __f__ [g](h) \\ ~~i~~ $j$ \x00\u202e\udc80"
TEXTS = st.text(st.one_of(st.sampled_from("|\\`*_[]<>&~$#-+.)1 \n\r\u2028\u202e\x00"), st.characters()))


def test_examples_in_docstrings_run() -> None:
    result = doctest.testmod(markup)
    assert result.attempted
    assert not result.failed


def test_hostile_words_stay_words() -> None:
    text = escaped(HOSTILE)
    assert not re.search(r"[|<>`*\[\]\\~$\n\r]|&(?!#\d+;)|#(?!\d+;)|_", text)
    assert html.unescape(text) == visible(HOSTILE)
    assert visible(HOSTILE).endswith("$j$ \\x00\\u202e\\udc80")


def test_ordinary_words_are_left_alone() -> None:
    for text in ("mask_3d", "it's 5 % (1 of 20), e.g. 0.5-0.6; a+b: 顔", "paper_mask and print"):
        assert escaped(text) == text


@given(TEXTS)
def test_nothing_that_begins_markup_is_left(text: str) -> None:
    found = escaped(text)
    assert html.unescape(found) == visible(text)
    assert not set("|`*<>[]\\~$\n\r") & set(found)
    assert found.isprintable()
    found.encode("utf-8")


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_every_row_of_a_table_has_every_cell(rows: list[tuple[str, str]]) -> None:
    lines = table(("a|b", "c"), rows).split("\n")
    assert len(lines) == 2 + len(rows)
    assert {line.count("|") for line in lines} == {3}
    assert lines[1] == "|---|---:|"
    for line, row in zip(lines[2:], rows, strict=True):
        assert [html.unescape(cell) for cell in line[2:-2].split(" | ")] == [visible(cell) for cell in row]


@given(st.lists(TEXTS, max_size=4))
def test_items_of_a_list_begin_nothing_else(items: list[str]) -> None:
    lines = bullets(items).split("\n") if items else []
    assert len(lines) == len(items)
    for line, item in zip(lines, items, strict=True):
        assert not re.match(r"- (\d+[.)]|[-+])([ -]|$)", line)
        assert html.unescape(line.removeprefix("- ")) == visible(item)


@given(st.lists(TEXTS, max_size=4))
def test_no_line_closes_a_block_of_code(lines: list[str]) -> None:
    first, *between, last = code(lines).split("\n")
    assert first == last
    assert re.fullmatch("`{3,}", first)
    assert between == [visible(line) for line in lines]
    assert not any(first in line for line in between)
