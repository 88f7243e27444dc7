import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import ResNetConfig, ResNetForImageClassification

from bonaface.contract import InputContract
from bonaface.errors import CheckpointError, RecipeError
from bonaface.models.architecture import build_detector, structure_of
from bonaface.models.graph import export_onnx
from bonaface.models.resnet import (
    ResnetConfig,
    SoftmaxHead,
    empty_resnet,
    load_resnet,
)
from bonaface.models.vision_kinds import IMAGENET_MEAN, IMAGENET_STD
from bonaface.vocabulary import FAMILIES

TINY = {"embedding_size": 8, "hidden_sizes": [16, 32], "depths": [1, 2]}
SMALL = ResnetConfig(image_size=32, stem_width=8, widths=(16, 32), depths=(1, 2))


def pixels(size: int = 32) -> torch.Tensor:
    return torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(1))


def built(config: ResnetConfig, **changes):
    return build_detector(config, **({"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "seed": 0} | changes))


def moved(model: torch.nn.Module) -> torch.nn.Module:
    """With statistics and gains that are none of their starting values."""
    generator = torch.Generator().manual_seed(2)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.add_(0.2 * torch.rand(tensor.shape, generator=generator))
        else:
            assert name.endswith("num_batches_tracked")
    return model.eval()


@pytest.fixture(scope="module")
def classifier():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return moved(ResNetForImageClassification(ResNetConfig(**TINY, num_labels=5)))


@pytest.fixture(scope="module")
def folder(classifier, tmp_path_factory):
    place = tmp_path_factory.mktemp("resnet")
    classifier.save_pretrained(place)
    return place


@torch.no_grad()
def test_a_folder_gives_what_transformers_gives(classifier, folder):
    encoder = load_resnet(folder)
    expected = classifier.resnet(pixels()).pooler_output[:, :, 0, 0]
    torch.testing.assert_close(encoder(pixels()), expected, rtol=0, atol=1e-6)
    assert encoder.width == 32
    assert not encoder.training
    assert (encoder.mean, encoder.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@torch.no_grad()
def test_a_description_and_weights_rebuild_it(folder):
    encoder = load_resnet(folder)
    plain = json.loads(json.dumps(encoder.description))
    assert not {"id2label", "label2id"} & plain["config"].keys()
    again = empty_resnet(plain)
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again.eval()(pixels()), encoder(pixels()))
    assert (again.mean, again.std) == (encoder.mean, encoder.std)


def test_the_defaults_are_resnet_50():
    """torchvision's has 25,557,032 weights, 2,049,000 of them in the layer of ImageNet's classes."""
    detector = built(ResnetConfig())
    assert sum(one.numel() for one in detector.encoder.parameters()) == 25_557_032 - 2_049_000
    assert sum(one.numel() for one in detector.anchors.parameters()) == 2 * (2048 + 1)


@torch.no_grad()
def test_a_source_or_a_structure_decides_the_sizes(folder):
    loaded = built(ResnetConfig(source=str(folder), image_size=32))
    assert torch.equal(loaded.encoder(pixels()), load_resnet(folder)(pixels()))
    rebuilt = built(
        ResnetConfig(source="gone", image_size=32), structure=json.loads(json.dumps(structure_of(loaded)))
    )
    rebuilt.load_state_dict(loaded.state_dict())
    assert torch.equal(rebuilt.eval()(pixels()).attack_logit, loaded.eval()(pixels()).attack_logit)


def test_the_evidence_is_the_softmax_of_two_classes():
    """The cross-entropy of torch on the two outputs, and the log-odds of its softmax."""
    torch.manual_seed(0)
    head = SoftmaxHead(1, 6)
    embedding, label = torch.randn(5, 6), torch.tensor([0, 1, 1, 0, 1])
    two = embedding @ head.classes.weight.T + head.classes.bias
    logit = head(embedding)[:, 0]
    attack = torch.softmax(two, dim=1)[:, 1]
    torch.testing.assert_close(logit, torch.log(attack / (1 - attack)), rtol=0, atol=1e-5)
    ours = binary_cross_entropy_with_logits(logit, label.float())
    torch.testing.assert_close(ours, cross_entropy(two, label))


def test_the_head_worked_by_hand():
    head = SoftmaxHead(2, 2)
    with torch.no_grad():
        head.classes.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [0.0, 0.0]]))
        head.classes.bias.copy_(torch.tensor([0.0, 0.5, 0.0, -1.0]))
    # physical: (y + 0.5) - x; digital: -1 - (2 x + 2 y)
    assert head(torch.tensor([[3.0, 4.0]])).tolist() == [[1.5, -15.0]]
    assert head.features.tolist() == [[[1, 0], [0, 1]], [[2, 2], [0, 0]]]
    assert head.features.shape == (2, 2, 2)


@pytest.mark.parametrize("num_families", [1, len(FAMILIES)])
def test_the_exported_graph_agrees(num_families, tmp_path):
    config = ResnetConfig(
        image_size=32, stem_width=8, widths=(16, 32), depths=(1, 2), num_families=num_families
    )
    detector = moved(built(config))
    evidence = detector(pixels())
    assert evidence.family_logits.shape == (3, num_families)
    assert evidence.embedding.shape == (3, 32)
    contract = InputContract(finder="whole", size=32, min_face_px=8)
    export_onnx(detector, contract, tmp_path / "model.onnx", tolerance=1e-4)


def test_a_gradient_reaches_every_weight():
    detector = built(SMALL).train()
    detector(pixels()).attack_logit.sum().backward()
    assert [name for name, one in detector.named_parameters() if one.grad is None] == []


def test_basic_blocks():
    config = ResnetConfig(image_size=32, stem_width=8, widths=(8, 16), depths=(1, 1), layer_type="basic")
    assert math.prod(built(config).encoder(pixels()).shape) == 3 * 16


def test_sizes_that_do_not_fit():
    with pytest.raises(
        RecipeError, match=r"model.widths and model.depths must have as many stages; got 4 and 2$"
    ):
        built(ResnetConfig(depths=(1, 2)))


def test_a_folder_of_another_network(folder, tmp_path):
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    for plain, told in (
        ({"model_type": "vit"}, "must have the model_type resnet; it says vit; choose another source$"),
        (
            {"model_type": "resnet", "layer_type": "odd"},
            "must hold settings that fit together; .*layer_type=odd",
        ),
    ):
        (tmp_path / "config.json").write_text(json.dumps(plain))
        with pytest.raises(CheckpointError, match=told):
            load_resnet(tmp_path)


def test_a_missing_weight_is_named(folder, tmp_path):
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    weights = load_file(folder / "model.safetensors")
    weights.pop("resnet.encoder.stages.1.layers.1.layer.0.convolution.weight")
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        CheckpointError, match=r"stages\.1\.layers\.1\.layer\.0\.convolution\.weight is missing"
    ):
        load_resnet(tmp_path)


def test_the_folders_own_normalisation(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5, 0.5, 0.5]}))
    assert load_resnet(tmp_path).mean == (0.5, 0.5, 0.5)
    assert load_resnet(tmp_path).std == (0.229, 0.224, 0.225)


def test_colours_must_come_as_the_source_saw_them(folder):
    with pytest.raises(
        RecipeError, match=r"^contract.mean must be the encoder's own, .*; got \[0.5, 0.5, 0.5\]"
    ):
        built(ResnetConfig(source=str(folder), image_size=32), mean=(0.5, 0.5, 0.5))


def test_random_weights_learn_any_colours_and_follow_the_seed():
    one, same, other = (built(SMALL, mean=(0.5, 0.5, 0.5), seed=seed).state_dict() for seed in (0, 0, 1))
    name = "encoder.vision.embedder.embedder.convolution.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])
