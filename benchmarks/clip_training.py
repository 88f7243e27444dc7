"""A CLIP ViT-B/16 with experts on a CPU: it trains, is stopped, goes on, is exported, and what memory that takes.

    python benchmarks/clip_training.py --out benchmarks/results/clip_training.json

The encoder is of full size and of random weights, from a folder that is written first; nothing is fetched. Everything
learns, from pairs, eight pictures a step. Each part is a process of its own, and its peak memory is what the system says
of it. `--size tiny` tries the script itself out in a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

STEPS, BATCH = 20, 8
SIZES = {
    "base": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
             "image_size": 224, "patch_size": 16, "projection_dim": 512},
    "tiny": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
             "image_size": 64, "patch_size": 16, "projection_dim": 16},
}  # fmt: skip
PARTS = {"plain": False, "recomputed": True, "halved": False}
"""What runs in a process of its own, and whether activations are recomputed."""


def written_encoder(folder, size):
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    CLIPVisionModelWithProjection(CLIPVisionConfig(**SIZES[size])).save_pretrained(folder)


def written_pictures(folder, side):
    """As many pairs as the steps need, and one batch of dev; attacks have stripes."""
    from bonaface.data.manifest import Row, write_manifest
    from bonaface.vocabulary import SPECIES, Split

    folder.mkdir()
    rows, rng = [], np.random.default_rng(0)
    for split, count in ((Split.TRAIN, STEPS * BATCH // 2), (Split.DEV, BATCH // 2)):
        for name in ("bonafide", "print"):
            for number in range(count):
                pixels = cv2.resize(rng.integers(0, 200, (8, 8, 3), np.uint8), (side, side))
                if name == "print":
                    pixels[::4] += 50
                path = f"{split}-{name}-{number}.png"
                cv2.imwrite(str(folder / path), pixels)
                species = SPECIES[name]
                rows.append(Row(path, species.label, species, f"{split}-{name}-{number}", split))
    write_manifest(folder / "manifest.csv", rows)


def recipe_for(encoder, size, *, is_recomputed):
    from bonaface.models.architecture import BackboneConfig
    from bonaface.training.recipes import recipe_named

    recipe, side = recipe_named("practical"), SIZES[size]["image_size"]
    return replace(
        recipe,
        model=BackboneConfig(source=str(encoder), image_size=side, prompts=None, tuned="all"),
        contract=replace(recipe.contract, size=side, through_size=side * 4 // 3),
        data=replace(recipe.data, resize=side * 4 // 3),
        optimisation=replace(recipe.optimisation, is_recomputed=is_recomputed),
        epochs=1, batch_size=BATCH, num_workers=0, mixed_precision="no",
    )  # fmt: skip


def stop_after(steps):
    """Ask this process to stop in the step after so many."""
    from bonaface.training import detection

    real, seen = detection.evidence_loss, []

    def evidence_loss(*args, **settings):
        seen.append(1)
        if len(seen) == steps + 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **settings)

    detection.evidence_loss = evidence_loss


def peak_gb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3)


def run_part(part, folder, size):
    """Train in this process; of the halved part as far as its state allows. Prints what came of it as JSON."""
    import torch

    from bonaface.faces.whole import WholePicture
    from bonaface.training.memory import keep_freed_memory
    from bonaface.training.run import run_recipe

    keep_freed_memory()
    out = folder / part
    is_resumed = out.exists()
    if part == "halved" and not is_resumed:
        stop_after(STEPS // 2)
    before, started = peak_gb(), time.perf_counter()
    result = run_recipe(
        recipe_for(folder / "encoder", size, is_recomputed=PARTS[part]),
        folder / "pictures/manifest.csv", out, finder=WholePicture(), command="benchmark", is_resumed=is_resumed,
    )  # fmt: skip
    print(json.dumps({
        "is_finished": result.is_finished, "steps": result.progress.step, "seconds": round(time.perf_counter() - started, 1),
        "before_gb": before, "peak_gb": peak_gb(), "threads": torch.get_num_threads(),
    }))  # fmt: skip


def in_a_process(part, folder, size):
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder), "--size", size]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def largest_difference(folder):
    """Of any weight after the straight run and after the halved one."""
    from bonaface.training.checkpoint import load_checkpoint

    one, other = (load_checkpoint(folder / part / "last").weights for part in ("plain", "halved"))
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


def exported(folder):
    """The bundle's parameters and size, and the largest difference of a score between ONNX Runtime and torch."""
    import torch

    from bonaface.bundle import self_test_crops
    from bonaface.inference.session import Session
    from bonaface.models.graph import DeployedDetector
    from bonaface.training.export import export_run
    from bonaface.training.trained import detector_of_run

    started = time.perf_counter()
    card = export_run(folder / "halved", folder / "bundle", version="0", licence="CC0-1.0")
    seconds = time.perf_counter() - started
    detector, _ = detector_of_run(folder / "halved")
    deployed = DeployedDetector(detector, mean=card.contract.mean, std=card.contract.std)
    noise = np.random.default_rng(0).integers(
        0, 256, (4, card.contract.size, card.contract.size, 3), np.uint8
    )
    session, differences = Session(folder / "bundle"), []
    for crops in (self_test_crops(card.contract.size), noise):
        with torch.no_grad():
            expected = deployed(torch.from_numpy(crops))
        scores = session.score(crops)
        differences += [
            np.abs(want.numpy() - got).max()
            for want, got in zip(expected, (scores.attack, scores.families), strict=True)
        ]
    return {
        "parameters": sum(one.numel() for one in detector.parameters()),
        "bundle_mb": round(card.model.bytes / 1e6, 1),
        "export_s": round(seconds, 1),
        "parity": float(max(differences)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size = arguments.size
    if arguments.part:
        run_part(arguments.part, arguments.folder, size)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written_encoder(folder / "encoder", size)
        written_pictures(folder / "pictures", SIZES[size]["image_size"] * 4 // 3)
        plain, recomputed = in_a_process("plain", folder, size), in_a_process("recomputed", folder, size)
        stopped, resumed = in_a_process("halved", folder, size), in_a_process("halved", folder, size)
        result = {
            "size": size, "steps": STEPS, "batch_size": BATCH, "threads": plain["threads"],
            "plain": {"peak_gb": plain["peak_gb"], "seconds": plain["seconds"]},
            "recomputed": {"peak_gb": recomputed["peak_gb"], "seconds": recomputed["seconds"]},
            "before_training_gb": plain["before_gb"],
            "stopped_at": stopped["steps"], "is_resumed": resumed["is_finished"],
            "difference_after_resuming": largest_difference(folder),
            **exported(folder),
            "machine": platform.machine(), "python": platform.python_version(),
        }  # fmt: skip
    print(json.dumps(result, indent=1))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
