#!/usr/bin/env bash
# Make a Debian base image named $1 with Python and NumPy, for machines that
# reach a Debian mirror but no image registry. Does nothing where it exists.
#
# Environment: DEBIAN_MIRROR, DEBIAN_SUITE, XDG_CACHE_HOME (the root file system
# is kept there, so that a second engine needs no second bootstrap).
set -euo pipefail

name=${1:?usage: base-image.sh NAME}
suite=${DEBIAN_SUITE:-bookworm}
mirror=${DEBIAN_MIRROR:-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/opencodeeval
archive=$cache/base-$suite-$(dpkg --print-architecture).tar

if docker image inspect "$name" >/dev/null 2>&1; then
    echo "base image $name: exists"
    exit 0
fi

if [ ! -s "$archive" ]; then
    if ! command -v debootstrap >/dev/null; then
        echo "debootstrap is missing: run 'apt-get install debootstrap', or docker pull an image with Python and name it in OPENCODEEVAL_BASE_IMAGE." >&2
        exit 1
    fi
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/bootstrap.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
    if ! debootstrap --variant=minbase --include=python3,python3-numpy,python3-pip \
        "$suite" "$work/root" ${mirror:+"$mirror"} >"$work/log" 2>&1; then
        tail -n 20 "$work/log" >&2
        echo "debootstrap of $suite failed: see the lines above, and set DEBIAN_MIRROR to a mirror that answers." >&2
        exit 1
    fi
    # The archive takes its name only when whole: a half-written one is never imported.
    tar --create --file "$work/base.tar" --directory "$work/root" \
        --sort=name --numeric-owner \
        --exclude='./dev/*' --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
        --exclude='./var/log/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
        --exclude='./usr/share/locale/*' .
    mv "$work/base.tar" "$archive"
fi

docker import --change 'CMD ["python3"]' "$archive" "$name" >/dev/null
echo "base image $name: imported from $archive"
