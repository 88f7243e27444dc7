"""This room's page templates, filled in by jinja2, which is outside the light install."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bonaface.errors import MissingExtraError
from bonaface.evaluation.markup import visible

if TYPE_CHECKING:
    import jinja2


def template_named(
    name: str, *, what: str, filters: Mapping[str, Callable[..., Any]] | None = None
) -> jinja2.Template:
    """A template that escapes what it is given and refuses what it is not given.

    Args:
        name: Of the file beside this one.
        what: The page, for the error.
        filters: Beside `visible`, which every page has.

    Raises:
        MissingExtraError: If jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: PLC0415 - outside the light install
    except ImportError:
        raise MissingExtraError(what, extra="report") from None
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"visible": visible, **(filters or {})}
    return environment.from_string((Path(__file__).parent / name).read_text(encoding="utf-8"))
