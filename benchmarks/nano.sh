#!/usr/bin/env bash
# Train, measure and embed the default bundle: every number of the README's first table comes from here.
#   benchmarks/nano.sh FACES_FOLDER      FACES_FOLDER has manifest.csv; three hours on two CPU cores
set -euo pipefail
cd "$(dirname "$0")/.."
faces=${1:?give the folder that has manifest.csv}
bonaface=.venv-dev/bin/bonaface
bundle=src/bonaface/bundles/nano

# Waiting threads give their core to the workers that make samples.
export OMP_WAIT_POLICY=PASSIVE
stage() {  # recipe, folder, further options; goes on where an earlier call was stopped
  if [ -d "$2/last" ]; then resume=--resume; else resume=; fi
  $bonaface train "$1" --data "$faces/manifest.csv" --out "$2" "${@:3}" $resume
}
stage nano runs/nano
stage nano_finish runs/nano-finish --start-from runs/nano
stage nano_last runs/nano-last --start-from runs/nano-finish
stage nano_wide runs/nano-wide --start-from runs/nano-last

# Dev and test pictures: bona fide copies, three simulated attacks on each, and the diffusion portraits.
[ -f runs/simulated/manifest.csv ] || $bonaface simulate "$faces/manifest.csv" runs/simulated \
  --species print,replay,faceswap --split dev,test --seed 1
.venv-dev/bin/python benchmarks/shortcut_probes.py runs/simulated/manifest.csv \
  --out benchmarks/results/shortcut_probes.json

$bonaface export runs/nano-wide "$bundle" --data runs/simulated/manifest.csv --evaluation runs/evaluation \
  --name nano --bundle-version 0.3.0 \
  --note "It has seen simulated attacks only, never a real one: expect more errors on real attacks." \
  --note "Its bona fide pictures are studio portraits, frontal, sharp, well lit, mostly older and male; no phone or webcam." \
  --note "Its diffusion portraits come from one model, Stable Diffusion 3." \
  --note "Its four stages were trained while the simulations grew: the first three with those of 0.2.0, the last with those of 0.3.0."
.venv-dev/bin/python benchmarks/speed.py --out benchmarks/results/speed.json
benchmarks/install_size.sh benchmarks/results/install_size.json
.venv-dev/bin/python docs/generate_results.py
