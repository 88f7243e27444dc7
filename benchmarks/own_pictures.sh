#!/usr/bin/env bash
# What do genuine pictures of one's own cameras bring? The default goes on with the dev half of the faces from elsewhere beside its pool, and with
# generated portraits as attacks; both are then measured on the test half: other people, and of many packages other cameras.
#   benchmarks/own_pictures.sh FACES_FOLDER [ARCHIVES]      FACES_FOLDER has manifest.csv; an hour on two CPU cores
# What is trained here is not shipped: those pictures may be looked at, and no licence lets weights be made of them.
set -euo pipefail
cd "$(dirname "$0")/.."
archives=$(realpath -m "${2:-runs/archives}")
. benchmarks/stages.sh

launcher=$in_pairs
[ -f runs/own/manifest.csv ] || $python benchmarks/elsewhere_faces.py "$archives" runs/own --origin packages --origin snapshots \
  --origin celebrities --origin deputies --split train --beside "$faces/manifest.csv"
stage small_told_finish runs/own-small --data runs/own/manifest.csv --start-from small --set optimisation.start_share=0 \
  --set mixture.shares.diffusion=0.05 --set mixture.compared_digital=0
simuad_of runs/bonafide.csv
simulated_set "$faces"
[ -d runs/own-bundle ] || $bonaface export runs/own-small runs/own-bundle --data runs/simulated/manifest.csv --name own
$python benchmarks/candidates.py "$faces/manifest.csv" "$archives" runs/simuad --bundle small --bundle runs/own-bundle --half test \
  --out benchmarks/results/own_pictures.json
$python docs/generate_results.py
