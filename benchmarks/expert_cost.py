"""What experts cost beside plain CLIP ViT-B/16: time of one pass and parameters.

    python benchmarks/expert_cost.py --out benchmarks/results/expert_cost.json

Weights are random: they decide nothing about time. All models run in turn within every round, one pass each, and the
ratio to plain CLIP is taken within the round; shown is the median over rounds with its quartiles, which a busy machine
moves far less than the milliseconds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from bonaface.models.backbones import Backbone
from bonaface.models.graph import quiet
from bonaface.models.insertion import insert_experts
from bonaface.models.soft_moe import ExpertsConfig

PLAIN = "plain"
NARROW = ExpertsConfig(gate_init=0.1)
MODELS = {
    PLAIN: None,
    "SoftMoE, experts of 64": replace(NARROW, combine="softmax", in_enabled=False),
    "La-SoftMoE, experts of 64": NARROW,
    "La-SoftMoE, experts of 64, 32 slots": replace(NARROW, slots_per_expert=32),
    "La-SoftMoE, full width": replace(NARROW, hidden=3072),
}
VIT_B16 = CLIPVisionConfig(
    hidden_size=768,
    intermediate_size=3072,
    num_hidden_layers=12,
    num_attention_heads=12,
    image_size=224,
    patch_size=16,
    projection_dim=512,
)
TINY = CLIPVisionConfig(
    hidden_size=64,
    intermediate_size=256,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=32,
    patch_size=8,
    projection_dim=16,
)


def backbone(config, experts):
    torch.manual_seed(0)
    made = Backbone(CLIPVisionModelWithProjection(config), mean=(0.5,) * 3, std=(0.25,) * 3)
    if experts is not None:
        insert_experts(made, experts)
    return made.eval()


def exported(model, path, size):
    with quiet(), torch.no_grad():
        torch.onnx.export(
            model,
            (torch.zeros(2, 3, size, size),),
            path,
            dynamo=True,
            opset_version=18,
            input_names=["pixels"],
            dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
            external_data=False,
            verbose=False,
        )
    return path


def passes(models, paths, engine, threads, batch, size):
    """By model, a function that runs one pass."""
    pixels = np.random.default_rng(0).normal(size=(batch, 3, size, size)).astype(np.float32)
    if engine == "torch":
        torch.set_num_threads(threads)
        tensor = torch.from_numpy(pixels)
        return {name: lambda m=model: m(tensor) for name, model in models.items()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # waiting threads of one model would take the core from the next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    sessions = {
        name: onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for name, path in paths.items()
    }
    return {name: lambda s=session: s.run(None, {"pixels": pixels}) for name, session in sessions.items()}


def timed(calls, rounds):
    """Milliseconds of every model in every round, all models in turn."""
    times = {name: [] for name in calls}
    with torch.inference_mode():
        for number in range(rounds + 1):
            for name, call in calls.items():
                started = time.perf_counter()
                call()
                if number:  # the first round warms up
                    times[name].append(1e3 * (time.perf_counter() - started))
    return times


def summary(times, parameters):
    rows = []
    for name, found in times.items():
        ratios = [own / plain for own, plain in zip(found, times[PLAIN], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        rows.append(
            {
                "model": name,
                "median_ms": round(statistics.median(found), 1),
                "ratio": round(middle, 3),
                "quartiles": [round(low, 3), round(high, 3)],
                "more_parameters": parameters[name] - parameters[PLAIN],
            }
        )
    return rows


def table(results):
    shown = Table(title="Experts beside plain CLIP ViT-B/16")
    for column in ("engine", "threads", "batch", "model", "ms", "ratio", "quartiles", "more parameters"):
        shown.add_column(column)
    for result in results:
        for row in result["models"]:
            shown.add_row(
                result["engine"],
                str(result["threads"]),
                str(result["batch"]),
                row["model"],
                f"{row['median_ms']:.1f}",
                f"{row['ratio']:.3f}",
                "{:.3f} to {:.3f}".format(*row["quartiles"]),
                f"{row['more_parameters'] / 1e6:.1f} M",
            )
    return shown


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--model",
        action="append",
        choices=[name for name in MODELS if name != PLAIN],
        help="beside plain; all by default",
    )
    parser.add_argument("--tiny", action="store_true", help="a network of toy size, to try the script")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    config = TINY if arguments.tiny else VIT_B16
    chosen = (PLAIN, *(arguments.model or MODELS))
    models = {name: backbone(config, experts) for name, experts in MODELS.items() if name in chosen}
    parameters = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    settings = [
        (engine, threads, batch)
        for engine in ("torch", "onnxruntime")
        for threads in (1, 2)
        for batch in (1, 8)
    ]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            name: exported(model, Path(folder) / f"{number}.onnx", config.image_size)
            for number, (name, model) in enumerate(models.items())
        }
        for engine, threads, batch in track(settings, console=Console(file=sys.stderr)):
            rounds = max(3, arguments.rounds // (2 if batch > 1 else 1))
            times = timed(passes(models, paths, engine, threads, batch, config.image_size), rounds)
            results.append(
                {
                    "engine": engine,
                    "threads": threads,
                    "batch": batch,
                    "rounds": rounds,
                    "models": summary(times, parameters),
                }
            )
    Console(width=120).print(table(results))
    if arguments.out:
        found = {
            "machine": platform.processor() or platform.machine(),
            "parameters": parameters,
            "results": results,
        }
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
