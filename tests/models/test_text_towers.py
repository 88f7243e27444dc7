import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from bonaface.errors import CheckpointError, DownloadError
from bonaface.models.prompts import AnchorTexts
from bonaface.models.text_features import text_features
from bonaface.models.text_towers import load_text

from .tiny_checkpoints import openai_clip, openai_state, tiny_encoder
from .tiny_text import siglip_tokenizer, tiny_clip, tiny_siglip, write_clip_tokenizer

TEXTS = ["a live face", "a fake face"]


@pytest.fixture
def clip_folder(tmp_path):
    tiny_clip().save_pretrained(tmp_path)
    return write_clip_tokenizer(tmp_path)


@torch.no_grad()
def test_a_clip_folder_gives_its_text_features(clip_folder):
    side = load_text(clip_folder)
    tokens = side.tokenizer(TEXTS, padding=True, return_tensors="pt")
    expected = tiny_clip().get_text_features(**tokens).pooler_output
    torch.testing.assert_close(side.tower(**tokens).text_embeds, expected, rtol=0, atol=1e-6)
    assert expected.shape == (2, 12)
    assert side.logit_scale == pytest.approx(tiny_clip().logit_scale.item())
    assert not side.tower.training


@torch.no_grad()
def test_a_siglip_folder_gives_its_text_features(tmp_path):
    tiny_siglip().save_pretrained(tmp_path)
    siglip_tokenizer().save_pretrained(tmp_path)
    side = load_text(str(tmp_path))
    tokens = side.tokenizer(TEXTS, padding="max_length", max_length=16, return_tensors="pt")
    expected = tiny_siglip().get_text_features(input_ids=tokens["input_ids"]).pooler_output
    found = side.tower(input_ids=tokens["input_ids"]).pooler_output
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert side.logit_scale == pytest.approx(tiny_siglip().logit_scale.item())


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@torch.no_grad()
def test_a_file_in_openais_layout_gives_its_authors_text_features(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    torch.save(openai_state(), path) if suffix == ".pt" else save_file(openai_state(), path)
    side = load_text(path, tokenizer=write_clip_tokenizer(tmp_path / "words"))
    ids = side.tokenizer(TEXTS, padding="max_length", max_length=12, return_tensors="pt")["input_ids"]
    expected = openai_clip().encode_text(ids)
    torch.testing.assert_close(side.tower(ids).text_embeds, expected, rtol=0, atol=1e-5)
    assert side.logit_scale == 3.25
    anchors = text_features(side.tower, side.tokenizer, [AnchorTexts((TEXTS[0],), (TEXTS[1],))])
    torch.testing.assert_close(anchors[0], torch.nn.functional.normalize(expected), rtol=0, atol=1e-5)


def test_a_tokenizer_beside_the_file_is_found(tmp_path):
    torch.save(openai_state(), tmp_path / "clip.pt")
    write_clip_tokenizer(tmp_path)
    assert load_text(tmp_path / "clip.pt").tokenizer(["a"])["input_ids"][0][-1] == 521


def test_without_a_tokenizer_it_is_refused(tmp_path):
    torch.save(openai_state(), tmp_path / "clip.pt")
    with pytest.raises(
        CheckpointError, match=r"come with its tokenizer; .* has neither tokenizer\.json nor vocab\.json"
    ):
        load_text(tmp_path / "clip.pt")
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(CheckpointError, match="or name their folder as tokenizer"):
        load_text(tmp_path / "clip.pt")


def test_a_broken_tokenizer_is_refused(clip_folder):
    (clip_folder / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="must hold a tokenizer that loads; it failed"):
        load_text(clip_folder)


@pytest.mark.parametrize("name", ["dinov2", "dinov3", "dino", "clip_vision", "siglip_vision"])
def test_an_encoder_without_texts_is_refused(tmp_path, name):
    tiny_encoder(name).save_pretrained(tmp_path)
    write_clip_tokenizer(tmp_path)
    with pytest.raises(CheckpointError, match=r"must have a text encoder for anchors of texts; .* has none"):
        load_text(tmp_path)


def test_the_image_half_of_openais_layout_has_no_texts(tmp_path):
    state = {name: one for name, one in openai_state().items() if name.startswith("visual.")}
    torch.save(state, tmp_path / "clip.pt")
    write_clip_tokenizer(tmp_path)
    with pytest.raises(CheckpointError, match=r"token_embedding\.weight is missing"):
        load_text(tmp_path / "clip.pt")


@pytest.mark.parametrize("key", ["text_projection.weight", "text_model.final_layer_norm.bias", "logit_scale"])
def test_a_missing_weight_is_named(clip_folder, key):
    weights = load_file(clip_folder / "model.safetensors")
    del weights[key]
    save_file(weights, clip_folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=f"every weight of the network; {key} is missing"):
        load_text(clip_folder)


def test_shards_are_read(tmp_path):
    tiny_clip().save_pretrained(tmp_path, max_shard_size="8KB")
    write_clip_tokenizer(tmp_path)
    assert load_text(tmp_path).logit_scale == pytest.approx(tiny_clip().logit_scale.item())


def test_settings_that_do_not_fit_are_refused(clip_folder):
    path = clip_folder / "config.json"
    settings = json.loads(path.read_text())
    settings["text_config"]["hidden_size"] = "wide"
    path.write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match="must hold settings that fit together"):
        load_text(clip_folder)


def test_a_source_that_is_nowhere_is_refused():
    with pytest.raises(CheckpointError, match="allow fetching"):
        load_text("owner/model")


def test_the_hub_is_asked_where_that_is_allowed(monkeypatch, clip_folder):
    from bonaface.models import backbones

    monkeypatch.setattr(backbones, "fetched_folder", lambda name: clip_folder)
    assert load_text("owner/model", is_fetched=True).tower.config.vocab_size == 522

    def closed(name: str) -> None:
        raise DownloadError("closed")

    monkeypatch.setattr(backbones, "fetched_folder", closed)
    with pytest.raises(DownloadError, match="closed"):
        load_text("owner/model", is_fetched=True)
