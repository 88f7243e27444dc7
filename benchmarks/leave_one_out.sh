#!/usr/bin/env bash
# One species unseen: for each of SimUAD's, a detector of the default's kind that never learned from it, and what that makes of it.
#   benchmarks/leave_one_out.sh FACES_FOLDER      FACES_FOLDER has manifest.csv; after unseen_family.sh, 40 minutes on two CPU cores
# Each goes on from the weights of unseen_family.sh that lack the species' whole family, and learns from every other kind.
set -euo pipefail
cd "$(dirname "$0")/.."
. benchmarks/stages.sh

simuad_of runs/bonafide.csv
launcher=$in_pairs

without() {  # list of SimUAD that lacks the family, species, simulations that make it
  stage told_start "runs/without-$2" --data runs/bonafide.csv --start-from "runs/unseen-$1" --set epochs=1 \
    --set samples_per_epoch=9600 --set optimisation.lr_new=2e-3 $(printf -- ' --set mixture.shares.%s=0' "${@:3}")
}
for species in print replay cutout paper_mask mask_3d; do without S2.1 $species $species; done
without S2.2 faceswap faceswap swap
for species in reenactment attribute_edit morph generated injection; do without S2.2 $species $species; done
$python benchmarks/leave_one_out.py runs/simuad runs --size 224 --out benchmarks/results/leave_one_out.json
