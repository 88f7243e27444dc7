#!/usr/bin/env bash
# Megabytes on disk: the light install, the same with the demo extra, and the embedded bundle.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for extra in "" "[demo]"; do
  python3 -m venv "$place/env"
  "$place/env/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt ".$extra"
  echo "bonaface$extra: $(du -sm "$place/env" | cut -f1) MB"
  rm -rf "$place/env"
done
echo "embedded bundle: $(du -sk src/bonaface/bundles/nano | cut -f1) kB"
