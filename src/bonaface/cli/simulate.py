"""`bonaface simulate`: attacks from bona fide pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bonaface.cli.console import progress_bar, remark, say
from bonaface.errors import BonafaceError, did_you_mean
from bonaface.vocabulary import Split


def simulate(
    source: Annotated[Path, typer.Argument(help="A folder of bona fide pictures, or a manifest.")],
    out: Annotated[Path, typer.Argument(help="A new folder for the pictures and their manifest.csv.")],
    species: Annotated[
        str, typer.Option(help="Which attacks, by commas: print, replay, faceswap, spsc, sdsc.")
    ] = "print,replay,faceswap",
    per_subject: Annotated[int, typer.Option(min=1, help="Attacks of each species from each picture.")] = 1,
    split: Annotated[str, typer.Option(help="Which splits of the manifest, by commas.")] = "train,dev,test",
    seed: Annotated[int, typer.Option(help="Another seed, other draws; the same seed, the same bytes.")] = 0,
) -> None:
    """Make attacks from bona fide pictures.

    Every picture also gets a bona fide copy (and a manifest's own attacks one of theirs), taken by the same simulated
    camera and written by the same encoder, so that only the attack differs.
    """
    from bonaface.data.manifest import read_manifest
    from bonaface.data.simulated import manifest_of_folder
    from bonaface.data.simulated import simulate as make
    from bonaface.faces.dlib_hog import DlibHogFinder

    manifest = manifest_of_folder(source) if source.is_dir() else read_manifest(source)
    with progress_bar("simulating", len(manifest.rows)) as advance:
        made = make(
            manifest,
            out,
            species=_words(species),
            finder=DlibHogFinder(),
            seed=seed,
            per_subject=per_subject,
            splits=[_split(word) for word in _words(split)],
            on_row=advance,
        )
    counts = ", ".join(f"{count} {name}" for name, count in made.counts.items())
    say(f"wrote {counts} and {made.manifest}")
    if made.left_out:
        why = ", ".join(f"{count} {reason}" for reason, count in made.left_out.items())
        remark(f"left out: {why}")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _split(word: str) -> Split:
    if word not in set(Split):
        raise BonafaceError(f"--split must be of {', '.join(Split)}; got '{word}'{did_you_mean(word, Split)}")
    return Split(word)
