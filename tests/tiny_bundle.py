"""Bundles of a few hundred bytes: the attack_score is the crop's mean redness, so that the order of channels counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
import onnxruntime

from bonaface.bundle import (
    INPUT_NAME,
    MODEL,
    OUTPUT_NAMES,
    SPECIES_OUTPUT,
    BundleCard,
    ModelFile,
    SelfTest,
    StoredThreshold,
    ToldSpecies,
    TrainingSource,
    describe_model,
    self_test_crops,
    write_card,
)
from bonaface.contract import InputContract

CONTRACT = InputContract(size=64)

GRAPH = """
<ir_version: 10, opset_import: ["" : 18]>
tiny (uint8[batch, height, width, 3] crop)
    => (float[batch] attack_score, float[batch, families] family_scores, float[batch, species] species_scores)
{
    pixels = Cast <to = 1> (crop)
    sides = Constant <value_ints = [1, 2]> ()
    means = ReduceMean <keepdims = 0> (pixels, sides)
    first = Constant <value_int = 0> ()
    red = Gather <axis = 1> (means, first)
    white = Constant <value_float = 255.0> ()
    redness = Div (red, white)
    num_crops = Shape <start = 0, end = 1> (crop)
    one = Constant <value_ints = [1]> ()
    is_alone = Equal (num_crops, one)
    attack_score = Where (is_alone, WHEN_ALONE, redness)
    columns = Constant <value_ints = [1]> ()
    physical = Unsqueeze (attack_score, columns)
    whole = Constant <value_float = 1.0> ()
    digital = Sub (whole, physical)
    family_scores = Concat <axis = 1> (physical, digital)
    species_scores = Concat <axis = 1> (digital, physical)
}
"""


TOLD = ToldSpecies(
    names=("print", "faceswap"),
    rows=40,
    people=20,
    accuracy=0.75,
    chance=0.5,
    log_loss=0.4,
    log_loss_of_shares=0.69,
    penalty=0.01,
)
"""What a bundle says that tells species: the bluer of an attack the likelier a print."""


def write_model(path: Path, *, when_alone: float | None = None) -> None:
    """Redness, and one less it; or a constant for a crop that comes alone, which no self-test sees."""
    model = onnx.parser.parse_model(GRAPH.replace("WHEN_ALONE", "redness" if when_alone is None else "given"))
    if when_alone is not None:
        given = onnx.numpy_helper.from_array(np.array([when_alone], np.float32), "given")
        model.graph.initializer.append(given)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def tiny_bundle(
    folder: Path,
    *,
    threshold: float = 0.5,
    contract: InputContract = CONTRACT,
    when_alone: float | None = None,
    told: ToldSpecies | None = None,
    **changes: object,
) -> Path:
    """A whole bundle in a new folder, which tells species or not; `changes` are other fields of its card."""
    folder.mkdir(parents=True)
    write_model(folder / MODEL, when_alone=when_alone)
    session = onnxruntime.InferenceSession(folder / MODEL, providers=["CPUExecutionProvider"])
    names = [*OUTPUT_NAMES, SPECIES_OUTPUT] if told else list(OUTPUT_NAMES)
    attack, *others = session.run(names, {INPUT_NAME: self_test_crops(contract.size)})
    card = BundleCard(
        name="tiny",
        version="1",
        contract=contract,
        threshold=StoredThreshold(threshold, threshold, threshold, "fixed", None),
        labels=("bonafide", "attack"),
        families=("physical", "digital"),
        species=("print", "faceswap"),
        simulated_species=("print",),
        licence="CC0-1.0",
        training_data=(TrainingSource("made up", "CC0-1.0", "bonafide", 1),),
        training={"command": "none", "seed": 0},
        model=describe_model(folder / MODEL),
        self_test=SelfTest(tuple(attack.tolist()), *(tuple(map(tuple, one.tolist())) for one in others)),
        told_species=told,
        notes=("it knows red alone",),
    )
    write_card(folder, replace(card, **changes))
    return folder


def with_other_model(folder: Path, card: BundleCard, model: Path) -> None:
    """Put another model into a bundle, with its right hash: only the self-test can tell."""
    (folder / MODEL).write_bytes(model.read_bytes())
    described: ModelFile = describe_model(folder / MODEL)
    write_card(folder, replace(card, model=described))
