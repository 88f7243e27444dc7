"""Are the prepared crops fair? AUC of probes that must not tell attack from bona fide.

    python benchmarks/shortcut_probes.py runs/simulated/manifest.csv --out benchmarks/results/shortcut_probes.json

Single numbers are judged by their AUC on the test rows, attacks pooled and by species: 0.40 to 0.60 is fair. Two
are warnings with their number, since they also see what an attack itself does to a picture: the crop's blockiness,
which any texture lowers, dots and moire too; and the background probe, a small classifier (8 x 8 colour thumbnail
and local contrast of the crop with the head painted over, fitted on dev), which paper and screens reach as well.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bonaface.bundle import bundle_folder, read_card
from bonaface.data.manifest import read_manifest
from bonaface.data.probes import background_alone, probes
from bonaface.data.splits import assigned
from bonaface.errors import PictureError
from bonaface.evaluation.curves import auc_of
from bonaface.faces.crop import prepare
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.faces.picture import read_picture
from bonaface.vocabulary import Split

FAIR = (0.40, 0.60)
WARNINGS = ("crop_blockiness", "background")


def descriptor(background):
    thumbnail = cv2.resize(background, (8, 8), interpolation=cv2.INTER_AREA).ravel() / 255
    grey = cv2.cvtColor(background, cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrast = cv2.resize(
        np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2)), (8, 8), interpolation=cv2.INTER_AREA
    )
    return np.concatenate([thumbnail, contrast.ravel() / 16])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    contract, finder = read_card(bundle_folder()).contract, DlibHogFinder()
    manifest = assigned(read_manifest(arguments.manifest)).of_split(Split.DEV, Split.TEST)
    numbers, backgrounds, rows = [], [], []
    for row in manifest.rows:
        path = manifest.picture_path(row)
        picture = read_picture(path)
        faces = finder.find(picture)
        try:
            if faces:
                found = probes(picture, faces[0].box, contract, file_bytes=path.stat().st_size)
                crop = prepare(picture, faces[0].box, contract).pixels
                numbers.append(asdict(found))
                backgrounds.append(descriptor(background_alone(crop, contract)))
                rows.append(row)
        except PictureError:
            continue
    is_test = np.array([row.split is Split.TEST for row in rows])
    is_attack = np.array([not row.is_bonafide for row in rows])
    species = np.array([row.species.name for row in rows])
    columns = {name: np.array([one[name] for one in numbers]) for name in numbers[0]}
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    classifier.fit(np.array(backgrounds)[~is_test], is_attack[~is_test])
    columns["background"] = classifier.decision_function(np.array(backgrounds))
    kinds = sorted(set(species) - {"bonafide"})
    result = {}
    print(f"{'probe':24} {'pooled':>7} " + " ".join(f"{kind:>9}" for kind in kinds))
    for name, values in columns.items():
        by_kind = {}
        for kind in kinds:
            keep = is_test & ((species == kind) | ~is_attack)
            by_kind[kind] = float(auc_of(values[keep], is_attack[keep]))
        pooled = float(auc_of(values[is_test], is_attack[is_test]))
        is_fair = FAIR[0] <= pooled <= FAIR[1]
        result[name] = {
            "pooled": pooled,
            "is_fair": is_fair,
            "is_warning": name in WARNINGS,
            "species": by_kind,
        }
        mark = "" if is_fair else "  outside 0.40 to 0.60" + " (a warning)" * (name in WARNINGS)
        print(f"{name:24} {pooled:7.3f} " + " ".join(f"{by_kind[kind]:9.3f}" for kind in kinds) + mark)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps({"rows": int(is_test.sum()), "probes": result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
