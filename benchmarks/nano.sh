#!/usr/bin/env bash
# Train, measure and embed the bundle `nano`, from scratch.
#   benchmarks/nano.sh FACES_FOLDER      FACES_FOLDER has manifest.csv; three hours on two CPU cores
set -euo pipefail
cd "$(dirname "$0")/.."
. benchmarks/stages.sh

launcher=$in_pairs
# All but the last by the variants of training alone; generated portraits as in small.sh.
stage small_direct_start runs/small-start --data "$faces/manifest.csv"
stage small_steady_start runs/small-steady-start --data "$faces/manifest.csv" --start-from runs/small-start
stage small_steady runs/small-steady --data "$faces/manifest.csv" --start-from runs/small-steady-start
stage small_distances runs/small-distances --data "$faces/manifest.csv" --start-from runs/small-steady
stage nano_distances runs/nano-distances --data "$faces/manifest.csv" --start-from runs/small-distances
simuad_of runs/bonafide.csv
measured_by S1 runs/nano-distances simuad_S1.json

stage nano_distances_finish runs/nano-distances-finish --data "$faces/manifest.csv" --start-from runs/nano-distances
simulated_set "$faces"
# The embedded 0.11.1 was exported when families of two species had a scale each; now they share one, and its scores would differ a little.
$bonaface export runs/nano-distances-finish src/bonaface/bundles/nano --data runs/simulated/manifest.csv --evaluation runs/evaluation-nano \
  --species-data runs/simuad/protocols/S1.csv --name nano --bundle-version 0.11.1 \
  --note "It has seen simulated attacks only, never a real one: expect more errors on real attacks." \
  --note "Its bona fide pictures are studio portraits, frontal, sharp, well lit, mostly older and male; no phone or webcam. Of genuine faces from elsewhere it turns away a third to a half." \
  --note "Generated portraits it has seen as natural scenes without paper or screen, never as attacks; they come from one model, Stable Diffusion 3."
$python benchmarks/speed.py --out benchmarks/results/speed.json
$python docs/generate_results.py
