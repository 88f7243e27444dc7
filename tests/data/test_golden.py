"""Samples of the five oldest simulations are what they were when models were trained with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import cv2
import pytest

from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation
from bonaface.data.dataset import Mixture, SimulatedFaces
from bonaface.data.simulated import simulate
from bonaface.data.simulation_plan import Settings
from bonaface.training.material import gather

from .golden import GOLDEN, FixedFinder, arithmetic, digest, manifest

CONTRACT = InputContract(size=64)
STILL = Augmentation(**{one.name: 0.0 for one in fields(Augmentation)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("golden")


def online(folder: Path) -> dict[str, str]:
    """Two epochs of training samples and the dev crops."""
    material = gather(manifest(folder), finder=FixedFinder(), contract=CONTRACT, mixture=Mixture(), seed=5)
    dataset = SimulatedFaces(
        material.scenes,
        contract=CONTRACT,
        mixture=Mixture(),
        augmentation=STILL,
        length=24,
        seed=3,
    )
    found = {}
    for epoch in (0, 7):
        dataset.set_epoch(epoch)
        for index in range(24):
            item = dataset[index]
            name = dataset.species_names[int(item["species"])]
            taught = item["targets"].numpy().tobytes() + item["known"].numpy().tobytes()
            found[f"epoch {epoch} sample {index} {name}"] = digest(item["crop"].numpy().tobytes(), taught)
    for index in range(len(material.dev)):
        item = material.dev[index]
        name = material.dev.species_names[int(item["species"])]
        found[f"dev {index} {name}"] = digest(item["crop"].numpy().tobytes())
    return found


def offline(folder: Path) -> dict[str, str]:
    """Every picture of a simulated set."""
    out = folder / "made"
    settings = Settings(("print", "replay", "spsc", "faceswap", "sdsc"), seed=11, per_subject=2)
    simulate(manifest(folder), out, settings, finder=FixedFinder())
    return {
        path.relative_to(out).as_posix(): digest(path.read_bytes()) for path in sorted(out.rglob("*.jpg"))
    }


def made(folder: Path) -> Mapping[str, Mapping[str, str]]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return {"arithmetic": arithmetic(), "online": online(folder), "offline": offline(folder)}
    finally:
        cv2.setNumThreads(before)


def test_samples_are_what_they_were(folder):
    golden = json.loads(GOLDEN.read_text())
    if golden["arithmetic"] != arithmetic():
        pytest.skip(f"the golden samples were made with {golden['arithmetic']}")
    assert made(folder) == golden
