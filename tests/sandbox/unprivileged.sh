#!/bin/bash
# Run `python ARGUMENTS...` as user UID in a mount namespace where the interpreter,
# its packages and the repository are readable to everybody, the interpreter where it
# was installed: it finds its libraries there only.
# Usage: unprivileged.sh UID PREFIX PACKAGES REPOSITORY PYTHON ARGUMENTS...
set -euo pipefail
uid=$1 prefix=$2 packages=$3 repository=$4 python=$5
shift 5
export uid prefix packages repository python
exec unshare --mount --propagation private bash -euc '
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir /mnt/python /mnt/packages /mnt/repository
mount --bind "$prefix" /mnt/python
mount --bind "$packages" /mnt/packages
mount --bind "$repository" /mnt/repository
cd /mnt/repository
closed= above=$(dirname "$prefix")
while [ "$above" != / ]; do
    setpriv --reuid "$uid" --clear-groups test -x "$above" || closed=$above
    above=$(dirname "$above")
done
if [ -n "$closed" ]; then
    mount -t tmpfs -o mode=0755 tmpfs "$closed"
    mkdir -p "$prefix"
    mount --bind /mnt/python "$prefix"
fi
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups \
    env -i PATH=/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/mnt/repository:/mnt/packages "$prefix/bin/$python" "$@"
' unprivileged "$@"
