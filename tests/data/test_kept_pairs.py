from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation
from bonaface.data.dataset import Mixture, SimulatedFaces
from bonaface.data.kept_pairs import KeptPairs, _only
from bonaface.data.randomness import generator

from .test_dataset import SCENES, one_thread, same

__all__ = ["one_thread"]

SHARES = {"print": 0.5, "faceswap": 0.3, "sdsc": 0.2}


def kept(folder: Path, shares=SHARES, *, development=0.0, noise=0.0, **changes) -> KeptPairs:
    how = {"length": 24, "seed": 3, "num_pairs": 6, **changes}
    return KeptPairs(
        SCENES,
        contract=InputContract(size=24),
        mixture=Mixture(shares=shares),
        augmentation=Augmentation(development=development, noise=noise),
        folder=folder,
        **how,
    )


def epoch_of(dataset, epoch: int = 0) -> list[dict[str, torch.Tensor]]:
    dataset.set_epoch(epoch)
    return [dataset[index] for index in range(len(dataset))]


def key(item) -> bytes:
    """A crop, mirrored or not."""
    crop = item["crop"].numpy()
    return min(crop.tobytes(), crop[:, ::-1].tobytes())


@pytest.fixture
def draws(monkeypatch) -> list[int]:
    """What was drawn since."""
    drawn, original = [], SimulatedFaces.__getitem__

    def counted(self, index):
        drawn.append(index)
        return original(self, index)

    monkeypatch.setattr(SimulatedFaces, "__getitem__", counted)
    return drawn


def test_a_pool_holds_what_the_mixture_of_its_kind_alone_draws(tmp_path):
    shares = {"print": 0.0, "faceswap": 1.0}
    alone = SimulatedFaces(
        SCENES,
        contract=InputContract(size=24),
        mixture=Mixture(shares={"faceswap": 1.0}),
        augmentation=Augmentation(),
        length=12,
        seed=int(generator("kept pool", 3, "faceswap").integers(2**32)),
    )
    wanted = {key(alone[index]): alone[index] for index in range(12)}
    for item in epoch_of(kept(tmp_path, shares, length=48)):
        original = wanted[key(item)]
        assert {name: item[name].tolist() for name in ("label", "targets", "known")} == {
            name: original[name].tolist() for name in ("label", "targets", "known")
        }
        assert item["species"] == (2 if item["label"] else 0)  # its place among all kinds, print's too
        assert {name: value.dtype for name, value in item.items()} == {
            name: value.dtype for name, value in original.items()
        }


def test_pools_have_genuine_halves_of_their_own(tmp_path):
    """Streams are of seed and pair alone: with one seed pair 0 of every pool had the same genuine half, to the byte."""
    genuine = {}
    for name in ("print", "faceswap", "spsc"):
        items = epoch_of(kept(tmp_path / name, {name: 1.0}, length=60))
        genuine[name] = {key(item) for item in items if not item["label"]}
        assert len(genuine[name]) == 6
    assert len(set().union(*genuine.values())) == 18


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_what_attacks_are_made_over_does_not_depend_on_its_own_share(share):
    mixture = Mixture(shares={"print": 1.0, "diffusion": share})
    assert _only(mixture, "print").shares == {"print": 1.0, "diffusion": 0.0}
    assert _only(mixture, "diffusion").shares == {"diffusion": 1.0}


def test_pairs_are_drawn_once_whoever_asks(tmp_path, draws):
    first = epoch_of(kept(tmp_path, length=200))
    assert len(draws) == 2 * 6  # bona fide and attack of six pairs
    again = epoch_of(kept(tmp_path, length=200))
    assert len(draws) == 12
    assert all(same(one, other) for one, other in zip(first, again, strict=True))


def test_twins_stay_together_and_are_mirrored_alike(tmp_path):
    items = epoch_of(kept(tmp_path, {"sdsc": 1.0}, length=60))
    pairs = {(key(one), key(other)) for one, other in zip(items[::2], items[1::2], strict=True)}
    assert len(pairs) == 6
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == 6
    seen = {item["crop"].numpy().tobytes() for item in items[::2]}
    assert 6 < len(seen) <= 12  # both ways round
    alike = {
        (one["crop"].numpy().tobytes() == key(one), other["crop"].numpy().tobytes() == key(other))
        for one, other in zip(items[::2], items[1::2], strict=True)
        if key(one) == pairs.copy().pop()[0]
    }
    assert len(alike) <= 2


def test_a_run_that_leaves_a_species_out_takes_the_same_pairs_of_the_others(tmp_path, draws):
    everything = epoch_of(kept(tmp_path, length=400))
    spent = len(draws)
    without = epoch_of(kept(tmp_path, {"print": 0.5, "sdsc": 0.2}, length=400, num_pairs=4))
    assert len(draws) == spent
    assert {key(item) for item in without} <= {key(item) for item in everything}


def test_epochs_differ_and_repeat(tmp_path):
    dataset = kept(tmp_path)
    first, second = epoch_of(dataset, 0), epoch_of(dataset, 1)
    assert not all(same(one, other) for one, other in zip(first, second, strict=True))
    assert all(same(one, other) for one, other in zip(first, epoch_of(kept(tmp_path), 0), strict=True))


@pytest.mark.parametrize("change", [{"seed": 4}, {"shares": {"print": 1.0, "replay": 1.0}}])
def test_other_settings_take_other_files(tmp_path, change):
    kept(tmp_path)
    before = set(tmp_path.glob("*.pairs"))
    kept(tmp_path, **change)
    assert set(tmp_path.glob("*.pairs")) > before
    assert all(path.with_suffix(".json").is_file() for path in tmp_path.glob("*.pairs"))


def test_more_pairs_extend_a_pool(tmp_path, draws):
    small = epoch_of(kept(tmp_path, {"sdsc": 1.0}, length=100))
    spent = len(draws)
    large = epoch_of(kept(tmp_path, {"sdsc": 1.0}, length=400, num_pairs=12))
    assert len(draws) == 2 * spent
    assert {key(item) for item in small} < {key(item) for item in large}


def test_workers_change_nothing(tmp_path):
    def crops(folder: Path, workers: int) -> np.ndarray:
        loader = DataLoader(kept(folder), batch_size=8, num_workers=workers)
        return np.concatenate([batch["crop"].numpy() for batch in loader])

    np.testing.assert_array_equal(crops(tmp_path / "a", 0), crops(tmp_path / "b", 2))


def test_a_kept_pair_is_developed_anew_every_time_and_twins_alike(tmp_path, draws, monkeypatch):
    how = {"num_pairs": 1, "shares": {"spsc": 1.0}}
    epoch_of(kept(tmp_path, **how, length=2))
    tones = []
    monkeypatch.setattr(
        "bonaface.data.development.developed",
        lambda crop, rng: tones.append(rng.integers(2**32)) or np.full_like(crop, len(tones)),
    )
    shown = epoch_of(kept(tmp_path, **how, length=40, development=1.0))
    assert len(draws) == 2, "development is no part of what is kept"
    assert [int(item["crop"][0, 0, 0]) for item in shown] == list(range(1, 41))
    assert tones[::2] == tones[1::2]
    assert len(set(tones)) == 20


def test_a_kept_pair_is_noisy_anew_and_is_not_kept_so(tmp_path, draws):
    how = {"num_pairs": 1, "shares": {"spsc": 1.0}}
    epoch_of(kept(tmp_path, **how, length=2))
    shown = epoch_of(kept(tmp_path, **how, length=40, noise=1.0))
    assert len(draws) == 2, "noise is no part of what is kept"
    assert len({item["crop"].numpy().tobytes() for item in shown}) == 40


def test_kept_pairs_are_made_over_digital_pictures_too(tmp_path):
    dataset = kept(tmp_path, num_pairs=40, shares={"spsc": 1.0, "diffusion": 0.0}, length=200)
    labels = torch.stack([item["label"] for item in epoch_of(dataset)])
    assert labels[1::2].tolist() == [1.0] * 100
    assert {str(value) for value in labels[::2].tolist()} == {"0.0", "nan"}
