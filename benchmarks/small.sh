#!/usr/bin/env bash
# Train, measure and embed the default bundle, `small`, from scratch; the README's first tables come from here.
#   benchmarks/small.sh FACES_FOLDER [ARCHIVES]      FACES_FOLDER has manifest.csv; three hours on two CPU cores
# ARCHIVES keeps the packages that benchmarks/elsewhere.py names: a gigabyte is fetched where it is not there yet.
set -euo pipefail
cd "$(dirname "$0")/.."
archives=$(realpath -m "${2:-runs/archives}")
. benchmarks/stages.sh

launcher=$in_pairs
# Generated portraits are shown as natural scenes: neither paper nor screen, and nothing else is said of them. The first two stages have the
# variants of training alone, the last every one.
stage told_start runs/told-start --data "$faces/manifest.csv"
stage told_further runs/told-further --data "$faces/manifest.csv" --start-from runs/told-start
simuad_of runs/bonafide.csv
measured_by S1 runs/told-further simuad_S1_small.json --size 224

stage small_told_finish runs/small-told-finish --data "$faces/manifest.csv" --start-from runs/told-further
simulated_set "$faces"
$python benchmarks/shortcut_probes.py runs/simulated/manifest.csv --out benchmarks/results/shortcut_probes.json
$bonaface export runs/small-told-finish src/bonaface/bundles/small --data runs/simulated/manifest.csv --evaluation runs/evaluation-small \
  --species-data runs/simuad/protocols/S1.csv --name small --bundle-version 0.16.1 --trainable \
  --note "It has seen simulated attacks only, never a real one: expect more errors on real attacks." \
  --note "Its bona fide pictures are studio portraits, frontal, sharp, well lit, mostly older and male; no phone or webcam. Of genuine faces from elsewhere it turns away a quarter to a third, of snapshots by phones and small cameras half; at its convenient point one in ten, and a third." \
  --note "Generated portraits it has seen as natural scenes without paper or screen, never as attacks; they come from one model, Stable Diffusion 3, and most of them pass."
$python benchmarks/slices.py runs/bonafide.csv --out benchmarks/results/slices.json
$python benchmarks/face_sizes.py runs/bonafide.csv --bundle small --bundle nano --split test --people 80 \
  --out benchmarks/results/face_sizes.json
$python benchmarks/elsewhere.py "$archives" --out benchmarks/results/elsewhere.json
$python benchmarks/attacks_elsewhere.py "$archives" --bundle small --bundle nano --half test \
  --out benchmarks/results/attacks_elsewhere.json
$python benchmarks/generators.py "$archives" --bundle small --bundle nano --out benchmarks/results/generators.json
$python benchmarks/own_threshold.py "$archives" --bundle small --bundle nano --out benchmarks/results/own_threshold.json
$python benchmarks/captures.py "$archives" --bundle small --half test --out benchmarks/results/captures.json
$python benchmarks/candidates.py "$faces/manifest.csv" "$archives" runs/simuad --bundle small --bundle nano \
  --bundle benchmarks/starts/told_further --out benchmarks/results/candidates.json
$python benchmarks/speed.py --out benchmarks/results/speed.json
benchmarks/install_size.sh benchmarks/results/install_size.json
$python docs/generate_results.py
