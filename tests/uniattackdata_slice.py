"""A few lines in the shapes of the official lists, and pictures for them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

DATA = "UniAttackData/Data"
LIVE = {
    "train": f"{DATA}/live/africa/AF-001/real.rssdk/color/0012.jpg",
    "dev": f"{DATA}/live/central-asia/CA-002/real.rssdk/color/0070.jpg",
    "test": f"{DATA}/live/east-asia/EA-003/real.rssdk/color/0092.jpg",
}
PHYSICAL = {
    "train": f"{DATA}/spoof/east-asia/EA-003/cloth-indoor/color/0042.jpg",
    "dev": f"{DATA}/spoof/africa/AF-001/cloth-outdoor/color/0145.jpg",
    "test": f"{DATA}/spoof/central-asia/CA-002/screen-rs/color/0219.jpg",
}
ADVERSARIAL = {
    "train": f"{DATA}/adv-attacks/ila_da/ila_da_africa-112x112/AF-001/0081.jpg",
    "dev": f"{DATA}/adv-attacks/alma/alma_central-asia-112x112/CA-002/0092.jpg",
    "test": f"{DATA}/adv-attacks/fgtm/ai_fgtm_east-asia-112x112/EA-003/0057.jpg",
}
DIGITAL = {
    "train": f"{DATA}/DaGAN/central-asia_faces/CA-002-To-AF-549/27.jpg",
    "dev": f"{DATA}/FaceDancer/africa/EA-130-To-AF-001/real.rssdk/color/0122.jpg",
    "test": f"{DATA}/OneShotTH/east-asia/EA-003-To-ref2/27.jpg",
}


def write_lists(folder: Path, protocol: str = "p1", *, codes: str = "0123", kinds=None) -> Path:
    """The three lists of a protocol: a line of each kind, labelled by the code at its place."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = kinds or dict.fromkeys(LIVE, (0, 1, 2, 3))
    for split, chosen in kinds.items():
        lines = [f"{(LIVE, PHYSICAL, ADVERSARIAL, DIGITAL)[one][split]} {codes[one]}\n" for one in chosen]
        (folder / f"UniAttackData@{protocol}_image_{split}.txt").write_text("".join(lines))
    return folder


def write_pictures(root: Path) -> Path:
    """A picture at every path: 112 x 112 for adversarial ones, 64 x 48 for others."""
    for number, path in enumerate(
        path for paths in (LIVE, PHYSICAL, ADVERSARIAL, DIGITAL) for path in paths.values()
    ):
        height, width = (112, 112) if "adv-attacks" in path else (48, 64)
        picture = np.full((height, width, 3), 10 * number, np.uint8)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
    return root
