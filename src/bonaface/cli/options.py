"""Options that several commands share, each worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bonaface.errors import BonafaceError

AnyBundle = Annotated[
    Path | None,
    typer.Option(
        help="A bundle's folder or name, or another detector's folder with peer.json; the default is embedded."
    ),
]
Bundle = Annotated[
    Path | None,
    typer.Option(help="A bundle's folder, or its name: small (the default) and nano come with the package."),
]
Finder = Annotated[
    str | None, typer.Option(help="'yunet', or YuNet's file; the bundle's own finder by default.")
]
Threads = Annotated[int, typer.Option(min=1, help="Threads for the model.")]
Rule = Annotated[
    str,
    typer.Option(
        help="How the threshold is chosen on the dev rows: eer, min_acer, apcer=x, bpcer=x; or fixed=x."
    ),
]
Presentations = Annotated[
    str | None, typer.Option(help="The group column that says which presentation a frame is of.")
]
Frames = Annotated[
    str,
    typer.Option(help="How frames become a presentation's score: evidence, mean, median, max or k_of_n=2."),
]
MEAN = "mean"
"""Of `Frames`, the default."""
Seed = Annotated[int, typer.Option(help="Of the bootstrap.")]


def check_frames(frames: str, presentations: str | None) -> None:
    """Raise `BonafaceError` where frames are to be summarised, and no column says which belong together."""
    if presentations is None and frames != MEAN:
        raise BonafaceError(
            f"--frames must come with --presentations; got --frames {frames} alone; name the column that says which "
            "presentation a frame is of, or leave it out"
        )
