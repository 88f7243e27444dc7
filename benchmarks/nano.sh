#!/usr/bin/env bash
# Train, measure and embed the default bundle: every number of the README's first tables comes from here.
#   benchmarks/nano.sh FACES_FOLDER [ARCHIVES]      FACES_FOLDER has manifest.csv; two hours on two CPU cores
# ARCHIVES holds the packages that benchmarks/elsewhere.py names; without it the genuine faces from elsewhere are not looked at.
set -euo pipefail
cd "$(dirname "$0")/.."
faces=$(realpath "${1:?give the folder that has manifest.csv}")
archives=${2:+$(realpath "$2")}
. benchmarks/stages.sh
bundle=src/bonaface/bundles/nano

# No stage sees a generated portrait. The first sees no variant of SimUAD's dev and test: it is what those are measured with.
mkdir -p runs
bona_fide_of "$faces" runs/bonafide.csv
stage nano runs/nano --data runs/bonafide.csv
unseen_variants runs/nano simuad_S1.json
$python benchmarks/unseen_generated.py "$faces/manifest.csv" --bundle runs/nano-bundle \
  --out benchmarks/results/unseen_generated.json

# The second stage, which ships.
stage nano_finish runs/nano-finish --data runs/bonafide.csv --start-from runs/nano
simulated_set "$faces"
$python benchmarks/shortcut_probes.py runs/simulated/manifest.csv --out benchmarks/results/shortcut_probes.json

$bonaface export runs/nano-finish "$bundle" --data runs/simulated/manifest.csv --evaluation runs/evaluation \
  --species-data runs/simuad/protocols/S1.csv --name nano --bundle-version 0.6.0 \
  --note "It has seen simulated attacks only, never a real one: expect more errors on real attacks." \
  --note "Its bona fide pictures are studio portraits, frontal, sharp, well lit, mostly older and male; no phone or webcam. Of genuine faces from elsewhere it turns away four in ten." \
  --note "It has seen no generated portrait; those it is measured with come from one model, Stable Diffusion 3."
$python benchmarks/slices.py runs/bonafide.csv --out benchmarks/results/slices.json
[ -z "$archives" ] || $python benchmarks/elsewhere.py "$archives" --out benchmarks/results/elsewhere.json
$python benchmarks/speed.py --out benchmarks/results/speed.json
benchmarks/install_size.sh benchmarks/results/install_size.json
$python docs/generate_results.py
