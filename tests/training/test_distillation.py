"""Learning from teachers: the loss, their crops, and what is refused."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from scipy.special import expit, rel_entr

from bonaface.data.dataset import FixedCrops, SimulatedFaces
from bonaface.data.kept_pairs import KeptPairs
from bonaface.errors import CheckpointError, RecipeError
from bonaface.faces.crop import prepare
from bonaface.models.architecture import build_detector
from bonaface.models.pixels import normalise
from bonaface.training import distillation
from bonaface.training.checkpoint import BEST, load_checkpoint
from bonaface.training.distillation import crop_for, distillation_loss, teachers_of
from bonaface.training.feeding import samples_of
from bonaface.training.loop import train
from bonaface.training.recipe import Simulated, Teaching, from_dict, overridden, to_dict
from bonaface.training.trained import detector_of_run
from bonaface.vocabulary import BONAFIDE, SPECIES

from .tiny import TINY, material, scene, tiny


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A run of one epoch at the recipe's own crop."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("teacher")
    train(tiny(epochs=1), material(), out)
    return out


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """One that sees more pixels; its material's dev is cut likewise."""
    out = tmp_path_factory.mktemp("larger")
    recipe = tiny(
        epochs=1, model=replace(TINY.model, image_size=48), contract=replace(TINY.contract, size=48)
    )
    train(recipe, replace(material(), dev=_dev(48)), out)
    return out


def _dev(size):
    ones = [(scene(1000 + i), BONAFIDE if i % 2 else SPECIES["diffusion"]) for i in range(6)]
    contract = replace(TINY.contract, size=size)
    return FixedCrops([(prepare(one.pixels, one.face, contract).pixels, what) for one, what in ones])


def taught_by(*runs, **how):
    return tiny(epochs=1, distillation=Teaching(teachers=tuple(map(str, runs)), **how))


def test_the_loss_is_the_divergence_of_softened_probabilities():
    """Against scipy's relative entropy of both outcomes of every family."""
    rng = np.random.default_rng(0)
    learned, taught = rng.normal(0, 3, (5, 2)), rng.normal(0, 3, (5, 2))
    p, q = expit(taught / 2.5), expit(learned / 2.5)
    wanted = 2.5**2 * (rel_entr(p, q) + rel_entr(1 - p, 1 - q)).mean()
    found = distillation_loss(torch.tensor(learned), torch.tensor(taught), temperature=2.5)
    assert found.item() == pytest.approx(wanted, rel=1e-5)
    assert distillation_loss(
        torch.tensor(taught), torch.tensor(taught), temperature=2.5
    ).item() == pytest.approx(0, abs=1e-6)


def test_teachers_say_the_mean_of_what_each_says(teacher, larger):
    alone = teachers_of(taught_by(teacher))
    twice = teachers_of(taught_by(teacher, teacher))
    crops = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8)
    detector, recipe = detector_of_run(teacher)
    with torch.no_grad():
        said = detector(normalise(crops, mean=recipe.contract.mean, std=recipe.contract.std)).family_logits
    torch.testing.assert_close(alone.family_logits(crops), said)
    torch.testing.assert_close(twice.family_logits(crops), said)
    assert not alone.family_logits(crops).requires_grad


def test_a_student_comes_to_say_what_its_teacher_says(teacher, tmp_path):
    """By the teacher alone, with the labels' part at 0: closer with every epoch than where it began."""
    recipe = replace(taught_by(teacher, weight=1.0, temperature=1.0), epochs=8, seed=3)
    before = _distance(teacher, recipe, None)
    train(recipe, material(), tmp_path)
    assert _distance(teacher, recipe, tmp_path) < 0.7 * before


def _distance(teacher, recipe, run):
    contract = recipe.contract
    student = build_detector(recipe.model, mean=contract.mean, std=contract.std, seed=recipe.seed).eval()
    if run is not None:
        student.load_state_dict(load_checkpoint(run / BEST).weights)
    crops = torch.stack([material().dev[index]["crop"] for index in range(7)])
    taught = teachers_of(recipe).family_logits(crops)
    with torch.no_grad():
        learned = student(normalise(crops, mean=contract.mean, std=contract.std)).family_logits
    return (learned - taught).abs().mean().item()


def test_without_weight_nothing_is_taught(teacher, tmp_path):
    train(taught_by(teacher, weight=0.0), material(), tmp_path / "taught")
    train(tiny(epochs=1), material(), tmp_path / "plain")
    first, second = (load_checkpoint(tmp_path / name / BEST).weights for name in ("taught", "plain"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_teacher_of_a_larger_crop_sees_the_same_face(larger, tmp_path, monkeypatch):
    recipe, seen = taught_by(larger), []
    contract = crop_for(teachers_of(recipe), recipe)
    assert contract.size == 48
    samples = samples_of(recipe, material(), teacher=contract)
    plain, own = samples_of(recipe, material()), samples[1]
    assert own["teacher_crop"].shape == (48, 48, 3)
    assert torch.equal(own["crop"], plain[1]["crop"])  # the student's sample is what it would be alone
    shrunk = torch.nn.functional.interpolate(
        own["teacher_crop"].permute(2, 0, 1)[None].float(), (32, 32), mode="area"
    )
    assert (shrunk[0].permute(1, 2, 0) - own["crop"].float()).abs().mean() < 8
    real = distillation.Teachers.family_logits

    def family_logits(self, crops):
        seen.append(tuple(crops.shape))
        return real(self, crops)

    monkeypatch.setattr(distillation.Teachers, "family_logits", family_logits)
    assert train(recipe, material(), tmp_path).is_finished
    assert set(seen) == {(4, 48, 48, 3)}


def test_a_teacher_of_the_same_crop_needs_no_other(teacher):
    recipe = taught_by(teacher)
    assert crop_for(teachers_of(recipe), recipe) is None
    assert crop_for(None, recipe) is None
    assert "teacher_crop" not in samples_of(recipe, material())[0]
    assert teachers_of(TINY) is None


def test_kept_pairs_want_a_teacher_of_their_own_crop(teacher, larger, tmp_path):
    data = Simulated(kept_pairs=6)
    teachers_of(replace(taught_by(teacher), data=data))
    with pytest.raises(RecipeError, match="wants samples drawn afresh"):
        teachers_of(replace(taught_by(larger), data=data))
    held = replace(material(), kept_in=tmp_path)
    assert isinstance(samples_of(replace(taught_by(teacher), data=data), held), KeptPairs)
    assert isinstance(samples_of(taught_by(teacher), held), SimulatedFaces)


def test_teachers_of_two_sizes_see_one_crop(teacher, larger):
    """The smaller one's is shrunk, as OpenCV shrinks it but for its rounding."""
    both = teachers_of(taught_by(teacher, larger))
    assert (both.sizes, both.contract.size) == ((32, 48), 48)
    crops = np.random.default_rng(1).integers(0, 256, (3, 48, 48, 3), np.uint8)
    shrunk = np.stack([cv2.resize(one, (32, 32), interpolation=cv2.INTER_AREA) for one in crops])
    alone = [
        teachers_of(taught_by(run)).family_logits(torch.from_numpy(seen))
        for run, seen in ((teacher, shrunk), (larger, crops))
    ]
    found = both.family_logits(torch.from_numpy(crops))
    torch.testing.assert_close(found, sum(alone) / 2, atol=0.02, rtol=0)


def test_no_teacher_is_refused():
    with pytest.raises(RecipeError, match="give --teacher"):
        teachers_of(taught_by())


def test_teachers_of_other_crops_are_refused(teacher, tmp_path):
    closer = tiny(epochs=1, contract=replace(TINY.contract, margin_ratio=0.5))
    train(closer, material(), tmp_path)
    with pytest.raises(RecipeError, match="may differ in size alone"):
        teachers_of(taught_by(teacher, tmp_path))


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="must be a checkpoint"):
        teachers_of(taught_by(tmp_path))


@pytest.mark.parametrize(
    ("how", "message"),
    [({"weight": 1.5}, r"distillation\.weight"), ({"temperature": 0.0}, r"distillation\.temperature")],
)
def test_settings_out_of_range_are_refused(how, message):
    with pytest.raises(RecipeError, match=message):
        Teaching(**how)


def test_a_recipe_keeps_its_teachers(teacher):
    recipe = taught_by(teacher, weight=0.25)
    assert from_dict(json.loads(json.dumps(to_dict(recipe)))) == recipe
    assert overridden(recipe, ["distillation.weight=0.75"]).distillation.weight == 0.75
    assert from_dict({key: value for key, value in to_dict(TINY).items() if key != "distillation"}) == TINY
