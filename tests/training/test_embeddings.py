from dataclasses import replace

import numpy as np
import pytest
import torch

from bonaface.models.pixels import normalise
from bonaface.training import embeddings
from bonaface.training.embeddings import EmbeddingStore, key_of
from bonaface.training.feeding import samples_of

from .tiny import material, tiny

RECIPE = tiny(epochs=2, samples_per_epoch=10)


class Encoder(torch.nn.Module):
    """Pixels -> a mean a row of the red channel; counts what it sees."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))
        self.seen = 0

    def forward(self, pixels):
        self.seen += len(pixels)
        return self.factor * pixels[:, 0].mean(dim=2)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(embeddings, "PART", 4)


def test_embeddings_are_the_encoders_of_every_sample_of_every_epoch(tmp_path):
    found = EmbeddingStore(tmp_path, Encoder(), RECIPE, material()).train()
    samples, expected, labels = samples_of(RECIPE, material()), [], []
    for epoch in range(2):
        samples.set_epoch(epoch)
        for number in range(len(samples)):
            crop = samples[number]["crop"][None]
            row = Encoder()(normalise(crop, mean=RECIPE.contract.mean, std=RECIPE.contract.std))[0]
            expected.append((row / row.norm()).tolist())
            labels.append(samples[number]["label"].item())
    assert found.embedding.tolist() == [pytest.approx(row, abs=1e-6) for row in expected]
    assert found.label.tolist() == labels
    assert found.targets.shape == found.known.shape == (20, 2)


def test_dev_is_in_its_order(tmp_path):
    held = material()
    store = EmbeddingStore(tmp_path, Encoder(), RECIPE, held)
    found = store.dev()
    assert found.label.tolist() == [held.dev[number]["label"].item() for number in range(7)]
    assert found.species.tolist() == [held.dev[number]["species"].item() for number in range(7)]
    assert (store.num_train, store.num_dev) == (20, 7)


def test_nothing_goes_through_the_encoder_twice(tmp_path):
    counts: list[int] = []
    first, again = Encoder(), Encoder()
    before = EmbeddingStore(tmp_path, first, RECIPE, material()).train()
    after = EmbeddingStore(tmp_path, again, RECIPE, material(), on_samples=counts.append).train()
    assert (first.seen, again.seen, sum(counts)) == (20, 0, 20)
    for name in ("embedding", "label", "targets", "known", "species"):
        assert torch.equal(getattr(before, name), getattr(after, name))


def test_stopped_it_goes_on_where_it_was(tmp_path):
    encoder = Encoder()
    asked = iter([False, False, True])
    stopped = EmbeddingStore(tmp_path, encoder, RECIPE, material(), is_stopped=lambda: next(asked))
    assert stopped.train() is None
    rest = Encoder()
    found = EmbeddingStore(tmp_path, rest, RECIPE, material()).train()
    whole = EmbeddingStore(tmp_path / "new", Encoder(), RECIPE, material()).train()
    assert encoder.seen == 10  # parts of 4, 4 and 2; the third was dropped
    assert rest.seen == 12
    assert torch.equal(found.embedding, whole.embedding)


def test_a_cut_file_is_made_again(tmp_path):
    store = EmbeddingStore(tmp_path, Encoder(), RECIPE, material())
    whole = store.train()
    files = sorted(tmp_path.rglob("*.safetensors"))
    files[1].write_bytes(files[1].read_bytes()[:20])
    encoder = Encoder()
    again = EmbeddingStore(tmp_path, encoder, RECIPE, material()).train()
    assert encoder.seen == 4
    assert torch.equal(again.embedding, whole.embedding)


def test_bf16_is_what_the_recipe_says(tmp_path):
    class Linear(torch.nn.Linear):
        def forward(self, pixels):
            return super().forward(pixels[:, 0].mean(dim=2))

    torch.manual_seed(0)
    encoder = Linear(32, 8)
    full = EmbeddingStore(tmp_path, encoder, RECIPE, material()).dev()
    half = EmbeddingStore(tmp_path, encoder, replace(RECIPE, mixed_precision="bf16"), material()).dev()
    assert half.embedding.dtype == torch.float32
    assert 1e-5 < (full.embedding - half.embedding).abs().max() < 0.05


def changed_scene(held):
    one = held.scenes[0]
    pixels = np.array(one.scene.pixels)
    pixels[0, 0, 0] ^= 1
    scene = replace(one.scene, pixels=pixels)
    return replace(held, scenes=(replace(one, scene=scene), *held.scenes[1:]))


def test_the_key_changes_with_whatever_decides_the_embeddings():
    held = material()
    keys = [
        key_of(Encoder(), RECIPE, held),
        key_of(Encoder(2.0), RECIPE, held),
        key_of(Encoder(), replace(RECIPE, seed=1), held),
        key_of(Encoder(), replace(RECIPE, samples_per_epoch=12), held),
        key_of(Encoder(), RECIPE, changed_scene(held)),
        key_of(Encoder(), RECIPE, replace(held, dev=type(held.dev)(held.dev._crops[:-1]))),
    ]
    assert len(set(keys)) == len(keys)
    same = replace(RECIPE, name="other", epochs=9, num_workers=1)
    assert key_of(Encoder(), same, material()) == keys[0]
