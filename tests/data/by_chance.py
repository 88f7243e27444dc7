"""How often what is drawn after the camera changes a picture."""

import numpy as np

from bonaface.data.augmentation import Augmentation
from bonaface.data.development import after_camera
from bonaface.types import Picture


def share_changed(picture: Picture, how: Augmentation) -> float:
    """Of 60 draws."""
    changed = [
        (after_camera(picture, np.random.default_rng(number), how) != picture).any() for number in range(60)
    ]
    return float(np.mean(changed))
