import pytest
import torch
from torch import nn
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModel, ResNetConfig, ResNetModel

from bonaface.errors import RecipeError
from bonaface.models.insertion import blocks_of, experts_of, insert_experts, is_new, new_parameters
from bonaface.models.soft_moe import ExpertsConfig

from .tiny_checkpoints import MAKERS, embedding_by_transformers, tiny_encoder

VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


def tiny_vision() -> CLIPVisionModel:
    torch.manual_seed(0)
    return CLIPVisionModel(CLIPVisionConfig(**VISION)).eval()


def experts(**settings) -> ExpertsConfig:
    return ExpertsConfig(**{"num_experts": 2, "slots_per_expert": 4, "hidden": 8} | settings)


def pixels() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("gate_init", [0.0, 1.0])
@torch.no_grad()
def test_the_network_starts_as_clip(gate_init):
    vision = tiny_vision()
    before = vision(pixel_values=pixels()).pooler_output
    insert_experts(vision, experts(gate_init=gate_init))
    after = vision(pixel_values=pixels()).pooler_output
    assert (after - before).abs().max() < 1e-6


@torch.no_grad()
def test_an_open_gate_changes_the_output():
    vision = tiny_vision()
    before = vision(pixel_values=pixels()).pooler_output
    insert_experts(vision, experts(gate_init=0.1))
    assert (vision(pixel_values=pixels()).pooler_output - before).abs().max() > 1e-3


@torch.no_grad()
def test_a_block_is_the_formula():
    vision = tiny_vision()
    insert_experts(vision, experts(gate_init=0.3), blocks=[0])
    block = vision.encoder.layers[0]
    x = torch.randn(2, 17, 16, generator=torch.Generator().manual_seed(2))
    u = x + block.self_attn(hidden_states=block.layer_norm1(x), attention_mask=None)[0]
    z = block.layer_norm2(u)
    expected = u + block.mlp.dense(z) + 0.3 * block.mlp.experts(z)
    torch.testing.assert_close(block(x, None), expected)


def test_it_works_inside_a_whole_clip():
    torch.manual_seed(0)
    text = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 40,
        "eos_token_id": 39,
        "bos_token_id": 38,
        "max_position_embeddings": 8,
    }
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=12)).eval()
    with torch.no_grad():
        before = clip.get_image_features(pixel_values=pixels()).pooler_output
        insert_experts(clip.vision_model, experts())
        after = clip.get_image_features(pixel_values=pixels()).pooler_output
    assert after.shape == (2, 12)
    assert (after - before).abs().max() < 1e-6
    assert [name for name, _ in experts_of(clip)] == [
        f"vision_model.encoder.layers.{index}.mlp.experts" for index in range(2)
    ]


def test_only_chosen_blocks_get_experts():
    vision = tiny_vision()
    insert_experts(vision, experts(), blocks=[1])
    assert [name for name, _ in experts_of(vision)] == ["encoder.layers.1.mlp.experts"]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("routing", ["soft", "top_k"])
@torch.no_grad()
def test_every_kind_of_encoder_starts_as_itself_with_every_kind_of_experts(name, routing):
    model = tiny_encoder(name)
    before = embedding_by_transformers(model, pixels())
    insert_experts(model, experts(routing=routing), blocks=[1])
    assert (embedding_by_transformers(model, pixels()) - before).abs().max() < 1e-6
    for _, mixture in experts_of(model):
        for parameter in mixture.parameters():
            parameter.normal_(std=0.3)
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith("mlp.gate"):
            parameter.fill_(0.5)
    assert (embedding_by_transformers(model, pixels()) - before).abs().max() > 1e-3


@torch.no_grad()
def test_a_block_with_layer_scale_is_the_formula():
    """DINOv2 scales the sum of its MLP and the experts."""
    model = tiny_encoder("dinov2")
    insert_experts(model, experts(gate_init=0.3))
    block = blocks_of(model)[1]
    x = torch.randn(2, 17, 16, generator=torch.Generator().manual_seed(2))
    u = x + block.layer_scale1.lambda1 * block.attention(block.norm1(x))[0]
    z = block.norm2(u)
    expected = u + block.layer_scale2.lambda1 * (block.mlp.dense(z) + 0.3 * block.mlp.experts(z))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("model", [nn.Linear(2, 2), ResNetModel(ResNetConfig(depths=[1], hidden_sizes=[8]))])
def test_a_network_without_such_blocks_is_refused(model):
    with pytest.raises(
        ValueError, match=f"into blocks with an MLP; {type(model).__name__} has no such blocks"
    ):
        insert_experts(model, experts())


def test_experts_that_can_not_copy_an_mlp_leave_the_network_alone():
    model = tiny_encoder("dinov2")
    blocks_of(model)[1].mlp = blocks_of(tiny_encoder("dinov2_gated"))[1].mlp
    with pytest.raises(RecipeError, match="must have two linear maps and one activation"):
        insert_experts(model, experts(hidden="mlp"))
    assert not new_parameters(model)


def test_new_parameters_are_exactly_the_added_ones():
    vision = tiny_vision()
    old = {id(parameter) for parameter in vision.parameters()}
    returned = insert_experts(vision, experts())
    added = [parameter for parameter in vision.parameters() if id(parameter) not in old]
    assert [id(p) for p in returned] == [id(p) for p in new_parameters(vision)] == [id(p) for p in added]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encoder.vision.encoder.layers.0.mlp.experts.routes_DES", True),
        ("encoder.layers.11.mlp.gate", True),
        ("anchors.features", True),
        ("anchors.logit_scale", True),
        ("anchors.tower.text_projection.weight", False),
        ("encoder.vision.model.layer.0.mlp.dense.gate_proj.weight", False),
        ("encoder.vision.head.mlp.fc1.weight", False),
        ("encoder.layers.0.mlp.dense.fc1.weight", False),
        ("encoder.layers.0.self_attn.q_proj.weight", False),
        ("visual_projection.weight", False),
    ],
)
def test_names_of_new_parameters(name, expected):
    assert is_new(name) is expected


def test_new_parameters_take_the_dtype_of_the_network():
    vision = tiny_vision().to(torch.bfloat16)
    insert_experts(vision, experts())
    assert {parameter.dtype for parameter in vision.parameters()} == {torch.bfloat16}
    assert vision(pixel_values=pixels().bfloat16()).pooler_output.dtype == torch.bfloat16


def test_a_missing_block_is_refused_and_nothing_changes():
    vision = tiny_vision()
    with pytest.raises(ValueError, match=r"blocks must be within 0\.\.1; got 2"):
        insert_experts(vision, experts(), blocks=[0, 2])
    assert not new_parameters(vision)


def test_a_block_gets_experts_once():
    vision = tiny_vision()
    with pytest.raises(ValueError, match=r"each block can have experts once; got \[1, 1\]"):
        insert_experts(vision, experts(), blocks=[1, 1])
    insert_experts(vision, experts(), blocks=[0])
    with pytest.raises(ValueError, match="block 0 has them already"):
        insert_experts(vision, experts())


@pytest.mark.parametrize("gate_init", [0.0, 1.0])
def test_two_steps_move_every_expert_from_either_start(gate_init):
    vision = tiny_vision()
    insert_experts(vision, experts(gate_init=gate_init))
    start = {name: layer.experts.first_EDH.detach().clone() for name, layer in experts_of(vision)}
    optimiser = torch.optim.SGD(new_parameters(vision), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        vision(pixel_values=pixels()).pooler_output[:, 0].sum().backward()
        optimiser.step()
    for name, layer in experts_of(vision):
        moved = (layer.experts.first_EDH.detach() - start[name]).abs().amax(dim=(1, 2))
        assert (moved > 0).all(), name
