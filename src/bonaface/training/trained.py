"""The detector that a run has left, or that two runs have left together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bonaface.errors import CheckpointError, first_line
from bonaface.models.architecture import build_detector
from bonaface.models.carried_over import carried_over
from bonaface.models.detector import Detector
from bonaface.models.low_rank import merge_low_rank
from bonaface.models.text_anchors import settled
from bonaface.models.two_scales import TwoScales
from bonaface.training.checkpoint import BEST, load_checkpoint
from bonaface.training.recipe import Recipe, from_dict


def detector_of_run(run: Path, *, size: int | None = None) -> tuple[Detector, Recipe]:
    """The detector with the best weights of a run, in eval mode, as it is deployed, and its recipe.

    A low-rank change is added to the weights that it changes, and texts that were learned with become plain anchors.

    Args:
        run: A folder that `bonaface train` wrote.
        size: Side of the crops that it shall judge, in pixels: positions are interpolated where it has learned from another, and
            the recipe that comes back has this one. None = as it was trained.

    Raises:
        CheckpointError: If the run has no whole checkpoint, or the weights do not fit the recipe.
        RecipeError: If the size does not fit the model.

    Reference: Touvron et al. 2019, Fixing the train-test resolution discrepancy, arXiv 1906.06423.
    """
    saved = load_checkpoint(run / BEST)
    recipe = from_dict(saved.recipe)
    if recipe.masking is not None:
        raise CheckpointError(
            f"{run} must be a run that has learned of attacks; it has guessed hidden cells; train a recipe with "
            f"--start-from {run}"
        )
    contract = recipe.contract
    is_resized = size is not None and size != contract.size
    if size is not None:
        recipe = recipe.of_size(size)
    detector = build_detector(
        recipe.model, mean=contract.mean, std=contract.std, seed=recipe.seed, structure=saved.structure
    )
    try:
        detector.load_state_dict(carried_over(saved.weights, detector) if is_resized else saved.weights)
    except RuntimeError as error:
        first = first_line(error)
        raise CheckpointError(f"{run / BEST} does not fit its recipe ({first}); train again") from None
    merge_low_rank(detector)
    return settled(detector), recipe


def with_smaller(detector: Detector, recipe: Recipe, beside: Path | None) -> Detector:
    """The detector of a run, and beside it that of another, which looks at the same crop at a smaller size; alone when None.

    Raises:
        CheckpointError: If the other run has no whole checkpoint, its crop is not smaller or differs in more than its size, or
            it judges other families.
    """
    if beside is None:
        return detector
    smaller, its_recipe = detector_of_run(beside)
    ours, its = recipe.contract, its_recipe.contract
    is_alike = replace(its, size=ours.size) == ours
    if not is_alike or its.size >= ours.size:
        raise CheckpointError(
            f"{beside} must look at the same crop at a smaller size than {ours.size} pixels; its crop has {its.size} pixels "
            f"and {'the same' if is_alike else 'other'} settings; train it with the contract of "
            "the first but for its size"
        )
    try:
        return TwoScales(detector, smaller, sizes=(ours.size, its.size)).eval()
    except ValueError as error:
        raise CheckpointError(f"{beside} does not fit beside the first run: {error}") from None
