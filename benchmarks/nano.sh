#!/usr/bin/env bash
# Train, measure and embed the default bundle: every number of the README's first tables comes from here.
#   benchmarks/nano.sh FACES_FOLDER [ARCHIVES]      FACES_FOLDER has manifest.csv; two hours on two CPU cores
# ARCHIVES holds the packages that benchmarks/elsewhere.py names; without it the genuine faces from elsewhere are not looked at.
set -euo pipefail
cd "$(dirname "$0")/.."
faces=$(realpath "${1:?give the folder that has manifest.csv}")
archives=${2:+$(realpath "$2")}
python=.venv-dev/bin/python
bonaface=.venv-dev/bin/bonaface
bundle=src/bonaface/bundles/nano

# Waiting threads give their core to the workers that make samples.
export OMP_WAIT_POLICY=PASSIVE
stage() {  # recipe, folder, further options; goes on where an earlier call was stopped
  if [ -d "$2/last" ]; then resume=--resume; else resume=; fi
  $bonaface train "$1" --out "$2" "${@:3}" $resume
}

# No stage sees a generated portrait. The first sees no variant of SimUAD's dev and test: it is what those are measured with.
mkdir -p runs
$python - "$faces" runs/bonafide.csv <<'PY'
import sys
from dataclasses import replace
from pathlib import Path
from bonaface.data.manifest import read_manifest, write_manifest
faces, out = map(Path, sys.argv[1:])
rows = read_manifest(faces / "manifest.csv").rows
write_manifest(out, [replace(row, path=str(faces / row.path)) for row in rows if row.label == "bonafide"])
PY
stage nano runs/nano --data runs/bonafide.csv
[ -f runs/simuad/protocols/S1.csv ] || $bonaface data simuad runs/bonafide.csv runs/simuad
[ -d runs/nano-bundle ] || $bonaface export runs/nano runs/nano-bundle --data runs/simuad/protocols/S1.csv \
  --evaluation runs/evaluation-S1 --name nano-unseen
cp runs/nano-bundle/report.json benchmarks/results/simuad_S1.json
$python benchmarks/unseen_generated.py "$faces/manifest.csv" --bundle runs/nano-bundle \
  --out benchmarks/results/unseen_generated.json

# The second stage, which ships.
stage nano_finish runs/nano-finish --data runs/bonafide.csv --start-from runs/nano
# Dev and test pictures: bona fide copies, three simulated attacks on each, and the diffusion portraits.
[ -f runs/simulated/manifest.csv ] || $bonaface simulate "$faces/manifest.csv" runs/simulated \
  --species print,replay,faceswap --split dev,test --seed 1
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
