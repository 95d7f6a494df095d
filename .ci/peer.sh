#!/usr/bin/env bash
# Make a Python that has BigCodeBench's own evaluation beside what .venv has, for the test that
# gives it our files: peer.sh [FOLDER]. Its package is put there without what it depends on, for
# its pins exclude those of vLLM.
#
# BigCodeBench's version is the one that the protocol cards speak of.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-build/peers/bigcodebench}
packages=(bigcodebench==0.2.5)
# What its evaluation imports and .venv has not.
needed=(e2b gradio_client matplotlib pqdm)

stamp=$folder/.installed
wanted="${packages[*]} ${needed[*]} $(cat .venv/.installed)"
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
rm -rf "$folder"
.venv/bin/python -m venv "$folder"
ours=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
theirs=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$ours" >"$theirs/beside.pth"
# Whatever it shares with .venv stays as it is there.
.venv/bin/python -m pip freeze --exclude opencodeeval | grep '^[A-Za-z0-9._-]*==' >"$folder/constraints.txt"
"$folder/bin/python" -m pip install -q --disable-pip-version-check \
    --constraint "$folder/constraints.txt" "${needed[@]}"
"$folder/bin/python" -m pip install -q --disable-pip-version-check --no-deps "${packages[@]}"
echo "$wanted" >"$stamp"
echo "BigCodeBench's own evaluation: in $folder"
