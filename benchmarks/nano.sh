#!/usr/bin/env bash
# Train, measure and embed the bundle `nano`.
#   benchmarks/nano.sh FACES_FOLDER      FACES_FOLDER has manifest.csv; two hours on two CPU cores
set -euo pipefail
cd "$(dirname "$0")/.."
faces=$(realpath "${1:?give the folder that has manifest.csv}")
. benchmarks/stages.sh
bundle=src/bonaface/bundles/nano

# No stage sees a generated portrait. The first sees no variant of SimUAD's dev and test: it is what those are measured with.
mkdir -p runs
bona_fide_of "$faces" runs/bonafide.csv
stage nano runs/nano --data runs/bonafide.csv
simuad_of runs/bonafide.csv
measured_by S1 runs/nano simuad_S1.json
$python benchmarks/unseen_generated.py "$faces/manifest.csv" --bundle runs/nano-bundle \
  --out benchmarks/results/unseen_generated.json

# The second stage, which ships. Its weights are those of 0.4.0.
stage nano_finish runs/nano-finish --data runs/bonafide.csv --start-from runs/nano
simulated_set "$faces"
$python benchmarks/shortcut_probes.py runs/simulated/manifest.csv --out benchmarks/results/shortcut_probes.json

$bonaface export runs/nano-finish "$bundle" --data runs/simulated/manifest.csv --evaluation runs/evaluation \
  --species-data runs/simuad/protocols/S1.csv --name nano --bundle-version 0.8.0 \
  --note "It has seen simulated attacks only, never a real one: expect more errors on real attacks." \
  --note "Its bona fide pictures are studio portraits, frontal, sharp, well lit, mostly older and male; no phone or webcam. Of genuine faces from elsewhere it turns away four in ten." \
  --note "It has seen no generated portrait; those it is measured with come from one model, Stable Diffusion 3."
$python benchmarks/speed.py --out benchmarks/results/speed.json
$python docs/generate_results.py
