"""`bonaface export`: a training run becomes a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bonaface.cli.console import folder_beside, progress_bar, say
from bonaface.errors import MissingExtraError
from bonaface.vocabulary import Split

if TYPE_CHECKING:
    from bonaface.bundle import BundleCard
    from bonaface.faces.finder import Finder
    from bonaface.training.species_readout import SpeciesReadout

SIZE = (
    "Side in pixels of the crops that the bundle judges; that of training by default. Half as much again may tell more, "
    "untrained there, and costs twice the time."
)


def export(
    run: Annotated[Path, typer.Argument(help="A folder that 'bonaface train' wrote.")],
    out: Annotated[Path, typer.Argument(help="The bundle's folder; a bundle in it is replaced.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="A manifest: calibration and threshold from its dev rows, report on its test rows."
        ),
    ] = None,
    evaluation: Annotated[
        Path | None, typer.Option(help="Folder for the scores of --data; OUT-evaluation by default.")
    ] = None,
    calibration_data: Annotated[
        Path | None,
        typer.Option(
            help="A manifest: families are calibrated on its dev rows; on those of --data by default. One with every species "
            "keeps a family of few species from drowning the other."
        ),
    ] = None,
    species_data: Annotated[
        Path | None,
        typer.Option(
            help="A manifest: species of attack are told apart by its dev rows; those of --data by default."
        ),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            help="A second run that looks at the same crop at a smaller size; the evidence of both is averaged."
        ),
    ] = None,
    size: Annotated[int | None, typer.Option(min=1, help=SIZE)] = None,
    name: Annotated[str | None, typer.Option(help="Of the bundle; the recipe's by default.")] = None,
    version: Annotated[str, typer.Option("--bundle-version", help="Of this training.")] = "0.1.0",
    licence: Annotated[str, typer.Option(help="Of the weights, an SPDX identifier.")] = "Apache-2.0",
    trainable: Annotated[
        bool,
        typer.Option("--trainable", help="Bring the weights along, for 'bonaface train --start-from OUT'."),
    ] = False,
    note: Annotated[list[str] | None, typer.Option(help="What a user must know. May be repeated.")] = None,
) -> None:
    """Turn a training run into a bundle: an ONNX model with its preprocessing inside, and a card.

    With --data the families are calibrated and the threshold is chosen on the dev rows, and the test rows are measured; attacks
    are told apart by species where dev has several. Without it the threshold is 0.5 and nothing is measured: say so
    to whoever gets the bundle.
    """
    from bonaface.bundle_exchange import in_place_of

    try:
        from bonaface.training.export import export_run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bonaface"):
            raise
        raise MissingExtraError("bonaface export", extra="train") from None
    about: dict[str, Any] = {
        "version": version,
        "licence": licence,
        "name": name,
        "notes": tuple(note or ()),
        "is_trainable": trainable,
        "beside": beside,
        "size": size,
    }
    for option, given in (("--species-data", species_data), ("--calibration-data", calibration_data)):
        if data is None and given is not None:
            raise typer.BadParameter(f"{option} wants --data too: what is fitted must be measured")
    with in_place_of(out) as fresh:
        card = export_run(run, fresh, **about)
        if data is not None:
            fitted_on = _FittedOn(calibration_data or data, species_data or data)
            scores = evaluation or folder_beside(out, "evaluation")
            card = _measured(run, fresh, about, data, fitted_on, scores)
    megabytes = f"{card.model.bytes / 1e6:.1f} MB"
    say(f"wrote {out}: {card.id}, {megabytes}, an attack from {card.threshold.value:.4f} on")


class _FittedOn(NamedTuple):
    """Manifests whose dev rows something is fitted on."""

    calibration: Path
    species: Path


def _measured(
    run: Path, out: Path, about: dict[str, Any], data: Path, fitted_on: _FittedOn, folder: Path
) -> BundleCard:
    """The bundle exported anew: calibrated on the dev rows, its threshold from them, the test rows measured, scores in `folder`."""
    from bonaface.cli.judging import judged, may_share_subjects
    from bonaface.cli.report_table import show
    from bonaface.evaluation.bootstrap import REPLICATES
    from bonaface.evaluation.calibration import fit_families
    from bonaface.evaluation.reporting import report_from_scores
    from bonaface.faces.remembered import RememberedFaces
    from bonaface.inference.gate import load
    from bonaface.training.export import export_run, with_report

    gate = load(out)
    faces = RememberedFaces(gate.finder)
    dev, _, _ = judged(fitted_on.calibration, folder, bundle=out, splits=[Split.DEV], faces=faces)
    species = _species_of(run, about["beside"], about["size"], fitted_on.species, faces)
    calibration = fit_families(dev) if gate.card.families else None
    export_run(run, out, **about, calibration=calibration, species=species)
    table, bundle_id, _ = judged(data, folder, bundle=out, faces=faces)
    report = report_from_scores(
        table, bundle=bundle_id, replicates=REPLICATES, allow_shared_subjects=may_share_subjects(data)
    )
    card = with_report(out, report)
    show(report)
    return card


def _species_of(
    run: Path, beside: Path | None, size: int | None, data: Path, faces: Finder
) -> SpeciesReadout | None:
    """What tells the species of the dev attacks apart; None where there are not two with enough people."""
    from bonaface.training.dev_embeddings import attack_embeddings, dev_attacks
    from bonaface.training.species_readout import LEAST_PEOPLE, species_readout
    from bonaface.training.trained import detector_of_run, with_smaller

    attacks = dev_attacks(data)
    detector, recipe = detector_of_run(run, size=size)
    judging = with_smaller(detector, recipe, beside)
    with progress_bar("telling species apart", len(attacks.rows)) as advance:
        found = attack_embeddings(judging.eval(), recipe.contract, attacks, faces, on_row=advance)
    readout = species_readout(found.embedding, found.species, found.subjects)
    if readout is None:
        say(f"species are not told apart: {data} has no two of {LEAST_PEOPLE} people or more in dev")
        return None
    told = readout.told
    say(f"species: {told.accuracy:.0%} of {told.rows} dev attacks told right ({told.chance:.0%} by chance)")
    return readout
