#!/usr/bin/env bash
# Install gVisor's runsc where it is missing: of Debian's backports if the mirror has them, else
# of Debian itself. Debian 12's own is of 2022: a network of a program's own has no abstract
# names of sockets there, and a system call takes several times as long.
set -euo pipefail

command -v runsc >/dev/null && exit 0

. /etc/os-release
backports=$VERSION_CODENAME-backports
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$VERSION_CODENAME //p" | head -n 1)
list=/etc/apt/sources.list.d/opencodeeval-backports.list
[ -e "$list" ] ||
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $backports main" >"$list"
apt-get update -qq -o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 &&
    apt-get install -y -qq --no-install-recommends -t "$backports" runsc >/dev/null &&
    exit 0
# A mirror without backports would make every later update of the lists fail.
rm -f "$list"
apt-get update -qq && apt-get install -y -qq --no-install-recommends runsc >/dev/null
