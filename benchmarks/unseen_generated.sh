#!/usr/bin/env bash
# What is made of generated portraits by a detector that has seen none, and no picture of their kind: the recipe `nano`, bona fide pictures alone.
#   benchmarks/unseen_generated.sh FACES_FOLDER      FACES_FOLDER has manifest.csv; two hours on two CPU cores, SimUAD included
set -euo pipefail
cd "$(dirname "$0")/.."
. benchmarks/stages.sh

stage nano runs/nano --data runs/bonafide.csv
simuad_of runs/bonafide.csv
bundle_of S1 runs/nano
$python benchmarks/unseen_generated.py "$faces/manifest.csv" --bundle runs/nano-bundle \
  --out benchmarks/results/unseen_generated.json
