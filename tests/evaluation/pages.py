"""What every page must be: one file that loads nothing, with tags that close and names that are its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser


def check_page(text: str) -> None:
    assert not re.search(r"(src|href)=\"(?!#)|url\((?!#)|@import", text)
    open_tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in {"meta", "use", "path", "br"}:
                open_tags.append(tag)

        def handle_endtag(self, tag):
            if tag not in {"use", "path"}:
                assert open_tags.pop() == tag

    Reader().feed(text)
    assert open_tags == []
    names = re.findall(r' id="([^"]*)"', text)
    assert len(names) == len(set(names))
