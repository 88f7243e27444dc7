from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from bonaface import bundle
from bonaface.bundle import read_card, self_test_crops
from bonaface.data.pairs import Pairs
from bonaface.errors import BundleError, CheckpointError
from bonaface.evaluation.reporting import evaluate, report_from_scores
from bonaface.evaluation.thresholds import fixed_threshold
from bonaface.inference.session import Session
from bonaface.models import graph
from bonaface.models.graph import DeployedDetector
from bonaface.models.nano import build_nano
from bonaface.training.checkpoint import Progress, save_checkpoint
from bonaface.training.export import export_run, with_report
from bonaface.training.recipe import to_dict
from bonaface.training.trained import detector_of_run
from evaluation.tables import joined, table_of

from .tiny import TINY, tiny

RECIPE = tiny(
    mixture=replace(TINY.mixture, shares={"print": 0.2, "faceswap": 0.1, "sdsc": 0.0, "diffusion": 0.2})
)
RECORD = {
    "command": "bonaface train tiny", "seed": 0,
    "pictures": [{"source": "made", "licence": "CC0-1.0", "species": "bonafide", "count": 4}],
}  # fmt: skip


def saved(folder, recipe=RECIPE, *, seed=1):
    detector = build_nano(recipe.model, mean=recipe.contract.mean, std=recipe.contract.std, seed=seed)
    save_checkpoint(
        folder / "best", weights=detector.state_dict(), loop=None, progress=Progress(), recipe=to_dict(recipe)
    )  # fmt: skip
    return detector.eval()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run that was never trained, and its bundle: exporting takes seconds, so once for all."""
    folder = tmp_path_factory.mktemp("export")
    detector = saved(folder / "run")
    (folder / "run/run.json").write_text(json.dumps(RECORD))
    card = export_run(folder / "run", folder / "bundle", version="3", licence="CC0-1.0", notes=("a note",))
    return folder, detector, card


@pytest.fixture
def exported(made, tmp_path):
    """A copy of the bundle to change."""
    shutil.copytree(made[0] / "bundle", tmp_path / "bundle")
    return tmp_path / "bundle"


def test_the_card(made):
    folder, _, card = made
    assert read_card(folder / "bundle") == card
    assert (card.id, card.licence, card.notes, card.report) == ("tiny 3", "CC0-1.0", ("a note",), None)
    assert card.contract == RECIPE.contract
    assert (card.labels, card.families) == (("bonafide", "attack"), ("physical", "digital"))
    assert card.species == ("print", "faceswap", "diffusion")
    assert card.simulated_species == ("print", "faceswap")
    assert (card.threshold.value, card.threshold.rule, card.threshold.split) == (0.5, "fixed", None)
    assert card.training == RECORD
    assert card.training_data[0].count == 4
    text = (folder / "bundle/CARD.md").read_text()
    assert all(words in text for words in ("# tiny 3", "a note", card.model.sha256, "No rate of it is known"))


def test_the_bundle_scores_as_torch_does(made):
    folder, detector, card = made
    session = Session(folder / "bundle")  # passes its own self-test
    deployed = DeployedDetector(detector, mean=card.contract.mean, std=card.contract.std, is_mirrored=True)
    for crops in (
        self_test_crops(32),
        np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8),
        np.zeros((1, 32, 32, 3), np.uint8),
    ):
        with torch.no_grad():
            attack, families = deployed(torch.from_numpy(crops))
        found = session.score(crops)
        np.testing.assert_allclose(found.attack, attack.numpy(), atol=1e-4)
        np.testing.assert_allclose(found.families, families.numpy(), atol=1e-4)


def test_the_weights_come_back(made):
    detector, recipe = detector_of_run(made[0] / "run")
    assert recipe == RECIPE
    assert not detector.training
    for name, tensor in made[1].state_dict().items():
        assert torch.equal(detector.state_dict()[name], tensor), name


def report():
    dev = table_of(("bonafide", 0.1), ("bonafide", 0.2), ("print", 0.6), split="dev")
    test = table_of(("bonafide", 0.1), ("print", 0.9), split="test")
    return report_from_scores(joined(dev, test), bundle="tiny 3")


def test_a_report_brings_its_threshold(exported):
    card = with_report(exported, report())
    assert read_card(exported) == card
    assert (card.threshold.value, card.threshold.low, card.threshold.high) == pytest.approx((0.4, 0.2, 0.6))
    assert (card.threshold.rule, card.threshold.split, card.report) == ("eer", "dev", "report.json")
    assert json.loads((exported / "report.json").read_text())["bundle"] == "tiny 3"
    assert "No rate of it is known" not in (exported / "CARD.md").read_text()
    assert Session(exported).card.threshold.value == pytest.approx(0.4)


def test_a_threshold_that_dev_did_not_choose(exported):
    test = table_of(("bonafide", 0.1), ("print", 0.9), split="test")
    before = (exported / "bundle.json").read_bytes()
    with pytest.raises(BundleError) as caught:
        with_report(exported, evaluate(test, fixed_threshold(0.5)))
    assert str(caught.value) == (
        "a bundle's threshold must be chosen on dev; the report's was on nowhere; evaluate with dev rows"
    )
    assert (exported / "bundle.json").read_bytes() == before


def test_a_report_of_another_bundle_leaves_this_one_whole(exported):
    names = ("bundle.json", "report.json", "CARD.md")
    before = [(exported / name).read_bytes() if (exported / name).exists() else None for name in names]
    with pytest.raises(BundleError):
        with_report(exported, replace(report(), bundle="other 1"))
    assert before == [
        (exported / name).read_bytes() if (exported / name).exists() else None for name in names
    ]


def test_operating_points_come_with_the_report(exported):
    card = with_report(exported, report())
    assert list(card.operating_points) == ["strict", "balanced", "convenient"]
    assert card.operating_points["balanced"] == card.threshold


def test_a_report_for_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"it has no bundle\.json"):
        with_report(tmp_path, report())


def test_weights_of_another_recipe(tmp_path):
    saved(tmp_path)
    other = replace(TINY.model, hidden_size=24)
    wrong = build_nano(other, mean=TINY.contract.mean, std=TINY.contract.std, seed=0)
    save_checkpoint(
        tmp_path / "best", weights=wrong.state_dict(), loop=None, progress=Progress(), recipe=to_dict(TINY)
    )  # fmt: skip
    with pytest.raises(CheckpointError, match=r"does not fit its recipe \(.*\); train again"):
        detector_of_run(tmp_path)


def test_graph_and_bundle_agree_on_names():
    assert (graph.INPUT_NAME, graph.OUTPUT_NAMES) == (bundle.INPUT_NAME, bundle.OUTPUT_NAMES)


def test_species_that_dev_alone_has_are_not_learned(tmp_path):
    whole = replace(RECIPE.contract, finder="whole", margin_ratio=0.0)
    saved(tmp_path / "run", replace(RECIPE, contract=whole, data=Pairs(resize=40)))
    kinds = ("bonafide", "print", "morph")
    pictures = [{"source": "a", "licence": "CC0-1.0", "species": name, "count": 4} for name in kinds]
    record = RECORD | {"pictures": pictures, "learned": ["bonafide", "print"]}
    (tmp_path / "run/run.json").write_text(json.dumps(record))
    card = export_run(tmp_path / "run", tmp_path / "bundle", version="1", licence="CC0-1.0")
    assert card.species == ("print",)
    assert [one.species for one in card.training_data] == list(kinds)
