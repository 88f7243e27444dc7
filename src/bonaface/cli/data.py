"""`bonaface data`: official protocols as manifests, several manifests as one, and what a manifest is made of."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli import simuad
from bonaface.cli.console import check_kind, check_not_input, remark, results, say, words
from bonaface.errors import BonafaceError, ManifestError

if TYPE_CHECKING:
    from bonaface.data.manifest import Manifest
    from bonaface.data.protocols.audit import Audit
    from bonaface.data.protocols.coding import LabelCoding

app = typer.Typer(
    no_args_is_help=True, help="Official protocols as manifests, several manifests as one, and audits."
)
protocol = typer.Typer(no_args_is_help=True, help="Turn a data set's own lists or folders into a manifest.")
app.add_typer(protocol, name="protocol")
app.command()(simuad.simuad)

Root = Annotated[Path, typer.Option("--root", help="The folder of the pictures.")]
Out = Annotated[Path, typer.Option("--out", help="The manifest to write, CSV or Parquet by its suffix.")]
Coding = Annotated[
    str | None,
    typer.Option(
        "--coding",
        help="What the lists' labels mean: detailed (0 live, 1 physical, 2 adversarial, 3 digital), attack-one "
        "(0 live, 1 attack) or live-one (1 live, 0 attack). Left out: that of the official lists.",
    ),
]
AllowMissing = Annotated[
    bool,
    typer.Option("--allow-missing", help="Leave rows without a picture out; otherwise that is an error."),
]


@app.command()
def audit(
    manifest: Annotated[Path, typer.Argument(help="A manifest, CSV or Parquet.")],
    pictures: Annotated[
        int, typer.Option(min=0, help="Open so many pictures of each species for their size and format.")
    ] = 0,
    contents: Annotated[
        bool, typer.Option("--contents", help="Compare the files by their bytes; reads all of them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Count a manifest's rows and find what makes a measurement on it easier than it looks.

    Splits that share people, splits that lack a family, repeated pictures, sizes that tell the class.
    """
    from bonaface.data.manifest import read_manifest
    from bonaface.data.protocols.audit import audit as audited

    found = audited(read_manifest(manifest), has_contents=contents, num_pictures=pictures)
    if as_json:
        results.print_json(json.dumps(asdict(found)))
        return
    _show(found)
    for note in found.notes:
        say(f"note: {note}")
    if found.unreadable:
        say(f"note: {found.unreadable} pictures could not be read")


@app.command()
def join(
    manifests: Annotated[list[Path], typer.Argument(help="Manifests, CSV or Parquet.")],
    out: Out,
    attacks_of: Annotated[
        list[Path] | None,
        typer.Option(
            "--attacks-of",
            help="A manifest of which the attacks alone are taken, e.g. a simulated set whose genuine pictures count as "
            "their own cameras took them. May be repeated.",
        ),
    ] = None,
) -> None:
    """Write one manifest of several: a threshold for faces of many origins is chosen on all of them.

    Rows keep their splits; nobody may be in two, and no picture in twice.
    """
    from bonaface.data.joined import joined
    from bonaface.data.manifest import read_manifest

    check_not_input(out, *manifests, *(attacks_of or ()))
    attacks = [read_manifest(path).where(lambda row: not row.is_bonafide) for path in attacks_of or ()]
    for path, found in zip(attacks_of or (), attacks, strict=True):
        if not found.rows:
            raise ManifestError(
                f"{path} must have attacks; all of its rows are bona fide; give the simulated set's manifest"
            )
    if len(manifests) + len(attacks) < 2:
        raise typer.BadParameter("wants two manifests or more")
    _write(joined([*map(read_manifest, manifests), *attacks], out.parent), out)


@protocol.command()
def uniattackdata(
    root: Root,
    lists: Annotated[
        Path,
        typer.Option(help="The folder of the official lists, UniAttackData@p1_image_train.txt and so on."),
    ],
    out: Out,
    name: Annotated[
        str,
        typer.Option(
            help="p1 (all families), p1.1 to p1.3 (nobody in two splits), p2.1 (physical attacks unseen) or p2.2 "
            "(digital attacks unseen)."
        ),
    ] = "p1",
    coding: Coding = None,
    allow_missing: AllowMissing = False,
    once: Annotated[
        bool, typer.Option("--once", help="Leave out rows that repeat a picture, as scoring asks for.")
    ] = False,
) -> None:
    """Write the manifest of a UniAttackData protocol; --root is the folder that holds UniAttackData/Data."""
    from bonaface.data.protocols.presence import present
    from bonaface.data.protocols.uniattackdata import departures, listed, protocol_named

    chosen = protocol_named(name)
    manifest = listed(root, lists, chosen, coding=_coding(coding), is_once=once)
    found = present(manifest, allow_missing=allow_missing)
    _write(found.manifest, out)
    if found.missing:
        remark(f"left out: {len(found.missing)} rows without a picture, e.g. {found.missing[0]}")
    for sentence in departures(found.manifest, chosen):
        remark(f"note: {sentence}")


@protocol.command()
def challenge(
    root: Root,
    out: Out,
    name: Annotated[str, typer.Option(help="p1, p2.1 or p2.2.")] = "p1",
    splits: Annotated[str, typer.Option(help="Splits with labels, by commas.")] = "train,dev",
    coding: Coding = None,
    allow_missing: AllowMissing = False,
) -> None:
    """Write the manifest of a package of the CVPR 2024 challenge; --root is its phase1 or phase2."""
    from bonaface.data.protocols.challenge import challenge as packaged
    from bonaface.data.protocols.coding import LabelCoding
    from bonaface.data.protocols.uniattackdata import protocol_named
    from bonaface.vocabulary import Split

    chosen = []
    for word in words(splits) or []:
        if word not in set(Split):
            raise BonafaceError(f"--splits must be of {', '.join(Split)}; got '{word}'")
        chosen.append(Split(word))
    declared = _coding(coding) or LabelCoding.ATTACK_ONE
    made = packaged(root, protocol_named(name), coding=declared, splits=chosen, allow_missing=allow_missing)
    _write(made, out)
    remark("note: nobody is named in these packages: every picture counts as a subject of its own")


@protocol.command()
def folders(
    root: Root,
    out: Out,
    pattern: Annotated[
        str,
        typer.Option(help="The path of a picture below --root; {species} and {subject} must be in it."),
    ] = "{split}/{species}/{subject}/*",
    species_words: Annotated[
        str, typer.Option(help="What folder words mean, e.g. live=bonafide,paper=print.")
    ] = "",
    split_words: Annotated[str, typer.Option(help="The same for splits, e.g. val=dev.")] = "",
) -> None:
    """Write the manifest of pictures whose folders say what they are."""
    from bonaface.data.protocols.folders import folders as told

    made = told(
        root,
        pattern,
        species_words=_meanings(species_words, "--species-words"),
        split_words=_meanings(split_words, "--split-words"),
    )
    _write(made, out)


def _write(manifest: Manifest, out: Path) -> None:
    from bonaface.data.manifest import write_manifest
    from bonaface.data.protocols.audit import split_counts
    from bonaface.data.protocols.presence import rebased
    from bonaface.data.simulation_folder import SETTINGS

    check_kind(out, ".csv", ".parquet")
    if out.exists() and (out.parent / SETTINGS).is_file():
        raise ManifestError(
            f"--out must not replace the manifest of a simulated set; {out} is one; name a new one"
        )
    write_manifest(out, rebased(manifest, out.parent).rows)
    counts = (
        f"{one.split} {one.labels.get('bonafide', 0)} bonafide and {one.labels.get('attack', 0)} attacks"
        for one in split_counts(manifest)
    )
    say(f"wrote {out}: {', '.join(counts)}")


def _coding(word: str | None) -> LabelCoding | None:
    from bonaface.data.protocols.coding import coding_named

    return None if word is None else coding_named(word)


def _meanings(text: str, option: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in words(text) or []]
    for word, equals, meaning in pairs:
        if not (word and equals and meaning):
            raise BonafaceError(f"{option} must be word=meaning, by commas; got '{text}'")
    return {word: meaning for word, _, meaning in pairs}


def _show(found: Audit) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("split", "rows", "subjects", "bonafide", "physical", "digital", "species"):
        table.add_column(
            column, overflow="fold", justify="left" if column in ("split", "species") else "right"
        )
    for one in found.splits:
        numbers = (one.rows, one.subjects, one.labels.get("bonafide", 0))
        families = (one.families.get(family, 0) for family in ("physical", "digital"))
        species = ", ".join(f"{name} {count}" for name, count in one.species.items() if name != "bonafide")
        table.add_row(one.split, *map(str, (*numbers, *families)), species)
    results.print(table)
    for files in found.pictures:
        sizes = ", ".join(f"{size} ({count})" for size, count in list(files.sizes.items())[:5])
        say(
            f"{files.species}: {files.pictures} opened, {', '.join(files.formats) or 'none readable'}, {sizes}"
        )
