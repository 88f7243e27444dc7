import json
import os
import signal
import time
from dataclasses import replace

import pytest
import torch

from bonaface.data import dataset
from bonaface.data.dataset import FixedCrops
from bonaface.errors import CheckpointError, RecipeError
from bonaface.faces.crop import prepare
from bonaface.training import detection, loop
from bonaface.training.checkpoint import BEST, LAST, load_checkpoint
from bonaface.training.events import read_events
from bonaface.training.judgement import DevFigures
from bonaface.training.loop import loader_of, saved_run, train
from bonaface.training.recipe import overridden, to_dict

from .tiny import TINY, material, scenes, tiny

STEPS = 3  # an epoch: 12 samples in batches of 4


@pytest.fixture
def watched(monkeypatch):
    """Lets a test see every step's loss, and act at one: `watched(act)` returns the growing list of losses."""

    def watch(act=lambda step: None):
        losses = []
        real = detection.evidence_loss

        def evidence_loss(*args, **settings):
            loss = real(*args, **settings)
            losses.append(loss.item())
            act(len(losses))
            return loss

        monkeypatch.setattr(detection, "evidence_loss", evidence_loss)
        return losses

    yield watch


@pytest.fixture
def stopping(watched, monkeypatch):
    """Runs `train` with SIGTERM sent to this process in step k, from 1."""

    def run(recipe, held, out, *, at, **settings):
        with monkeypatch.context():
            watched(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == at else None)
            result = train(recipe, held, out, **settings)
        monkeypatch.undo()
        return result

    return run


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that nothing interrupted."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("straight")
    return out, train(TINY, material(), out)


def same(a, b) -> bool:
    """Equal to the last bit, all the way down."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def epochs_of(out):
    """The line of each epoch."""
    return [event for event in read_events(out) if event["event"] == "epoch"]


def untimed(out):
    """The events but for how long they took."""
    return [{k: v for k, v in e.items() if k not in ("time", "seconds")} for e in read_events(out)]


def assert_equal_runs(out, other):
    for name in (LAST, BEST):
        a, b = load_checkpoint(out / name), load_checkpoint(other / name)
        assert same(a.weights, b.weights)
        assert same(a.loop, b.loop)
        assert a.progress == b.progress
        assert a.recipe == b.recipe
    assert untimed(out) == untimed(other)


class FixedSamples(FixedCrops):
    """The same crops in every epoch."""

    def set_epoch(self, epoch):
        pass


def test_golden_losses(tmp_path, monkeypatch, watched):
    # Only the model, the loss and the loop move these values: no simulation, no camera, no augmentation.
    known = scenes(6)
    crops = [(prepare(k.scene.pixels, k.scene.face, TINY.contract).pixels, k.species) for k in known]
    order = [crops[i // 2 + 6 * (i % 2)] for i in range(12)]
    monkeypatch.setattr(loop, "samples_of", lambda *_, **__: FixedSamples(order))
    losses = watched()
    train(tiny(epochs=1), material(), tmp_path)
    assert losses == pytest.approx([5.18988, 4.11885, 2.50527], abs=1e-3)


def test_what_a_run_leaves(straight):
    out, result = straight
    assert result.is_finished
    assert (result.progress.epoch, result.progress.step) == (3, 0)
    assert sorted(path.name for path in out.iterdir()) == ["best", "events.jsonl", "last"]
    last = load_checkpoint(out / LAST)
    assert last.recipe == to_dict(TINY)
    assert last.loop.keys() == {"optimizer", "scheduler", "average", "auxiliary"}
    assert last.loop["scheduler"]["last_epoch"] == 3 * STEPS
    assert 0 < last.progress.seconds <= result.seconds + 60


def test_a_line_an_epoch(straight):
    out, _ = straight
    events = epochs_of(out)
    assert [event["epoch"] for event in events] == [0, 1, 2]
    for event in events:
        assert event.keys() == {
            "event", "time", "epoch", "loss", "lr", "dev", "best_epoch", "seconds",
        }  # fmt: skip
        assert event["event"] == "epoch"
        assert event["dev"].keys() == {"mean_auc", "auc", "species_auc"}
        assert event["dev"]["species_auc"].keys() == {"diffusion"}
        assert 0 < event["loss"] < 10
    # 0.05 of nine steps rounds to no warm-up: a cosine from the peak, of steps 3, 6 and 9
    assert [event["lr"] for event in events] == pytest.approx([0.00176604, 0.00082635, 6.0307e-05], rel=1e-4)


def test_what_learns_is_counted_once(tmp_path, stopping):
    stopping(tiny(epochs=1), material(), tmp_path, at=1)
    train(tiny(epochs=1), material(), tmp_path, is_resumed=True)
    first, *others = read_events(tmp_path)
    assert (first["event"], first["pretrained"], first["frozen"]) == ("parameters", 0, 0)
    weights = load_checkpoint(tmp_path / LAST).weights
    learned = {
        name: value for name, value in weights.items() if "running_" not in name and "num_batches" not in name
    }
    assert first["new"] == sum(value.numel() for value in learned.values())
    assert "parameters" not in {event["event"] for event in others}


def test_the_routers_of_every_epoch_are_in_the_events(straight):
    out, _ = straight
    lines = [event for event in read_events(out) if event["event"] == "routers"]
    assert [event["epoch"] for event in lines] == [0, 1, 2]
    (router,) = lines[-1]["routers"]
    assert router["num_slots"] == 4
    assert router["species_load"].keys() == {"bonafide", "diffusion"}


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps(tmp_path, watched):
    losses = watched()
    train(tiny(epochs=2), material(), tmp_path)
    assert len(losses) == 2 * STEPS
    assert [event["loss"] for event in epochs_of(tmp_path)] == pytest.approx(
        [sum(losses[:3]) / 3, sum(losses[3:]) / 3], abs=1e-6
    )


def test_every_epoch_has_samples_of_its_own(tmp_path, monkeypatch):
    seen = []

    def normalise(crop, **settings):
        seen.append(crop.clone())
        return torch.zeros(len(crop), 3, 32, 32)

    monkeypatch.setattr(loop, "normalise", normalise)
    train(tiny(epochs=2), material(), tmp_path)
    assert len(seen) == 2 * STEPS
    first, second = torch.cat(seen[:STEPS]), torch.cat(seen[STEPS:])
    samples = dataset.SimulatedFaces(
        scenes(),
        contract=TINY.contract,
        mixture=TINY.mixture,
        augmentation=TINY.augmentation,
        length=12,
        seed=0,
    )
    for epoch, crops in ((0, first), (1, second)):
        samples.set_epoch(epoch)
        assert torch.equal(crops, torch.stack([samples[i]["crop"] for i in range(12)]))
    assert not torch.equal(first, second)


def test_the_same_seed_gives_the_same_run(straight, tmp_path):
    out, _ = straight
    train(TINY, material(), tmp_path)
    assert_equal_runs(out, tmp_path)


def test_another_seed_gives_another_run(straight, tmp_path):
    out, _ = straight
    train(tiny(seed=1), material(), tmp_path)
    assert epochs_of(out)[0]["loss"] != epochs_of(tmp_path)[0]["loss"]


@pytest.mark.parametrize("at", [1, STEPS, STEPS + 1, 3 * STEPS])
def test_resuming_equals_not_having_stopped(straight, tmp_path, stopping, at):
    out, _ = straight
    stopped = stopping(TINY, material(), tmp_path, at=at)
    assert not stopped.is_finished
    assert (stopped.progress.epoch, stopped.progress.step) == ((at - 1) // STEPS, (at - 1) % STEPS + 1)
    resumed = train(TINY, material(), tmp_path, is_resumed=True)
    assert resumed.is_finished
    assert_equal_runs(out, tmp_path)


def test_stopping_twice_is_no_different(straight, tmp_path, stopping):
    out, _ = straight
    stopping(TINY, material(), tmp_path, at=2)
    stopping(TINY, material(), tmp_path, at=3, is_resumed=True)
    train(TINY, material(), tmp_path, is_resumed=True)
    assert_equal_runs(out, tmp_path)


def test_a_run_that_was_killed_goes_on_from_the_last_epoch(straight, tmp_path, monkeypatch):
    out, _ = straight

    def killed(self):
        if self.progress.epoch == 2:
            raise KeyboardInterrupt  # the line of epoch 1 is written, its checkpoint is not
        real(self)

    real = loop._Run.save_last
    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "save_last", killed)
        with pytest.raises(KeyboardInterrupt):
            train(TINY, material(), tmp_path)
    assert [event["epoch"] for event in epochs_of(tmp_path)] == [0, 1]
    train(TINY, material(), tmp_path, is_resumed=True)
    assert_equal_runs(out, tmp_path)


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    train(tiny(epochs=1), material(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = train(tiny(epochs=1), material(), tmp_path, is_resumed=True)
    assert again.is_finished
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_seconds_add_up_over_resumes(tmp_path, monkeypatch, stopping):
    first = stopping(tiny(epochs=1), material(), tmp_path, at=1).progress.seconds
    real = detection.evidence_loss

    def slow(*args, **settings):
        time.sleep(0.2)
        return real(*args, **settings)

    monkeypatch.setattr(detection, "evidence_loss", slow)
    total = train(tiny(epochs=1), material(), tmp_path, is_resumed=True).progress.seconds
    assert first + 0.4 < total < first + 30


def test_best_is_the_epoch_with_the_best_dev_figure(tmp_path, monkeypatch):
    figures = iter([0.6, 0.9, 0.9, 0.7])
    weights = []

    def judged(self, kept):
        assert kept is self.average.module
        weights.append({name: value.clone() for name, value in kept.state_dict().items()})
        return DevFigures(next(figures), 0.5, {})

    monkeypatch.setattr(loop._Run, "judge", judged)
    result = train(tiny(epochs=4), material(), tmp_path)
    assert (result.progress.best_epoch, result.progress.best_value) == (1, 0.9)
    best = load_checkpoint(tmp_path / BEST)
    assert same(best.weights, weights[1])
    assert best.progress.epoch == 1
    assert best.loop == {}
    assert [event["best_epoch"] for event in epochs_of(tmp_path)] == [0, 1, 1, 1]


def test_the_averaged_weights_are_judged(straight):
    out, _ = straight
    last = load_checkpoint(out / LAST)
    average = {
        name.removeprefix("module."): value
        for name, value in last.loop["average"].items()
        if name.startswith("module.")
    }
    assert average.keys() == last.weights.keys()
    assert not same(average, last.weights)
    assert last.loop["average"]["n_averaged"] == 3 * STEPS


def test_another_recipe_is_refused(tmp_path, stopping):
    stopping(TINY, material(), tmp_path, at=1)
    before = (tmp_path / LAST / "checkpoint.json").read_bytes()
    with pytest.raises(CheckpointError, match=r"last is of another recipe; resume with the settings"):
        train(overridden(TINY, ["optimisation.lr_new=0.1"]), material(), tmp_path, is_resumed=True)
    assert (tmp_path / LAST / "checkpoint.json").read_bytes() == before


def test_a_setting_younger_than_the_run_has_its_default(tmp_path, stopping):
    stopping(TINY, material(), tmp_path, at=1)
    card = tmp_path / LAST / "checkpoint.json"
    held = json.loads(card.read_text())
    del held["recipe"]["mixed_precision"]
    card.write_text(json.dumps(held))
    assert saved_run(TINY, tmp_path, is_resumed=True) is not None
    held["recipe"]["unknown"] = 3
    card.write_text(json.dumps(held))
    with pytest.raises(CheckpointError, match="another recipe"):
        saved_run(TINY, tmp_path, is_resumed=True)


def test_a_new_run_does_not_overwrite_another(straight):
    out, _ = straight
    with pytest.raises(CheckpointError, match=r"holds a run already; resume it, or choose another --out$"):
        train(TINY, material(), out)


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(CheckpointError, match=r"it has no checkpoint\.json"):
        train(TINY, material(), tmp_path, is_resumed=True)


def test_another_number_of_processes_is_refused(tmp_path, stopping):
    stopping(TINY, material(), tmp_path, at=1)
    card = tmp_path / LAST / "checkpoint.json"
    card.write_text(card.read_text().replace('"num_processes": 1', '"num_processes": 4'))
    with pytest.raises(CheckpointError, match="has 4 processes; resume it with as many; got 1"):
        train(TINY, material(), tmp_path, is_resumed=True)


@pytest.mark.parametrize("part", ["optimizer", "weights"])
def test_a_checkpoint_that_does_not_fit_the_model_is_refused(tmp_path, monkeypatch, stopping, part):
    stopping(TINY, material(), tmp_path, at=1)
    saved = load_checkpoint(tmp_path / LAST)
    spoilt = replace(saved, loop={}) if part == "optimizer" else replace(saved, weights={})
    monkeypatch.setattr(loop.checkpoint, "load_checkpoint", lambda folder: spoilt)
    with pytest.raises(CheckpointError, match="does not fit this version of the model"):
        train(TINY, material(), tmp_path, is_resumed=True)


def test_an_epoch_without_a_whole_batch_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"^an epoch's samples must be at least batch_size .* got 3 and 4$"):
        train(tiny(samples_per_epoch=3), material(), tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    steps = []
    real = detection.evidence_loss

    def spoilt(*args, **settings):
        steps.append(1)
        return real(*args, **settings) * (float("nan") if len(steps) == STEPS + 2 else 1)

    monkeypatch.setattr(detection, "evidence_loss", spoilt)
    with pytest.raises(RecipeError, match=r"^the loss must be finite; got nan in epoch 2, step 2; lower"):
        train(TINY, material(), tmp_path)
    last = load_checkpoint(tmp_path / LAST)
    assert last.progress.epoch == 1
    assert all(torch.isfinite(value).all() for value in last.weights.values())


def test_the_signals_handlers_come_back(straight, tmp_path, stopping):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    stopping(TINY, material(), tmp_path, at=1)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert before[0] == signal.SIG_DFL


def test_bf16_keeps_weights_and_losses_in_float32_and_the_judged_copy_apart(tmp_path, watched):
    losses = watched()
    train(tiny(epochs=1, mixed_precision="bf16"), material(), tmp_path)
    last = load_checkpoint(tmp_path / LAST)
    assert all(0 < loss < 10 for loss in losses)
    assert {value.dtype for value in last.weights.values()} <= {torch.float32, torch.int64}
    assert all(torch.isfinite(value).all() for value in last.weights.values())


def test_bf16_judges_the_averaged_weights_in_float32(tmp_path, monkeypatch):
    judged = []
    real = detection.judge

    def judge(model, *args, **settings):
        pixels = torch.ones(2, 3, 32, 32)
        model.eval()
        before = model(pixels).attack_logit
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
        judged.append((before, model(pixels).attack_logit))
        return real(model, *args, **settings)

    monkeypatch.setattr(detection, "judge", judge)
    train(tiny(epochs=1, mixed_precision="bf16"), material(), tmp_path)
    ((before, after),) = judged
    assert before.dtype == torch.float32
    assert not torch.equal(before, before.bfloat16().float())
    assert not torch.equal(before, after)  # its own weights count, not those of the model it was copied from


def test_workers_change_nothing(straight, tmp_path):
    out, _ = straight
    train(tiny(num_workers=2), material(), tmp_path)
    assert untimed(tmp_path) == untimed(out)
    assert same(load_checkpoint(tmp_path / LAST).weights, load_checkpoint(out / LAST).weights)


def test_batches_come_in_the_order_of_the_indices():
    held = FixedCrops([(crop, species) for crop, species in material().dev._crops])
    batches = list(loader_of(held, tiny(), drops_last=False))
    assert [len(batch["label"]) for batch in batches] == [4, 3]
    assert torch.equal(torch.cat([batch["crop"] for batch in batches])[5], held[5]["crop"])
    assert [len(batch["label"]) for batch in loader_of(held, tiny(), drops_last=True)] == [4]
