"""A run's routers as one page that loads nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bonaface import __version__
from bonaface.evaluation.router_figures import load_map, slots_plot
from bonaface.evaluation.router_history import COLUMNS, RouterEpoch, cells, remarks
from bonaface.evaluation.template import template_named
from bonaface.evaluation.whole_text import write_text


def router_page(run: str, epochs: Sequence[RouterEpoch]) -> str:
    """The page, self-contained HTML; the same input gives the same text.

    Args:
        run: Its name.
        epochs: At least one; tables and maps are of the last.

    Raises:
        MissingExtraError: If jinja2 or matplotlib is not installed.
    """
    template = template_named("router.html.jinja", what="the page of a run's routers")
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    last = epochs[-1]
    return template.render(
        run=run,
        version=__version__,
        epoch=last.epoch + 1,
        columns=COLUMNS,
        rows=[cells(one) for one in last.routers],
        remarks=remarks(last.routers),
        slots=Markup(slots_plot("slots", epochs)),
        maps=[(one.block, Markup(load_map(f"load-{i}", one))) for i, one in enumerate(last.routers)],
    )


def write_router_page(path: str | os.PathLike[str], run: str, epochs: Sequence[RouterEpoch]) -> None:
    """Write the page, whole or not at all."""
    write_text(path, router_page(run, epochs))
