"""From a run to a bundle: the best weights as one ONNX file, and the card that explains them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from safetensors.torch import save

from bonaface.bundle import (
    CARD_TEXT,
    INPUT_NAME,
    MODEL,
    REPORT,
    WEIGHTS,
    BundleCard,
    SelfTest,
    StoredThreshold,
    TrainingSource,
    cleared,
    describe_model,
    read_card,
    self_test_crops,
    write_card,
)
from bonaface.data.chains import is_simulated
from bonaface.data.clue_schedule import NOT_COMPARABLE, Clues
from bonaface.data.dataset import species_of_share
from bonaface.errors import BundleError, CheckpointError
from bonaface.evaluation.calibration import FamilyCalibration
from bonaface.evaluation.model_card import model_card
from bonaface.evaluation.report import Report
from bonaface.evaluation.report_file import write_report
from bonaface.evaluation.thresholds import Threshold
from bonaface.models.graph import export_onnx
from bonaface.training.recipe import Recipe, Simulated, from_dict
from bonaface.training.species_readout import SpeciesReadout
from bonaface.training.trained import detector_of_run, with_smaller
from bonaface.vocabulary import BONAFIDE, FAMILIES, Label

UNMEASURED = StoredThreshold(0.5, 0.5, 0.5, "fixed", None)
"""The threshold of a bundle that nothing has measured yet."""

TOLERANCES = {"nano": 1e-4, "backbone": 1e-3, "resnet": 1e-4}
"""By how much the scores of a bundle may differ from torch's: sums of large encoders are long."""


def export_run(
    run: Path,
    out: Path,
    *,
    version: str,
    licence: str,
    name: str | None = None,
    notes: tuple[str, ...] = (),
    is_trainable: bool = False,
    calibration: FamilyCalibration | None = None,
    species: SpeciesReadout | None = None,
    beside: Path | None = None,
    size: int | None = None,
) -> BundleCard:
    """Write the bundle of a run, with a threshold of 0.5 until `with_report` brings a measured one.

    Args:
        run: A folder that `bonaface train` wrote.
        out: A folder; a bundle in it is replaced.
        version: Of the bundle.
        licence: Of the weights, an SPDX identifier.
        name: Of the bundle; the recipe's when None.
        notes: What a user must know.
        is_trainable: Whether the weights lie beside the model, for training to go on from.
        calibration: Of the families, fitted on dev; none when None.
        species: What tells an attack's species; nothing does when None.
        beside: A second run, whose detector looks at the same crop at a smaller size; none when None.
        size: Side of the crops that the bundle judges, in pixels; that of training when None.

    Raises:
        CheckpointError: If a run has no whole checkpoint, or the second does not fit beside the first.
        RecipeError: If the size does not fit the model.
        BundleError: If `out` holds other files, or ONNX and torch disagree.
    """
    detector, recipe = detector_of_run(run, size=size)
    judging = with_smaller(detector, recipe, beside)
    told = _runs_of(record := _record(run), other := _record(beside) if beside else None)
    cleared(out)
    if is_trainable:
        (out / WEIGHTS).write_bytes(save(detector.state_dict()))  # readable by whoever may read the rest
    scales, offsets = (calibration.scales, calibration.offsets) if calibration else ((), ())
    export_onnx(
        judging,
        recipe.contract,
        out / MODEL,
        is_mirrored=recipe.is_mirrored,
        scales=scales,
        offsets=offsets,
        species=species.head if species else None,
        tolerance=TOLERANCES[recipe.model.kind],
    )
    learned, simulated = _of_all_runs(told, recipe)
    card = BundleCard(
        name=name or recipe.name,
        version=version,
        contract=recipe.contract,
        threshold=UNMEASURED,
        labels=(Label.BONAFIDE.value, Label.ATTACK.value),
        families=tuple(family.value for family in FAMILIES) if detector.num_families > 1 else (),
        species=learned,
        simulated_species=simulated,
        licence=licence,
        training_data=_sources_of(told),
        training=record,
        beside=other,
        model=describe_model(out / MODEL),
        self_test=_self_test(out / MODEL, recipe.contract.size),
        told_species=species.told if species else None,
        family_scales=scales,
        family_offsets=offsets,
        weights=describe_model(out / WEIGHTS) if is_trainable else None,
        notes=(*notes, *_warnings(told, recipe, record)),
    )
    _written(out, card, None)
    return card


def with_report(folder: Path, report: Report) -> BundleCard:
    """Put a report beside the model and its threshold into the card.

    Raises:
        BundleError: If the folder is no bundle, the threshold was not chosen on dev, or the report is of another bundle.
    """
    card = read_card(folder)
    found = report.threshold
    if found is None or found.split != "dev":
        where = (found and found.split) or "nowhere"
        raise BundleError(
            f"a bundle's threshold must be chosen on dev; the report's was on {where}; evaluate with dev rows"
        )
    points = {name: _stored(point.threshold) for name, point in report.operating_points.items()}
    card = replace(card, threshold=_stored(found), operating_points=points, report=REPORT)
    _written(folder, card, report)
    write_report(folder / REPORT, report)
    return card


def _stored(found: Threshold) -> StoredThreshold:
    return StoredThreshold(found.value, found.low, found.high, found.rule, found.split and str(found.split))


def _written(folder: Path, card: BundleCard, report: Report | None) -> None:
    text = model_card(card, report)
    write_card(folder, card)
    (folder / CARD_TEXT).write_text(text, encoding="utf-8")


def _self_test(model: Path, size: int) -> SelfTest:
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {INPUT_NAME: self_test_crops(size)})
    attack, *others = [scores.astype(float).tolist() for scores in found]
    return SelfTest(tuple(attack), *(tuple(map(tuple, scores)) for scores in others))


def _record(run: Path) -> Mapping[str, Any]:
    path = run / "run.json"
    if not path.is_file():
        return {}
    try:
        record: Mapping[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise CheckpointError(
            f"{path} must be a run's record in JSON; it is cut or altered; mend it"
        ) from None
    return record


def _runs_of(*records: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The runs behind these runs' weights that say what they learned from, each run after those that it started from."""
    told: list[Mapping[str, Any]] = []
    for record in records:
        if record is not None:
            told += [*(one for one in record.get("earlier_runs", ()) if "pictures" in one), record]
    return told


def _recipe_of(record: Mapping[str, Any], otherwise: Recipe) -> Recipe:
    return from_dict(record["recipe"]) if "recipe" in record else otherwise


def _of_all_runs(
    records: Sequence[Mapping[str, Any]], recipe: Recipe
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `_learned_species` says of every run, each species once."""
    learned, simulated = zip(
        *(_learned_species(_recipe_of(one, recipe), one) for one in records), strict=True
    )
    return tuple(dict.fromkeys(chain(*learned))), tuple(dict.fromkeys(chain(*simulated)))


def _sources_of(records: Sequence[Mapping[str, Any]]) -> tuple[TrainingSource, ...]:
    """The pictures of every run; those of several count once."""
    most: dict[tuple[str, str, str], TrainingSource] = {}
    for one in chain.from_iterable(map(_sources, records)):
        kind = (one.source, one.licence, one.species)
        if kind not in most or most[kind].count < one.count:
            most[kind] = one
    return tuple(most.values())


def _learned_species(recipe: Recipe, record: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Species of attack that the run has learned from, and those of them that it simulated."""
    if recipe.masking is not None:  # what hid cells has not been told of attacks
        return (), ()
    if not isinstance(recipe.data, Simulated):
        made = recipe.data.simulated_species if isinstance(recipe.data, Clues) else ()
        shown = () if _is_dev_merged(recipe) else record.get("learned", ())
        found = shown or [
            one.species for one in _sources(record)
        ]  # records of before do not say which were of dev
        return tuple(dict.fromkeys([*(name for name in found if name != BONAFIDE.name), *made])), made
    shares = [name for name, share in recipe.mixture.shares.items() if share > 0]
    species = tuple(dict.fromkeys(species_of_share(name).name for name in shares))
    simulated = {species_of_share(name).name for name in shares if is_simulated(name)}
    return species, tuple(name for name in species if name in simulated)


def _warnings(
    records: Sequence[Mapping[str, Any]], recipe: Recipe, record: Mapping[str, Any]
) -> tuple[str, ...]:
    size = recipe.contract.size
    learned = record.get("recipe", {}).get("contract", {}).get("size", size)
    resized = f"It has learned from crops of {learned} pixels, and judges crops of {size}."
    is_merged = any(_is_dev_merged(_recipe_of(one, recipe)) for one in records)
    return ((NOT_COMPARABLE,) if is_merged else ()) + ((resized,) if learned != size else ())


def _is_dev_merged(recipe: Recipe) -> bool:
    return isinstance(recipe.data, Clues) and recipe.data.is_dev_merged


def _sources(record: Mapping[str, Any]) -> tuple[TrainingSource, ...]:
    return tuple(TrainingSource(**one) for one in record.get("pictures", ()))
