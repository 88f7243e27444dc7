"""The training loop, in order and in plain sight: step, log, judge, keep, save."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from bonaface.data.dataset import SimulatedFaces
from bonaface.errors import CheckpointError
from bonaface.models.detector import Detector
from bonaface.models.nano import build_nano
from bonaface.models.pixels import normalise
from bonaface.training import checkpoint
from bonaface.training.judgement import DevFigures, judge
from bonaface.training.losses import evidence_loss
from bonaface.training.material import Material
from bonaface.training.recipe import Recipe, to_dict
from bonaface.training.schedule import optimiser, schedule

LAST, BEST, EVENTS = "last", "best", "events.jsonl"


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Attributes:
        progress: Where it stands.
        is_finished: False when it was asked to stop before its last epoch; `last` then resumes exactly.
        seconds: Spent in this process.
    """

    progress: checkpoint.Progress
    is_finished: bool
    seconds: float


def train(recipe: Recipe, material: Material, out: Path, *, is_resumed: bool = False) -> Result:
    """Run the recipe; `out` gets checkpoints `last` and `best`, and a line an event in `events.jsonl`.

    Runs on one CPU, on one GPU, or on many under `torchrun`, as accelerate finds them. On SIGTERM or SIGINT the
    step under way ends, `last` is saved, and the run returns unfinished.

    Args:
        recipe: What to do.
        material: What to learn from.
        out: The run's folder.
        is_resumed: Continue from `last`, with the same samples and rates as if nothing had happened.

    Raises:
        CheckpointError: If `last` is missing, cut, or of another recipe.
    """
    started = time.monotonic()
    cv2.setNumThreads(1)  # before workers fork: a child that inherits OpenCV's thread pool waits for it forever
    accelerator = Accelerator()
    run = _Run(recipe, material, out, accelerator)
    if is_resumed:
        run.resume()
    with stop_requests() as stop, run.bar() as bar:
        while run.progress.epoch < recipe.epochs:
            epoch_started = time.monotonic()
            losses = run.learn(stop, bar)
            if stop.is_set():
                run.save_last()
                return Result(run.progress, False, time.monotonic() - started)
            figures = run.judge()
            run.keep_if_best(figures)
            run.log(
                "epoch",
                epoch=run.progress.epoch,
                loss=sum(losses) / max(1, len(losses)),
                lr=run.scheduler.get_last_lr()[0],
                dev=asdict(figures),
                best_epoch=run.progress.best_epoch,
                seconds=round(time.monotonic() - epoch_started, 1),
            )
            run.progress = replace(run.progress, epoch=run.progress.epoch + 1, step=0)
            run.save_last()
            bar.console.print(run.line(figures), highlight=False)
    return Result(run.progress, True, time.monotonic() - started)


class _Run:
    """The moving parts of one run."""

    def __init__(self, recipe: Recipe, material: Material, out: Path, accelerator: Accelerator) -> None:
        self.recipe, self.out, self.accelerator = recipe, out, accelerator
        self.progress = checkpoint.Progress()
        self.dev_names = material.dev.species_names
        self.samples = SimulatedFaces(
            material.scenes,
            contract=recipe.contract,
            mixture=recipe.mixture,
            augmentation=recipe.augmentation,
            length=recipe.samples_per_epoch,
            seed=recipe.seed,
        )
        self.loader, self.dev_loader = accelerator.prepare(
            loader_of(self.samples, recipe, drops_last=True), loader_of(material.dev, recipe, drops_last=False)
        )
        raw = build_nano(
            recipe.model, mean=recipe.contract.mean, std=recipe.contract.std, seed=recipe.seed
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = accelerator.prepare(raw)
        how = recipe.optimisation
        self.optimizer = accelerator.prepare(optimiser(self.model, how))
        # stepped once a step by hand: accelerate would step it once a process
        self.scheduler = schedule(
            self.optimizer, num_steps=len(self.loader) * recipe.epochs, warmup_share=how.warmup_share
        )
        self.average = averaged(self.bare, decay=how.ema_decay)
        out.mkdir(parents=True, exist_ok=True)

    @property
    def bare(self) -> Detector:
        """The model without accelerate's wrapping."""
        model: Detector = self.accelerator.unwrap_model(self.model)
        return model

    def learn(self, stop: threading.Event, bar: Progress) -> list[float]:
        """The rest of the epoch under way; ends early, on a whole step, when `stop` is set."""
        recipe, how, losses = self.recipe, self.recipe.optimisation, []
        self.samples.set_epoch(self.progress.epoch)
        self.model.train()
        task = bar.add_task(f"epoch {self.progress.epoch + 1}/{recipe.epochs}", total=len(self.loader))
        bar.update(task, completed=self.progress.step)
        loader = self.accelerator.skip_first_batches(self.loader, self.progress.step)
        for batch in loader:
            # dropout's draws belong to the step, so that a resumed run repeats them
            set_seed(recipe.seed + 1_000_003 * (self.progress.epoch * len(self.loader) + self.progress.step))
            pixels = normalise(batch["crop"], mean=recipe.contract.mean, std=recipe.contract.std)
            with self.accelerator.autocast():
                evidence = self.model(pixels.contiguous(memory_format=torch.channels_last))
            loss = evidence_loss(
                evidence,
                label=batch["label"],
                targets=batch["targets"],
                known=batch["known"],
                label_smoothing=how.label_smoothing,
                combined_weight=how.combined_weight,
            )
            self.accelerator.backward(loss)
            self.accelerator.clip_grad_norm_(self.model.parameters(), how.clip_norm)
            self.optimizer.step()
            self.scheduler.step()
            self.optimizer.zero_grad()
            self.average.update_parameters(self.bare)
            self.progress = replace(self.progress, step=self.progress.step + 1)
            losses.append(float(loss.detach()))
            bar.update(task, advance=1, description=f"epoch {self.progress.epoch + 1}/{recipe.epochs} loss {losses[-1]:.3f}")
            if stop.is_set():
                break
        bar.remove_task(task)
        return losses

    def judge(self) -> DevFigures:
        """Figures of the averaged weights on dev."""
        return judge(
            self.average.module, self.dev_loader, self.accelerator,
            contract=self.recipe.contract, species_names=self.dev_names,
        )  # fmt: skip

    def keep_if_best(self, figures: DevFigures) -> None:
        """Save the averaged weights as `best` when dev says that they are."""
        if figures.mean_auc <= self.progress.best_value:
            return
        self.progress = replace(self.progress, best_epoch=self.progress.epoch, best_value=figures.mean_auc)
        if self.accelerator.is_main_process:
            checkpoint.save_checkpoint(
                self.out / BEST, weights=self.average.module.state_dict(), loop=None,
                progress=self.progress, recipe=to_dict(self.recipe),
            )  # fmt: skip

    def save_last(self) -> None:
        """Save everything that resuming needs."""
        if self.accelerator.is_main_process:
            checkpoint.save_checkpoint(
                self.out / LAST,
                weights=self.bare.state_dict(),
                loop={
                    "optimizer": self.optimizer.state_dict(),
                    "scheduler": self.scheduler.state_dict(),
                    "average": self.average.state_dict(),
                },
                progress=self.progress,
                recipe=to_dict(self.recipe),
            )
        self.accelerator.wait_for_everyone()

    def resume(self) -> None:
        """Take everything back from `last`."""
        saved = checkpoint.load_checkpoint(self.out / LAST)
        if saved.recipe != to_dict(self.recipe):
            raise CheckpointError(
                f"{self.out / LAST} is of another recipe; resume with the settings it was started with, "
                f"or choose another --out"
            )
        self.bare.load_state_dict(saved.weights)
        self.optimizer.load_state_dict(saved.loop["optimizer"])
        self.scheduler.load_state_dict(saved.loop["scheduler"])
        self.average.load_state_dict(saved.loop["average"])
        self.progress = saved.progress

    def log(self, event: str, **values: Any) -> None:
        """One line in `events.jsonl`."""
        if self.accelerator.is_main_process:
            with (self.out / EVENTS).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"event": event, "time": round(time.time(), 1), **values}) + "\n")

    def line(self, figures: DevFigures) -> str:
        """The epoch in one line."""
        species = "  ".join(f"{name} {value:.3f}" for name, value in figures.species_auc.items())
        mark = "  best" if self.progress.best_epoch == self.progress.epoch - 1 else ""
        return f"epoch {self.progress.epoch:3d}  dev AUC mean {figures.mean_auc:.4f}  {species}{mark}"

    def bar(self) -> Progress:
        """A progress bar on the main process."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, disable=not self.accelerator.is_main_process)


def averaged(model: nn.Module, *, decay: float) -> AveragedModel:
    """An exponential average of weights and buffers whose decay rises from 0 to `decay` in the first steps."""

    def mix(average: torch.Tensor, value: torch.Tensor, num: torch.Tensor | int) -> torch.Tensor:
        if not average.is_floating_point():
            return value
        now = min(decay, (1 + float(num)) / (10 + float(num)))
        return torch.lerp(average, value, 1 - now)

    return AveragedModel(model, avg_fn=mix, use_buffers=True)


def loader_of(dataset: Any, recipe: Recipe, *, drops_last: bool) -> DataLoader[Any]:
    """Batches in the order of the indices: the samples themselves are drawn at random."""
    return DataLoader(
        dataset,
        batch_size=recipe.batch_size,
        num_workers=recipe.num_workers,
        drop_last=drops_last,
        worker_init_fn=_deaf,
        pin_memory=torch.cuda.is_available(),
    )


def _deaf(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the loop decides when to stop
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, instead of ending the process."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.set()

    old = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
