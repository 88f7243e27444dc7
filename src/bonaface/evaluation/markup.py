"""Markdown's grammar: words that stay words whatever they hold, tables, lists and blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

SPECIAL = re.compile(r"[\\`*\[\]<>|&~$#]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown, HTML or a formula begins with. An underscore inside a word begins nothing."""


def visible(text: str) -> str:
    r"""The text on one line; what can not be seen, such as a change of direction, is written out.

    >>> visible("two\nlines"), visible("a\u202eb")
    ('two lines', 'a\\u202eb')
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def escaped(text: str) -> str:
    """The text as words in a Markdown line, a list or a table; a name can not change the page around it.

    >>> escaped("mask_3d"), escaped("<b>|*")
    ('mask_3d', '&#60;b&#62;&#124;&#42;')
    """
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", visible(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, num_words: int = 1) -> str:
    """A table; every cell is escaped.

    Args:
        columns: Their heads.
        rows: As many cells each.
        num_words: How many columns hold words, from the left; those behind hold numbers and stand to the right.
    """
    rule = ["---"] * num_words + ["---:"] * (len(columns) - num_words)
    lines = [_row(map(escaped, columns)), f"|{'|'.join(rule)}|"]
    return "\n".join([*lines, *(_row(map(escaped, row)) for row in rows)])


def bullets(items: Iterable[str]) -> str:
    """A list; every item is escaped."""
    return "\n".join(f"- {_line_start(escaped(item))}" for item in items)


def code(lines: Sequence[str]) -> str:
    """Lines of code in a block that none of them can close."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence, *map(visible, lines), fence])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _line_start(line: str) -> str:
    """A line whose first sign begins no list, heading or rule."""
    return re.sub(r"^(\d*)([-+.)])(?=[\s-]|$)", lambda found: f"{found[1]}&#{ord(found[2])};", line)
