#!/usr/bin/env bash
# A whole family unseen: SimUAD's S2.1 (physical attacks) and S2.2 (digital ones), by simulated clues of that family alone.
#   benchmarks/unseen_family.sh SIMUAD [RUNS]      SIMUAD has protocols/; 20 minutes on two CPU cores
# What a protocol keeps for test is not simulated in training. SPSC and SDSC are no attack of either list: they stand for the family
# that is missing, and get the share that its attacks leave.
set -euo pipefail
cd "$(dirname "$0")/.."
simuad=$(realpath "${1:?give the folder that bonaface data simuad has made}")
runs=${2:-runs}
bonaface=.venv-dev/bin/bonaface
export OMP_WAIT_POLICY=PASSIVE

unseen() {  # protocol, the simulation that stands for its family
  out=$runs/unseen-$1
  [ -f "$out/last/checkpoint.json" ] && resume=--resume || resume=
  $bonaface train nano --data "$simuad/protocols/$1.csv" --out "$out" --set "mixture.shares.$2=0.3" \
    --set model.judges_cells=true --set epochs=3 --set num_workers=0 $resume
  [ -d "$out-bundle" ] || $bonaface export "$out" "$out-bundle" --data "$simuad/protocols/$1.csv" --evaluation "$out-evaluation" \
    --name "nano-unseen-$1"
  cp "$out-bundle/report.json" "benchmarks/results/simuad_$1.json"
}
unseen S2.1 spsc & first=$!
unseen S2.2 sdsc
wait "$first"
