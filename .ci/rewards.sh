#!/usr/bin/env bash
# Put verl and verifiers where the tests of their reward functions look for them
# (tests/serve/test_rewards.py): rewards.sh [FOLDER]. .ci/run does not call it: installing them
# takes minutes, and without them these tests are skipped.
#
# verl runs beside .venv's own torch and transformers, verifiers in a Python of its own, for the
# two need different versions of the same packages.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-build/peers/rewards}
verl=(verl==0.9.1 tensordict==0.10.0 ray hydra-core omegaconf 'antlr4-python3-runtime==4.9.*'
    codetiming dill torchdata pylatexenc orjson pyvers importlib_metadata zipp cloudpickle)
verifiers=(verifiers==0.4.0)

stamp=$folder/.installed
wanted="${verl[*]} ${verifiers[*]}"
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps \
    --target "$folder/verl" "${verl[@]}"
.venv/bin/python -m venv "$folder/verifiers"
"$folder/verifiers/bin/python" -m pip install -q --disable-pip-version-check "${verifiers[@]}"
# What this project needs beside it, from .venv, behind its own packages.
site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
site .venv/bin/python >"$(site "$folder/verifiers/bin/python")/behind.pth"
echo "$wanted" >"$stamp"
echo "verl and verifiers: in $folder"
