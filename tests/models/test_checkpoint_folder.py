import json

import pytest
import torch

from bonaface.errors import CheckpointError
from bonaface.models.backbones import load_backbone
from bonaface.models.checkpoint_folder import refuse_misfits

from .tiny_checkpoints import openai_state, tiny_encoder


@pytest.fixture
def folder(tmp_path):
    tiny_encoder("clip_vision").save_pretrained(tmp_path)
    return tmp_path


def test_a_folder_without_settings_is_refused(tmp_path):
    torch.save(openai_state(), tmp_path / "clip.pt")
    with pytest.raises(
        CheckpointError, match=r"has no config\.json; weights in OpenAI's layout are given as the file"
    ):
        load_backbone(tmp_path)


def test_an_adapter_is_refused(folder):
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="says an adapter is beside it; merge it first"):
        load_backbone(folder)


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_settings_that_are_no_object_are_refused(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.json must hold an object in JSON"):
        load_backbone(folder)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x08\0\0\0\0\0\0\0{}"])
def test_broken_weights_are_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="must hold"):
        load_backbone(folder)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (
            {"weight_map": {"a": "model-00001-of-00001.safetensors"}},
            "no safetensors file model-00001-of-00001",
        ),
        ({"weight_map": {"a": "../other.safetensors"}}, r"no safetensors file \.\./other"),
        ({"weight_map": {"a": "model.bin"}}, r"no safetensors file model\.bin"),
        ({"weight_map": {}}, "must name the shards; it names none"),
        ({"weight_map": 3}, "must name the shards; it names none"),
        ({}, "must name the shards; it names none"),
    ],
)
def test_a_missing_shard_is_refused(folder, index, message):
    (folder / "model.safetensors").rename(folder / "model.bin")
    (folder.parent / "other.safetensors").touch()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=message):
        load_backbone(folder)


def test_code_in_a_folder_is_not_run(folder):
    settings = json.loads((folder / "config.json").read_text())
    settings["auto_map"] = {"AutoModel": "trap.Trap", "AutoConfig": "trap.Trap"}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "trap.py").write_text(f"open({str(folder / 'it ran')!r}, 'w')")
    load_backbone(folder)
    assert not (folder / "it ran").exists()


def test_what_fits_passes():
    refuse_misfits("x", missing=(), mismatched={}, unexpected=())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"mismatched": {"b": ((1,), (2,)), "a": ((3,), ())}},
            r"a has the shape \(3,\) where \(\) is needed and 1 more",
        ),
        ({"missing": ["c", "b"]}, "x must hold every weight of the network; b is missing and 1 more; fetch"),
        ({"unexpected": {"z"}}, "x must hold no weights but the network's; z has no place; fetch"),
    ],
)
def test_the_first_name_is_said(found, message):
    with pytest.raises(CheckpointError, match=message):
        refuse_misfits("x", **{"missing": (), "mismatched": {}, "unexpected": ()} | found)
