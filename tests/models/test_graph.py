import contextlib
import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from bonaface.contract import InputContract
from bonaface.errors import BundleError
from bonaface.models.graph import DeployedDetector, export_onnx, random_crops, verify_parity
from bonaface.models.nano import NanoConfig, build_nano
from bonaface.models.pixels import normalise
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.models.species_head import SpeciesHead

CONTRACT = InputContract(size=32, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
TINY = NanoConfig(
    image_size=32,
    hidden_size=16,
    num_layers=1,
    num_heads=2,
    stem_widths=(4, 6, 8),
    embedding_size=8,
    experts=ExpertsConfig(num_experts=2, slots_per_expert=2, hidden=4, gate_init=0.5),
)


def tiny(seed: int = 0):
    """A detector whose batch norms have seen pictures, so that its scores depend on what it sees."""
    detector = build_nano(TINY, mean=CONTRACT.mean, std=CONTRACT.std, seed=seed)
    with torch.no_grad():
        detector.anchors.logit_scale.fill_(1.0)
        for step in range(30):
            detector(normalise(random_crops(8, 32, seed=step), mean=CONTRACT.mean, std=CONTRACT.std))
    return detector


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    detector = tiny()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        path = export_onnx(detector, CONTRACT, tmp_path_factory.mktemp("graph") / "model.onnx")
    assert said.getvalue() == ""
    assert detector.training  # left as it was
    return detector.eval(), path


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_the_interface_is_named_typed_and_dynamic_in_the_batch(exported):
    _, path = exported
    (crop,) = session(path).get_inputs()
    assert (crop.name, crop.type) == ("crop", "tensor(uint8)")
    assert isinstance(crop.shape[0], str)
    assert crop.shape[1:] == [32, 32, 3]
    outputs = session(path).get_outputs()
    assert [(o.name, o.type, len(o.shape)) for o in outputs] == [
        ("attack_score", "tensor(float)", 1),
        ("family_scores", "tensor(float)", 2),
    ]


def test_it_is_one_valid_file_of_the_asked_opset(exported):
    _, path = exported
    assert [p.name for p in path.parent.iterdir()] == ["model.onnx"]
    model = onnx.load(path)
    onnx.checker.check_model(model)
    assert {entry.version for entry in model.opset_import if entry.domain == ""} == {18}


@pytest.mark.parametrize("batch", [1, 3, 5])
@torch.no_grad()
def test_the_graph_agrees_with_torch(exported, batch):
    detector, path = exported
    crops = random_crops(batch, 32, seed=9)
    attack, families = session(path).run(["attack_score", "family_scores"], {"crop": crops.numpy()})
    evidence = detector(normalise(crops, mean=CONTRACT.mean, std=CONTRACT.std))
    np.testing.assert_allclose(attack, torch.sigmoid(evidence.attack_logit), atol=1e-4)
    np.testing.assert_allclose(families, torch.sigmoid(evidence.family_logits), atol=1e-4)
    np.testing.assert_allclose(attack, 1 - (1 - families).prod(axis=1), atol=1e-5)


def test_the_order_of_channels_matters(exported):
    _, path = exported
    crops = random_crops(1, 32, seed=4).numpy()
    crops[..., 2] //= 4
    rgb, bgr = (session(path).run(["attack_score"], {"crop": c})[0] for c in (crops, crops[..., ::-1].copy()))
    assert np.abs(rgb - bgr).max() > 1e-4


def test_another_models_file_is_refused(exported):
    _, path = exported
    other = DeployedDetector(tiny(seed=1).eval(), mean=CONTRACT.mean, std=CONTRACT.std)
    with pytest.raises(BundleError, match="must agree with torch"):
        verify_parity(other, path, size=32)


def test_scores_that_are_not_numbers_are_refused(exported):
    _, path = exported
    broken = DeployedDetector(tiny().eval(), mean=(float("nan"),) * 3, std=CONTRACT.std)
    with pytest.raises(BundleError, match="differs by nan"):
        verify_parity(broken, path, size=32)


@pytest.mark.slow
def test_a_crop_and_its_mirror_image_get_the_same_scores(tmp_path):
    """The mean of the log-odds of both, worked out with the plain graph's parts."""
    detector = tiny().eval()
    path = export_onnx(detector, CONTRACT, tmp_path / "mirrored.onnx", is_mirrored=True)
    crops = random_crops(3, CONTRACT.size, seed=5)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    attack, families = session.run(["attack_score", "family_scores"], {"crop": crops.numpy()})
    flipped = np.ascontiguousarray(crops.numpy()[:, :, ::-1])
    again, _ = session.run(["attack_score", "family_scores"], {"crop": flipped})
    np.testing.assert_allclose(attack, again, atol=1e-5)
    one_by_one = [
        detector(normalise(torch.from_numpy(view), mean=CONTRACT.mean, std=CONTRACT.std)).family_logits
        for view in (crops.numpy(), flipped)
    ]
    odds = ((one_by_one[0] + one_by_one[1]) / 2).detach().numpy().astype(np.float64)
    chances = 1 / (1 + np.exp(-odds))
    np.testing.assert_allclose(families, chances, atol=1e-4)
    np.testing.assert_allclose(attack, 1 - np.prod(1 - chances, axis=1), atol=1e-4)


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_species_come_out_beside_the_scores_and_change_none(exported, tmp_path, is_mirrored):
    detector, _ = exported
    generator = torch.Generator().manual_seed(4)
    head = SpeciesHead(
        ("print", "replay", "swap"),
        3 * torch.randn(3, 8, generator=generator),
        torch.tensor([0.0, 1.0, -1.0]),
    )
    path = export_onnx(detector, CONTRACT, tmp_path / "told.onnx", species=head, is_mirrored=is_mirrored)
    plain = export_onnx(detector, CONTRACT, tmp_path / "plain.onnx", is_mirrored=is_mirrored)
    crops = random_crops(5, 32, seed=9)
    attack, families, species = session(path).run(None, {"crop": crops.numpy()})
    for found, wanted in zip(
        (attack, families), session(plain).run(None, {"crop": crops.numpy()}), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert [output.name for output in session(path).get_outputs()][2] == "species_scores"
    views = [crops, crops.flip(2)] if is_mirrored else [crops]
    with torch.no_grad():
        wanted = torch.stack(
            [head(detector.embed(normalise(view, mean=CONTRACT.mean, std=CONTRACT.std))) for view in views]
        ).mean(dim=0)
    np.testing.assert_allclose(species, wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(species.sum(axis=1), 1, atol=1e-5)
