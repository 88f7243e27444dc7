"""A run's routers as one page that loads nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bonaface import __version__
from bonaface.errors import MissingExtraError
from bonaface.evaluation.markup import visible
from bonaface.evaluation.router_figures import load_map, slots_plot
from bonaface.evaluation.router_history import COLUMNS, RouterEpoch, cells, remarks


def router_page(run: str, epochs: Sequence[RouterEpoch]) -> str:
    """The page, self-contained HTML; the same input gives the same text.

    Args:
        run: Its name.
        epochs: At least one; tables and maps are of the last.

    Raises:
        MissingExtraError: If jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2  # noqa: PLC0415 - outside the light install
        from markupsafe import Markup  # noqa: PLC0415 - comes with it
    except ImportError:
        raise MissingExtraError("the page of a run's routers", extra="report") from None
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = visible
    template = (Path(__file__).parent / "router.html.jinja").read_text(encoding="utf-8")
    last = epochs[-1]
    return environment.from_string(template).render(
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
    text = router_page(run, epochs)
    target = Path(path)
    part = target.with_name(target.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(target)
