"""`bonaface simulate`: attacks from bona fide pictures."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import finder_file, progress_bar, remark, say, words
from bonaface.errors import BonafaceError, MissingExtraError, SimulationError, did_you_mean
from bonaface.vocabulary import CHAIN, Split

if TYPE_CHECKING:
    from bonaface.data.manifest import Manifest
    from bonaface.data.simulated import Simulated
    from bonaface.training.adversary import Adversary

WHY = {
    "no_face": "no face was found",
    "face_too_small": "too small for any gate",
    "no_partner": "no second person with a face was found in the same split",
}
"""What reasons for leaving something out mean, where the word alone does not say it."""


Source = Annotated[
    Path,
    typer.Argument(help="A folder of bona fide pictures, or a manifest; with --replay, the set's manifest."),
]
Out = Annotated[
    Path,
    typer.Argument(help="The folder of the set, with its manifest.csv; with --replay, one picture's file."),
]
Names = Annotated[
    str,
    typer.Option(
        help="Which attacks, by commas: print, replay, cutout, paper_mask, mask_3d, spsc, rendition, faceswap (blended with "
        "itself), swap (with another person), sdsc, patchwork, reenactment, attribute_edit, morph, generated, injection, "
        "adversarial (with --against); or in steps: faceswap+print."
    ),
]
PerSubject = Annotated[int, typer.Option(min=1, help="Attacks of each species from each picture.")]
Splits = Annotated[str, typer.Option(help="Which splits of the manifest, by commas.")]
Strength = Annotated[
    str, typer.Option(help="How visible the attacks are: a range within (0, 1.5], drawn for each.")
]
FacePx = Annotated[
    str | None,
    typer.Option(
        help="How many pixels a face spans before the camera: a number or a range, e.g. 60,320, drawn for each. Without it 160, "
        "or what the picture has if that is less."
    ),
]
Variant = Annotated[
    list[str] | None,
    typer.Option(help="Hold a species to a mechanism, e.g. --variant print=laser. May be repeated."),
]
Masks = Annotated[
    bool, typer.Option("--masks", help="Also write where each attack altered its picture, below masks/.")
]
Workers = Annotated[int, typer.Option(min=1, help="Processes; the pictures are the same with any number.")]
Shards = Annotated[
    int, typer.Option(min=0, help="Also write the manifest as so many Parquet files; 0 for none.")
]
Finder = Annotated[
    str,
    typer.Option(
        help="'yunet', or YuNet's file: it finds eyes, nose and mouth too, so swaps and morphs fit better."
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        help="The run whose detector adversarial pictures mislead: a folder that 'bonaface train' wrote. Slow."
    ),
]
Seed = Annotated[int, typer.Option(help="Another seed, other draws; the same seed, the same bytes.")]
Replay = Annotated[
    str | None,
    typer.Option(help="Make one picture of a set once more: its path in the manifest, or its number from 1."),
]


def simulate(
    source: Source,
    out: Out,
    species: Names = "print,replay,faceswap",
    per_subject: PerSubject = 1,
    split: Splits = "train,dev,test",
    strength: Strength = "0.7,1.1",
    face_px: FacePx = None,
    variant: Variant = None,
    masks: Masks = False,
    workers: Workers = 1,
    shards: Shards = 0,
    finder: Finder = "dlib_hog",
    against: Against = None,
    seed: Seed = 0,
    replay: Replay = None,
) -> None:
    """Make attacks from bona fide pictures.

    Every picture also gets a bona fide copy (and a manifest's own attacks one of theirs), taken by the same simulated
    camera and written by the same encoder, so that only the attack differs. A run that was stopped goes on with the
    same command. Exit code 130: it was stopped.
    """
    if replay is not None:
        _replay(source, replay, out, against)
        return
    from bonaface.contract import InputContract
    from bonaface.data.chains import AIMED
    from bonaface.data.simulated import simulate as make
    from bonaface.data.simulation_plan import Settings
    from bonaface.faces.finder import finder_for
    from bonaface.training.stopping import stop_requests

    names = words(species)
    adversary = None if against is None else _adversary(against, names)
    settings = Settings(
        tuple(names),
        seed=seed,
        per_subject=per_subject,
        strength=_range(strength, "--strength must be two numbers with a comma, e.g. 0.7,1.1"),
        face_px=None if face_px is None else _sizes(face_px),
        variants=_variants(variant or []),
        splits=tuple(_split(word) for word in words(split)),
        has_masks=masks,
        against=None if adversary is None else adversary.aim,
        added={} if adversary is None else {AIMED: adversary.simulation()},
    )
    manifest = source_manifest(source, out)
    with stop_requests() as stop:
        made = make(
            manifest,
            out,
            settings,
            finder=finder_for(InputContract(), yunet=finder_file(finder)),
            workers=workers,
            shards=shards,
            bar=lambda total: progress_bar("simulating", total),
            is_stopped=stop.is_set,
        )
    _tell(made)
    if finder == "dlib_hog" and any(settings.chain(name).needs_partner for name in settings.simulations):
        remark("note: eyes, nose and mouth were guessed from the face's box; --finder yunet finds them")


def _adversary(run: Path, names: list[str]) -> Adversary:
    """What is aimed at the run, for the attacks of these names."""
    from bonaface.data.chains import AIMED

    if not any(AIMED in name.split(CHAIN) for name in names):
        raise SimulationError(
            f"--against must come with the species that it is for; got {', '.join(names) or 'none'}; "
            f"add {AIMED}, or leave --against out"
        )
    try:
        from bonaface.training.adversary import adversary_of_run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bonaface"):
            raise
        raise MissingExtraError("bonaface simulate --against", extra="train") from None
    return adversary_of_run(run)


def source_manifest(source: Path, out: Path) -> Manifest:
    """The pictures that a person names: a folder of bona fide ones, or a manifest. What is made of them goes to `out`."""
    from bonaface.data.manifest import read_manifest
    from bonaface.data.simulated import manifest_of_folder
    from bonaface.faces.picture import SUFFIXES

    if not source.exists():
        raise SimulationError(
            f"{source} must be a folder of pictures or a manifest; it does not exist; check the path"
        )
    if not source.is_dir():
        if source.suffix.lower() in SUFFIXES:
            raise SimulationError(
                f"{source} must be a folder of pictures or a manifest; it is a picture; give the folder it is in"
            )
        return read_manifest(source)
    if source.resolve() in (out.resolve(), *out.resolve().parents):
        raise SimulationError(
            f"{out} must not lie in {source}: what is made there would be taken for its pictures; choose a folder beside it"
        )
    return manifest_of_folder(source)


def _tell(made: Simulated) -> None:
    stopped(made)
    counts = ", ".join(f"{count} {name}" for name, count in made.counts.items())
    say(f"wrote {counts} and {made.manifest}")
    left_out(made)


def stopped(made: Simulated) -> None:
    """End the command where simulating was stopped."""
    if not made.is_finished:
        remark(f"stopped after {made.done} of {made.total}; the same command goes on")
        raise typer.Exit(130)


def left_out(made: Simulated) -> None:
    """Say which pictures no attack was made of, and why."""
    if made.left_out:
        why = (
            f"{count} {reason}" + (f" ({WHY[reason]})" if reason in WHY else "")
            for reason, count in made.left_out.items()
        )
        remark(f"left out: {', '.join(why)}")


def _replay(manifest: Path, row: str, out: Path, against: Path | None) -> None:
    from bonaface.data.chains import AIMED
    from bonaface.data.provenance import replayed

    added = {} if against is None else {AIMED: _adversary(against, [AIMED]).simulation()}
    data = replayed(manifest, row, added)
    if out.exists():
        raise SimulationError(f"{out} must be a new file; it is there already; choose another")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    say(f"wrote {out}")


def _split(word: str) -> Split:
    if word not in set(Split):
        raise BonafaceError(f"--split must be of {', '.join(Split)}; got '{word}'{did_you_mean(word, Split)}")
    return Split(word)


def _sizes(text: str) -> tuple[float, float]:
    wanted = "--face-px must be a number or two with a comma, e.g. 80 or 60,320"
    return _range(text, wanted, is_one_enough=True)


def _range(text: str, wanted: str, *, is_one_enough: bool = False) -> tuple[float, float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if is_one_enough and len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        raise BonafaceError(f"{wanted}; got '{text}'")
    return numbers[0], numbers[1]


def _variants(settings: list[str]) -> dict[str, tuple[str, ...]]:
    chosen: dict[str, list[str]] = defaultdict(list)
    for setting in settings:
        name, equals, mechanisms = setting.partition("=")
        if not equals or not words(mechanisms):
            raise BonafaceError(f"--variant must be species=mechanism, e.g. print=laser; got '{setting}'")
        chosen[name.strip()] += words(mechanisms)
    return {name: tuple(dict.fromkeys(words)) for name, words in chosen.items()}
