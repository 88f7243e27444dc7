"""Markdown read back by another program, and the hostile words that its writers are tried with."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

HOSTILE = "a|b\n\n# c <script>x</script> [d](e) `f` *g* ![h](i) \u202ej \\| &amp;"
"""Every way out of a cell that Markdown and HTML have."""
SHOWN = HOSTILE.replace("\n\n", " ").replace("\u202e", "\\u202e")
"""What a reader must see of it."""

READER = MarkdownIt("commonmark").enable("table")
KNOWN = {
    "heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "inline", "fence",
    "text", "strong", "code_inline", "softbreak", "text_special",
}  # fmt: skip
"""What a page may be made of: no link, no picture, no HTML, no rule."""


def parts(text: str) -> set[str]:
    """The kinds of everything on the page."""
    tokens = READER.parse(text)
    every = [*tokens, *(child for token in tokens for child in token.children or ())]
    return {re.sub("_(open|close)$", "", token.type) for token in every}


def words(text: str) -> str:
    """All that a reader sees, a line a block."""
    return "\n".join(plain(token) for token in READER.parse(text) if token.type in ("inline", "fence"))


def plain(token) -> str:
    if token.type == "fence":
        return token.content
    return "".join(" " if one.type == "softbreak" else one.content for one in token.children)


def headings(text: str) -> list[str]:
    tokens = READER.parse(text)
    return [
        f"{tokens[i].tag} {plain(tokens[i + 1])}"
        for i in range(len(tokens))
        if tokens[i].type == "heading_open"
    ]


def tables(text: str) -> list[list[list[str]]]:
    """Every table as rows of cells, the heads first."""
    found: list[list[list[str]]] = []
    tokens = READER.parse(text)
    for i, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(plain(tokens[i + 1]))
    return found


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    start = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert start, title
    rest = text[start.end() :]
    end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def check(text: str) -> None:
    """Assert what holds of every page: plain parts, whole tables, no stray blanks."""
    assert parts(text) <= KNOWN
    lines = [line for line in text.split("\n") if line.startswith("|")]
    assert sum(len(rows) + 1 for rows in tables(text)) == len(lines)  # the rule below the heads is no row
    for rows in tables(text):
        assert len({len(row) for row in rows}) == 1
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block
    assert not re.search(r"\n\n\n|[ \t]\n|\x00", text)
    assert text.endswith("\n")
    assert text.isascii() or text.encode("utf-8").decode("utf-8") == text
