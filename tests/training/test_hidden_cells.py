"""Guessing hidden cells: the run, what it learns, and the run of attacks that starts from it."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from bonaface.data import dataset
from bonaface.data.dataset import FixedCrops
from bonaface.data.masking import Masking
from bonaface.errors import CheckpointError, RecipeError
from bonaface.faces.crop import prepare
from bonaface.models.masked import MaskedLearner
from bonaface.models.nano import NanoConfig, NanoEncoder
from bonaface.training.checkpoint import BEST, load_checkpoint
from bonaface.training.events import read_events
from bonaface.training.feeding import samples_of
from bonaface.training.hidden_cells import HiddenCells, mean_over
from bonaface.training.loop import train
from bonaface.training.recipe import Simulated
from bonaface.training.task import Learning
from bonaface.training.trained import detector_of_run
from bonaface.vocabulary import BONAFIDE, SPECIES

from .tiny import TINY, material, scene, tiny

MODEL = replace(TINY.model, image_size=64, stem="spectrum")
MASKED = tiny(
    model=MODEL, contract=replace(TINY.contract, size=64), masking=Masking(ratio=0.5, decoder_layers=1)
)


def held():
    """Material at 64 pixels, four by four cells."""
    ones = [scene(1000 + i) for i in range(5)]
    crops = [(prepare(one.pixels, one.face, MASKED.contract).pixels, BONAFIDE) for one in ones]
    return replace(material(), dev=FixedCrops(crops))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("masked")
    return out, train(replace(MASKED, epochs=6), held(), out)


def learner(seed=0):
    torch.manual_seed(seed)
    encoder = NanoEncoder(MODEL, mean=(0.5,) * 3, std=(0.25,) * 3)
    return MaskedLearner(encoder, MODEL, num_layers=1)


def half_hidden(batch=2):
    hidden = torch.zeros(batch, 16, dtype=torch.bool)
    hidden[0, ::2] = True
    hidden[1:, 8:] = True
    return hidden


def test_the_guess_depends_on_no_hidden_cell():
    """Cells far from what is seen change by any amount, and nothing of the guess does."""
    model = learner().eval()
    pixels = torch.randn(1, 3, 64, 64)
    hidden = torch.zeros(1, 16, dtype=torch.bool)
    hidden[0, 8:] = True  # the lower half
    changed = pixels.clone()
    changed[..., 36:, :] = torch.randn(1, 3, 28, 64)  # windows reach two pixels beyond their cell
    with torch.no_grad():
        first, second = model(pixels, hidden), model(changed, hidden)
    assert torch.equal(first.numbers, second.numbers)
    assert torch.equal(first.projection, second.projection)
    changed[..., :28, :] += 1
    with torch.no_grad():
        assert not torch.equal(first.numbers, model(changed, hidden).numbers)


def test_tokens_stand_at_their_places():
    """With all cells seen the tokens are those of the whole picture, and their places the identity."""
    model = learner().eval()
    pixels = torch.randn(2, 3, 64, 64)
    everything = torch.arange(17).expand(2, -1)
    with torch.no_grad():
        whole = model.encoder.tokens_of(pixels)
        torch.testing.assert_close(model.encoder.tokens_of(pixels, places=everything), whole)
        seen = whole[:, [0, 3, 5]]
        full = model.heads.completed(seen, torch.tensor([[0, 3, 5], [0, 3, 5]])) - model.heads.positions
    torch.testing.assert_close(full[:, [0, 3, 5]], seen)
    assert torch.equal(full[:, 1], model.heads.hidden_token.expand(2, -1))


def test_the_target_is_the_standardised_measurements():
    model = learner()
    stem = model.encoder.vision.embeddings.patch_embedding
    pixels = torch.randn(3, 3, 64, 64)
    numbers = model.eval().whole(pixels).numbers
    by_hand = stem.measurements(pixels)[:, :, 1, 2]  # row 1, column 2: the seventh cell
    by_hand = (by_hand - stem.norm.running_mean) / torch.sqrt(stem.norm.running_var + stem.norm.eps)
    torch.testing.assert_close(numbers[:, 6], by_hand)
    assert not numbers.requires_grad


def test_errors_are_averaged_over_the_cells_that_are_meant():
    errors = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    cells = torch.tensor([[True, False, True], [False, False, True]])
    assert mean_over(errors, cells).item() == pytest.approx(10 / 3)
    assert mean_over(errors, torch.zeros_like(cells)).item() == 0


def test_every_parameter_learns():
    """A parameter without a gradient would stop several processes that train together."""
    task = HiddenCells(MASKED)
    average = HiddenCells(MASKED).model
    hidden = half_hidden()
    batch = {"hidden": hidden, "region": hidden & (torch.arange(16) > 10)}
    loss = task.loss(Learning(task.model, average), torch.randn(2, 3, 64, 64), batch)
    loss.backward()
    assert [name for name, one in task.model.named_parameters() if one.grad is None] == []
    assert [name for name, one in average.named_parameters() if one.grad is not None] == []


def test_a_run_learns_to_guess(done):
    out, result = done
    epochs = [event for event in read_events(out) if event["event"] == "epoch"]
    assert result.is_finished and len(epochs) == 6
    explained = [event["dev"]["explained"] for event in epochs]
    assert explained[-1] > explained[0]
    assert result.progress.best_value == max(explained)


def test_a_stopped_run_goes_on_to_the_same_bits(done, tmp_path, monkeypatch):
    out, _ = done
    recipe, real, steps = replace(MASKED, epochs=6), HiddenCells.loss, []

    def stopping(*args):
        steps.append(1)
        if len(steps) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(HiddenCells, "loss", stopping)
        assert not train(recipe, held(), tmp_path).is_finished
    assert train(recipe, held(), tmp_path, is_resumed=True).is_finished
    first, second = load_checkpoint(out / BEST).weights, load_checkpoint(tmp_path / BEST).weights
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_detector_starts_from_it(done, tmp_path):
    """The encoder is what was learned before; anchors are new, and the guessing heads are gone."""
    out, _ = done
    weights = load_checkpoint(out / BEST).weights
    recipe = tiny(
        model=MODEL,
        contract=MASKED.contract,
        epochs=1,
        optimisation=replace(TINY.optimisation, lr_new=0.0, ema_decay=0.0),
    )
    material_64 = replace(held(), dev=held_with_attacks())
    train(recipe, material_64, tmp_path, start=weights)
    saved = load_checkpoint(tmp_path / BEST).weights
    assert not any(name.startswith("heads.") for name in saved)
    learned = [name for name in saved if name.startswith("encoder.") and "running" not in name]
    assert all(torch.equal(saved[name], weights[name]) for name in learned if "num_batches" not in name)


def held_with_attacks():
    ones = [(scene(1000 + i), BONAFIDE if i % 2 else SPECIES["diffusion"]) for i in range(6)]
    return FixedCrops([(prepare(one.pixels, one.face, MASKED.contract).pixels, what) for one, what in ones])


def test_it_is_no_detector(done):
    out, _ = done
    with pytest.raises(CheckpointError, match="must be a run that has learned of attacks"):
        detector_of_run(out)


@pytest.mark.parametrize(
    "changes", [{"stem": "convolution"}, {"cells_per_side": 2}], ids=["convolution", "wide tokens"]
)
def test_a_model_that_measures_no_cells_is_refused(changes):
    with pytest.raises(RecipeError, match="masking wants a model that measures every cell"):
        HiddenCells(replace(MASKED, model=replace(MODEL, **changes)))


def test_kept_pairs_are_refused():
    with pytest.raises(RecipeError, match="masking wants faces drawn afresh"):
        replace(MASKED, data=Simulated(kept_pairs=10))


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.2])
def test_ratios_that_hide_all_or_nothing_are_refused(ratio):
    with pytest.raises(RecipeError, match=r"masking\.ratio must be above 0 and below 1"):
        Masking(ratio=ratio)


def test_learning_draws_no_attack(monkeypatch):
    """Not one sample of such a run is simulated."""
    monkeypatch.setattr(dataset, "attacked", lambda *_, **__: pytest.fail("an attack was simulated"))
    samples = samples_of(MASKED, held())
    assert len(samples) == MASKED.samples_per_epoch
    one = samples[0]
    assert one["hidden"].sum() == 8 and one["hidden"].dtype == torch.bool
    assert np.array_equal(one["crop"], samples[0]["crop"]) and not np.array_equal(
        one["crop"], samples[1]["crop"]
    )
    assert not (one["region"] & ~one["hidden"]).any()


def test_defaults_are_those_of_the_paper():
    how = Masking()
    assert (how.ratio, how.region_weight, how.similarity_weight) == (0.75, 0.007, 0.1)
    assert NanoConfig().cells_per_side == 1


def test_no_generated_face_is_learned_from(monkeypatch):
    """A mixture whose physical attacks borrow generated portraits shows genuine faces here all the same."""
    mixture = replace(MASKED.mixture, shares={"print": 1.0, "diffusion": 0.0}, recaptured_digital=1.0)
    faces = samples_of(replace(MASKED, mixture=mixture), held())
    assert all(faces._faces.shown(2 * index).is_bonafide for index in range(len(faces)))
    carried = dataset.SimulatedFaces(
        held().scenes,
        contract=MASKED.contract,
        mixture=mixture,
        augmentation=MASKED.augmentation,
        length=24,
        seed=0,
    )
    assert not any(carried.shown(2 * index).is_bonafide for index in range(12))


def test_what_guesses_hidden_cells_leans_back_to_nothing():
    with pytest.raises(RecipeError, match=r"optimisation\.start_share must be 0 with masking"):
        replace(MASKED, optimisation=replace(MASKED.optimisation, start_share=0.3))
