#!/usr/bin/env bash
# Megabytes on disk: the light install, the same with the demo extra, and the embedded bundle.
#   benchmarks/install_size.sh [OUT.json]
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
size() {  # extra
  python3 -m venv "$place/env"
  "$place/env/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt ".$1" >&2
  du -sm "$place/env" | cut -f1
  rm -rf "$place/env"
}
light=$(size "")
demo=$(size "[demo]")
bundle=$(du -sk src/bonaface/bundles | cut -f1)
result="{\"light_mb\": $light, \"demo_mb\": $demo, \"bundle_kb\": $bundle}"
echo "$result"
if [ $# -gt 0 ]; then echo "$result" > "$1"; fi
