#!/usr/bin/env bash
# Make a Python that has Inspect and the types of Every Eval Ever, for the tests that give them
# our files (tests/show/test_other_viewers.py) and those that read Inspect's own
# (tests/runs/test_other_harnesses.py): viewers.sh [FOLDER]. .ci/run does not call it: the
# packages of Inspect take a minute, and without them these tests are skipped.
#
# Every Eval Ever asks for Python 3.12 and for packages of its database; its types need neither.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-build/peers/viewers}
packages=(inspect-ai==0.3.285)
types=(every-eval-ever==0.3.0)

stamp=$folder/.installed
wanted="${packages[*]} ${types[*]}"
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
rm -rf "$folder"
.venv/bin/python -m venv "$folder"
"$folder/bin/python" -m pip install -q --disable-pip-version-check "${packages[@]}"
"$folder/bin/python" -m pip install -q --disable-pip-version-check --no-deps \
    --ignore-requires-python "${types[@]}"
echo "$wanted" >"$stamp"
echo "Inspect and Every Eval Ever: in $folder"
