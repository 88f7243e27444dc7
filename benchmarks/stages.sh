# Sourced by the scripts that train bundles, with their words: where things are, the genuine faces alone as runs/bonafide.csv, and stages
# that go on where an earlier call was stopped.
faces=$(realpath "${1:?give the folder that has manifest.csv}")
python=.venv-dev/bin/python
bonaface=.venv-dev/bin/bonaface
# Waiting threads give their core to the workers that make samples.
export OMP_WAIT_POLICY=PASSIVE

# Two processes that train one detector, each on a core of its own.
in_pairs="env OMP_NUM_THREADS=1 .venv-dev/bin/torchrun --nproc-per-node 2 --no-python"

stage() {  # recipe, folder, further options; launched by $launcher where it is set
  if [ -d "$2/last" ]; then resume=--resume; else resume=; fi
  ${launcher:-} $bonaface train "$1" --out "$2" "${@:3}" $resume
}

bona_fide_of() {  # faces folder, manifest to write: its bona fide pictures alone
  $python - "$1" "$2" <<'PY'
import sys
from dataclasses import replace
from pathlib import Path
from bonaface.data.manifest import read_manifest, write_manifest
faces, out = map(Path, sys.argv[1:])
rows = read_manifest(faces / "manifest.csv").rows
write_manifest(out, [replace(row, path=str(faces / row.path)) for row in rows if row.label == "bonafide"])
PY
}

simuad_of() {  # manifest of bona fide pictures
  [ -f runs/simuad/protocols/S1.csv ] || $bonaface data simuad "$1" runs/simuad
}

bundle_of() {  # protocol of SimUAD, run, further options: its bundle, calibrated and measured by the protocol
  [ -d "$2-bundle" ] || $bonaface export "$2" "$2-bundle" --data "runs/simuad/protocols/$1.csv" \
    --evaluation "$2-evaluation-$1" --name unseen "${@:3}"
}

measured_by() {  # protocol of SimUAD, run, name, further options: report to benchmarks/results/NAME
  bundle_of "$1" "$2" "${@:4}"
  cp "$2-bundle/report.json" "benchmarks/results/$3"
}

simulated_set() {  # faces folder: dev and test, bona fide copies, three simulated attacks on each, and the diffusion portraits
  [ -f runs/simulated/manifest.csv ] || $bonaface simulate "$1/manifest.csv" runs/simulated \
    --species print,replay,faceswap --split dev,test --seed 1
}

mkdir -p runs
bona_fide_of "$faces" runs/bonafide.csv
