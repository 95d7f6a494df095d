#!/usr/bin/env bash
# See that programs can be run in a sandbox here: a Docker engine that answers,
# or bubblewrap. Installs bubblewrap where neither is there and we may.
set -euo pipefail

if docker info >/dev/null 2>&1 || command -v bwrap >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "No Docker engine answers: installing bubblewrap for the local sandbox."
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq && apt-get install -y -qq bubblewrap >/dev/null; then
        exit 0
    fi
    echo "apt-get could not install bubblewrap: install it by hand, or start a Docker engine." >&2
    exit 1
fi
echo "No Docker engine answers and bubblewrap is missing: run 'sudo apt-get install bubblewrap' (Fedora: 'sudo dnf install bubblewrap'), or start Docker." >&2
exit 1
