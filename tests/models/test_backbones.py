import json
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bonaface.contract import InputContract
from bonaface.errors import CheckpointError, DownloadError
from bonaface.models import backbones
from bonaface.models.anchors import Anchors
from bonaface.models.backbones import Backbone, empty_backbone, load_backbone
from bonaface.models.detector import Detector
from bonaface.models.graph import export_onnx
from bonaface.models.insertion import blocks_of, experts_of, insert_experts
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.models.vision_kinds import PAIRS, VISION_KINDS

from .tiny_checkpoints import (
    MAKERS,
    VISION,
    embedding_by_transformers,
    openai_clip,
    openai_state,
    pixels,
    tiny_encoder,
)

EXPERTS = ExpertsConfig(num_experts=2, slots_per_expert=4, hidden=8)
KINDS = {"clip": "clip", "siglip": "siglip", "dinov": "dino", "dino": "dino"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of every kind, by transformers' own `save_pretrained`."""
    root = tmp_path_factory.mktemp("checkpoints")
    for name in MAKERS:
        tiny_encoder(name).save_pretrained(root / name)
    return root


@pytest.mark.parametrize("name", MAKERS)
@torch.no_grad()
def test_a_folder_gives_what_transformers_gives(folders, name):
    backbone = load_backbone(str(folders / name))
    expected = embedding_by_transformers(tiny_encoder(name), pixels())
    torch.testing.assert_close(backbone(pixels()), expected, rtol=0, atol=1e-6)
    assert backbone.kind == next(kind for start, kind in KINDS.items() if name.startswith(start))
    assert (backbone.width, backbone.image_size, backbone.num_blocks) == (expected.shape[1], 32, 2)
    assert not backbone.training


@pytest.mark.parametrize("name", MAKERS)
@torch.no_grad()
def test_closed_gates_leave_the_whole_network_as_it_was(folders, name):
    backbone = load_backbone(folders / name)
    new = insert_experts(backbone, EXPERTS)
    assert len(list(experts_of(backbone))) == backbone.num_blocks == len(blocks_of(backbone))
    expected = embedding_by_transformers(tiny_encoder(name), pixels())
    assert (backbone(pixels()) - expected).abs().max() < 1e-6
    for parameter in new:
        parameter.add_(0.1)
    assert (backbone(pixels()) - expected).abs().max() > 1e-4


@pytest.mark.parametrize("name", MAKERS)
def test_a_description_and_weights_rebuild_it(folders, name):
    backbone = load_backbone(folders / name)
    again = empty_backbone(json.loads(json.dumps(backbone.description)))
    again.load_state_dict(backbone.state_dict())
    with torch.no_grad():
        assert torch.equal(again.eval()(pixels()), backbone(pixels()))
    assert (again.mean, again.std, again.kind) == (backbone.mean, backbone.std, backbone.kind)


@pytest.mark.parametrize("name", MAKERS)
def test_a_gradient_reaches_every_trainable_weight(folders, name):
    backbone = load_backbone(folders / name)
    insert_experts(backbone, ExpertsConfig(num_experts=2, slots_per_expert=4, hidden=8, gate_init=0.1))
    backbone(pixels()).square().sum().backward()
    missing = [n for n, one in backbone.named_parameters() if one.requires_grad and one.grad is None]
    assert missing == []


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("size", [24, 48])
@torch.no_grad()
def test_another_size_is_what_transformers_interpolates(folders, name, size):
    own = load_backbone(folders / name)
    other = load_backbone(folders / name, image_size=size)
    # DINO's encoders interpolate by themselves, the first one of them when it is told to.
    settings = {"interpolate_pos_encoding": True} if not name.startswith("dinov") else {}
    expected = embedding_by_transformers(tiny_encoder(name), pixels(size), **settings)
    torch.testing.assert_close(other(pixels(size)), expected, rtol=0, atol=1e-5)
    assert (own.image_size, other.image_size) == (32, size)
    assert empty_backbone(other.description).image_size == size


def test_its_own_size_changes_nothing(folders):
    asked = load_backbone(folders / "clip", image_size=32).state_dict()
    for name, weight in load_backbone(folders / "clip").state_dict().items():
        assert torch.equal(weight, asked[name])


@pytest.mark.parametrize("name", ["clip", "dinov2"])
def test_pictures_of_another_size_are_refused(folders, name):
    with pytest.raises(ValueError, match=r"pixels must be 32 by 32; got .*; for another size load"):
        load_backbone(folders / name)(pixels(40))


@pytest.mark.parametrize("size", [0, -8, 20])
def test_a_size_that_is_no_multiple_of_the_patch_is_refused(folders, size):
    with pytest.raises(ValueError, match=f"image_size must be a multiple of the patch size 8; got {size}"):
        load_backbone(folders / "clip", image_size=size)


def test_normalisation_is_the_checkpoints_or_the_kinds(folders, tmp_path):
    assert load_backbone(folders / "clip").mean == (0.48145466, 0.4578275, 0.40821073)
    assert load_backbone(folders / "siglip").std == (0.5, 0.5, 0.5)
    assert load_backbone(folders / "dino").mean == (0.485, 0.456, 0.406)
    tiny_encoder("dino").save_pretrained(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    path.write_text('{"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}')
    backbone = load_backbone(tmp_path)
    assert (backbone.mean, backbone.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    path.write_text('{"image_mean": [0.1, "a"]}')
    with pytest.raises(CheckpointError, match="must give image_mean as three numbers"):
        load_backbone(tmp_path)
    path.write_text('{"image_std": 3}')
    with pytest.raises(CheckpointError, match="must give image_std as three numbers; got 3"):
        load_backbone(tmp_path)


@torch.no_grad()
def test_pictures_that_end_within_a_patch_are_seen_as_by_transformers(tmp_path):
    """SigLIP's largest has pictures of 384 pixels and patches of 14: the last 6 are not seen."""
    from transformers import SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(0)
    model = SiglipVisionModel(SiglipVisionConfig(**VISION | {"image_size": 36})).eval()
    model.save_pretrained(tmp_path)
    backbone = load_backbone(tmp_path)
    expected = embedding_by_transformers(model, pixels(36))
    torch.testing.assert_close(backbone(pixels(36)), expected, rtol=0, atol=1e-6)
    larger = load_backbone(tmp_path, image_size=48)(pixels(48))
    expected = embedding_by_transformers(model, pixels(48), interpolate_pos_encoding=True)
    torch.testing.assert_close(larger, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_shards_are_read(tmp_path):
    model = tiny_encoder("clip")
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    expected = embedding_by_transformers(model, pixels())
    torch.testing.assert_close(load_backbone(tmp_path)(pixels()), expected, rtol=0, atol=1e-6)


def test_half_precision_becomes_float32(tmp_path):
    tiny_encoder("clip").half().save_pretrained(tmp_path)
    assert {one.dtype for one in load_backbone(tmp_path).parameters()} == {torch.float32}


@torch.no_grad()
def test_a_classifier_around_the_encoder_is_left_aside(tmp_path):
    from transformers import Dinov2Config, Dinov2ForImageClassification

    from .tiny_checkpoints import DINO

    torch.manual_seed(0)
    model = Dinov2ForImageClassification(Dinov2Config(**DINO)).eval()
    model.save_pretrained(tmp_path)
    expected = model.dinov2(pixels()).pooler_output
    torch.testing.assert_close(load_backbone(tmp_path)(pixels()), expected, rtol=0, atol=1e-6)


def test_places_of_tokens_in_older_files_are_left_aside(tmp_path):
    """The hub's CLIPs carry them as weights."""
    tiny_encoder("clip").save_pretrained(tmp_path)
    places = {f"{tower}_model.embeddings.position_ids": torch.arange(8)[None] for tower in ("text", "vision")}
    altered(tmp_path, lambda weights: weights.update(places))
    assert load_backbone(tmp_path).width == 12


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clip", "siglip", "dinov3"])
def test_every_kind_exports_with_its_experts(folders, tmp_path, name):
    backbone = load_backbone(folders / name)
    insert_experts(backbone, ExpertsConfig(num_experts=2, slots_per_expert=4, hidden=8, gate_init=0.1))
    detector = Detector(backbone, Anchors(2, backbone.width))
    contract = InputContract(size=32, mean=backbone.mean, std=backbone.std)
    # It compares torch and ONNX itself.
    assert export_onnx(detector, contract, tmp_path / "model.onnx").is_file()


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_loading_is_quiet_and_leaves_the_library_as_it_was(folders, name, capfd):
    from transformers.utils import logging as theirs

    before = (theirs.get_verbosity(), theirs.is_progress_bar_enabled())
    load_backbone(folders / name)
    assert capfd.readouterr().err == ""
    assert (theirs.get_verbosity(), theirs.is_progress_bar_enabled()) == before
    assert before[0] <= logging.WARNING


def test_the_parts_of_a_detector_keep_their_names(folders):
    names = {f"encoder.{name}" for name in load_backbone(folders / "clip_vision").state_dict()}
    assert "encoder.vision.vision_model.encoder.layers.1.mlp.fc2.weight" in names
    assert "encoder.vision.visual_projection.weight" in names


def test_every_kind_is_in_the_docs():
    page = (Path(__file__).parents[2] / "docs/concepts/backbones.md").read_text(encoding="utf-8")
    assert [name for name in (*PAIRS, *VISION_KINDS) if f"`{name}`" not in page] == []


# OpenAI's layout


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@torch.no_grad()
def test_a_file_in_openais_layout_gives_what_its_authors_network_gives(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    if suffix == ".pt":
        torch.save(openai_state(), path)
    else:
        save_file(openai_state(), path)
    backbone = load_backbone(path)
    torch.testing.assert_close(backbone(pixels()), openai_clip().visual(pixels()), rtol=0, atol=1e-5)
    assert (backbone.kind, backbone.width, backbone.image_size, backbone.num_blocks) == ("clip", 24, 32, 2)
    insert_experts(backbone, EXPERTS)
    torch.testing.assert_close(backbone(pixels()), openai_clip().visual(pixels()), rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_image_half_alone_is_enough(tmp_path):
    state = {
        name: one.half() for name, one in openai_clip().state_dict().items() if name.startswith("visual.")
    }
    torch.save(state, tmp_path / "visual.pt")
    backbone = load_backbone(tmp_path / "visual.pt")
    assert {one.dtype for one in backbone.parameters()} == {torch.float32}
    torch.testing.assert_close(backbone(pixels()), openai_clip().visual(pixels()), rtol=0, atol=2e-2)


# Where it is


def test_a_source_that_is_nowhere_is_refused():
    with pytest.raises(CheckpointError, match="must be a folder, a file or a name on the hub; a/b/c is none"):
        load_backbone("a/b/c")
    with pytest.raises(CheckpointError, match="where it is a name on the hub, allow fetching"):
        load_backbone("owner/model")


def test_a_name_on_the_hub_is_fetched_where_that_is_allowed(folders, monkeypatch):
    monkeypatch.setattr(backbones, "fetched_folder", lambda name: folders / name.partition("/")[2])
    assert isinstance(load_backbone("owner/dinov2", is_fetched=True), Backbone)


def test_a_local_folder_comes_before_the_hub(folders, monkeypatch):
    def never(name: str) -> None:
        raise DownloadError(name)

    monkeypatch.setattr(backbones, "fetched_folder", never)
    monkeypatch.chdir(folders.parent)
    assert load_backbone(f"{folders.name}/clip", is_fetched=True).kind == "clip"


# What is refused


def altered(folder, change) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("clip", "visual_projection.weight"),
        ("clip", "vision_model.encoder.layers.1.mlp.fc1.bias"),
        ("siglip", "vision_model.head.probe"),
        ("dinov2", "encoder.layer.0.norm1.weight"),
        ("dinov3", "embeddings.register_tokens"),
        ("dino", "embeddings.cls_token"),
    ],
)
def test_a_missing_weight_is_named(tmp_path, name, key):
    tiny_encoder(name).save_pretrained(tmp_path)
    altered(tmp_path, lambda weights: weights.pop(key))
    own = key.removeprefix("vision_model.") if name == "siglip" else key
    own = "layers.0.attention.q_proj.weight" if "query" in own else own
    with pytest.raises(CheckpointError, match=rf"every weight of the network; {own} is missing"):
        load_backbone(tmp_path)


def test_a_weight_of_another_shape_is_named_with_both_shapes(tmp_path):
    tiny_encoder("dinov2").save_pretrained(tmp_path)
    altered(tmp_path, lambda weights: weights.update({"layernorm.bias": torch.zeros(17)}))
    with pytest.raises(
        CheckpointError, match=r"layernorm\.bias has the shape \(17,\) where \(16,\) is needed;"
    ):
        load_backbone(tmp_path)


def test_weights_of_another_width_say_how_many_do_not_fit(tmp_path):
    tiny_encoder("clip_vision").save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_size": 32}))
    with pytest.raises(CheckpointError, match=r"has the shape .* is needed and \d+ more"):
        load_backbone(tmp_path)


def test_a_weight_without_a_place_is_named(tmp_path):
    tiny_encoder("clip").save_pretrained(tmp_path)
    altered(
        tmp_path,
        lambda weights: weights.update({"vision_model.encoder.layers.7.mlp.fc1.bias": torch.zeros(2)}),
    )
    with pytest.raises(
        CheckpointError, match=r"vision_model\.encoder\.layers\.7\.mlp\.fc1\.bias has no place"
    ):
        load_backbone(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "resnet"}, "must have a model_type that bonaface knows .*; it says resnet"),
        ({"model_type": "siglip2"}, "siglip2 is the variant with many"),
        ({"patch_size": [8, 4]}, r"must be square; got \[8, 4\]"),
        ({"image_size": [32, 40]}, r"must be square; got \[32, 40\]"),
        ({"image_size": None}, "must hold settings that fit together"),
        ({"hidden_size": "wide"}, "must hold settings that fit together; .*hidden_size"),
        ({"num_attention_heads": 3}, "must hold settings that fit together"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, change, message):
    tiny_encoder("clip_vision").save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=message):
        load_backbone(tmp_path)


def test_a_siglip_without_its_pooling_is_refused():
    with pytest.raises(CheckpointError, match="vision_use_head must be true"):
        empty_backbone({"config": {"model_type": "siglip_vision_model", "vision_use_head": False}})


def test_a_description_of_nothing_is_refused():
    with pytest.raises(CheckpointError, match="the description of a backbone must have a model_type"):
        empty_backbone({})


def test_pictures_may_be_given_by_two_equal_sides(folders):
    description = load_backbone(folders / "dinov2").description
    description["config"]["image_size"] = [32, 32]
    assert empty_backbone(description).image_size == 32
