import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from bonaface.errors import CheckpointError
from bonaface.models.clip import build_clip_detector
from bonaface.models.insertion import experts_of, new_parameters
from bonaface.models.soft_moe import ExpertsConfig

EXPERTS = ExpertsConfig(num_experts=2, slots_per_expert=4, hidden=8)


def tiny_clip() -> CLIPVisionModelWithProjection:
    torch.manual_seed(0)
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=12,
        )
    ).eval()


def pixels() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_saved_clip_comes_back_with_experts_and_starts_as_itself(tmp_path):
    clip = tiny_clip()
    clip.save_pretrained(tmp_path)
    detector = build_clip_detector(tmp_path, experts=EXPERTS, seed=0).eval()
    expected = clip(pixel_values=pixels()).image_embeds
    assert (detector.embed(pixels()) - expected).abs().max() < 1e-6
    assert detector(pixels()).family_logits.shape == (2, 2)
    assert len(list(experts_of(detector))) == 2


@torch.no_grad()
def test_the_folder_of_a_whole_clip_gives_its_image_features(tmp_path, capfd):
    torch.manual_seed(0)
    vision = tiny_clip().config.to_dict() | {"projection_dim": 512}
    text = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 40,
        "bos_token_id": 38,
        "eos_token_id": 39,
    }
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).eval()
    clip.save_pretrained(tmp_path)
    detector = build_clip_detector(tmp_path, experts=EXPERTS, seed=0).eval()
    expected = clip.get_image_features(pixel_values=pixels()).pooler_output
    assert (detector.embed(pixels()) - expected).abs().max() < 1e-6
    assert "UNEXPECTED" not in capfd.readouterr().err


def test_without_experts_it_is_the_plain_baseline():
    detector = build_clip_detector(tiny_clip(), experts=None, seed=0)
    assert len(new_parameters(detector)) == 2  # anchors and their scale


def test_given_features_are_the_anchors():
    features = torch.randn(2, 2, 12, generator=torch.Generator().manual_seed(3))
    detector = build_clip_detector(
        tiny_clip(), experts=EXPERTS, features=features, learn_anchors=False, seed=0
    )
    torch.testing.assert_close(detector.anchors.features, torch.nn.functional.normalize(features, dim=-1))
    assert "anchors.features" not in dict(detector.named_parameters())


def test_the_seed_decides_the_new_weights():
    first, again, other = (
        torch.cat(
            [
                p.flatten()
                for p in new_parameters(build_clip_detector(tiny_clip(), experts=EXPERTS, seed=seed))
            ]
        )
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_folder_without_safetensors_is_refused(tmp_path):
    tiny_clip().config.save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors"):
        build_clip_detector(tmp_path, experts=EXPERTS, seed=0)


def test_weights_that_lack_a_part_are_refused(tmp_path):
    clip = tiny_clip()
    clip.save_pretrained(tmp_path)
    weights = clip.state_dict()
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"visual_projection\.weight is missing"):
        build_clip_detector(tmp_path, experts=EXPERTS, seed=0)


def test_broken_weights_are_refused(tmp_path):
    tiny_clip().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match="must hold a CLIP with an image encoder"):
        build_clip_detector(tmp_path, experts=EXPERTS, seed=0)
