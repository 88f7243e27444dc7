#!/usr/bin/env bash
# A whole family unseen: SimUAD's S2.1 (physical attacks) and S2.2 (digital ones), by simulated clues of that family alone.
#   benchmarks/unseen_family.sh FACES_FOLDER      FACES_FOLDER has manifest.csv; half an hour on two CPU cores, and SimUAD beside
# The detectors learn from the bona fide pictures of the people that SimUAD trains on, by the variants that it gives to training, as
# those of S1 do. SPSC and SDSC, and the clues without a mechanism, are no attack of either list: they stand for the family that is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. benchmarks/stages.sh

simuad_of runs/bonafide.csv
launcher=$in_pairs

unseen() {  # protocol, then the shares that differ from the recipe's
  protocol=$1; shift
  stage told_start "runs/unseen-$protocol" --data runs/bonafide.csv --set epochs=5 --set samples_per_epoch=9600 \
    "${@/#/--set=mixture.shares.}"
  measured_by "$protocol" "runs/unseen-$protocol" "simuad_$protocol.json" --size 224
}
unseen S2.1 print=0 replay=0 cutout=0 paper_mask=0 mask_3d=0 spsc=0.12 rendition=0.25
unseen S2.2 faceswap=0 swap=0 reenactment=0 attribute_edit=0 morph=0 generated=0 injection=0 sdsc=0.15 patchwork=0.25
