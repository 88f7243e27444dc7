"""A figure as SVG for a page: its colours are the page's, its words are text, its bytes come from the data alone."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from typing import Any

from bonaface.errors import MissingExtraError
from bonaface.evaluation.markup import visible

INK, SOFT, LINE, PAPER = "#a0b001", "#a0b002", "#a0b003", "#a0b004"
PHYSICAL, DIGITAL, OTHER, BONAFIDE = "#a0b005", "#a0b006", "#a0b007", "#a0b008"

VARIABLES: dict[str, str] = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    PAPER: "card",
    PHYSICAL: "physical",
    DIGITAL: "digital",
    OTHER: "other",
    BONAFIDE: "bonafide",
}
"""What a figure is drawn in, and the page's variable that takes its place: light and dark are the page's matter."""

FONT_SIZE = 11
THEME: dict[str, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bonaface",
    "font.size": FONT_SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 1,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 1,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "path.simplify": False,
    **{
        f"{axis}tick.{name}": value
        for axis in "xy"
        for name, value in (("color", LINE), ("labelcolor", SOFT))
    },
    **{f"{axis}tick.{name}": value for axis in "xy" for name, value in (("major.size", 0), ("major.pad", 6))},
}

_FOREIGN = re.compile("@([0-9a-f]*)@")
_HUNDREDTHS = re.compile(r"(\.\d\d)\d+")
_AUTOMATIC_ID = re.compile(r' id="[A-Za-z0-9.]+_\d+"')


def foreign(text: str) -> str:
    """Words from outside, e.g. a species, as a figure may hold them: no font is asked about them, no markup survives."""
    return f"@{visible(text).encode().hex()}@"


def svg(
    name: str, width: float, height: float, draw: Callable[[Any], None], *, title: str, description: str = ""
) -> str:
    """The SVG element of a figure, to stand in HTML.

    Args:
        name: A word; every identifier inside starts with it, so it must be the only one of its page.
        width: Units; text is 11 of them high. The page scales the figure.
        height: Units.
        draw: Draws on a `matplotlib.figure.Figure`, in the colours above; foreign words go through `foreign`.
        title: What the figure shows, for those who can not see it.
        description: What can be read from it, likewise.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - outside the light install
        from matplotlib.style import context  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("a figure", extra="report") from None
    file = io.StringIO()
    with context(["default", THEME]):
        figure = Figure(figsize=(width / 72, height / 72))
        draw(figure)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    body = _body(file.getvalue(), name)
    title, description = html.escape(visible(title)), html.escape(visible(description))
    told = f'<title id="{name}-title">{title}</title>'
    labels = f"{name}-title"
    if description:
        told += f'<desc id="{name}-desc">{description}</desc>'
        labels += f" {name}-desc"
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="{labels}">{told}{body}</svg>'


def axes(figure: Any, left: float, right: float, top: float, bottom: float) -> Any:
    """Axes on a figure, with these margins in its units."""
    width, height = 72 * figure.get_size_inches()
    return figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    )


def _body(text: str, name: str) -> str:
    """What stands between the SVG tags, in the page's colours and font, without what nobody refers to."""
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", body, flags=re.DOTALL)
    body = _AUTOMATIC_ID.sub("", body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'( id="| href="#|url\(#)', rf"\1{name}-", body)
    body = re.sub(r" font-family: [^;\"]*;?| transform=\"rotate\(-?0 [^\"]*\"", "", body)
    body = re.sub("#a0b00[0-9]", lambda found: f"var(--{VARIABLES[found[0]]})", body)
    body = re.sub("<[^>]*>", lambda tag: _HUNDREDTHS.sub(r"\1", tag[0]), body)
    body = re.sub(r"\s*\n\s*", " ", body)
    return _FOREIGN.sub(lambda found: html.escape(bytes.fromhex(found[1]).decode()), body)
