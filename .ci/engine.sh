#!/usr/bin/env bash
# See that a Docker engine answers; on a machine of its own (a CI runner, as
# root on Debian) install and start one. The engine is left running.
#
# Environment: ENGINE_LOG (default /var/log/dockerd.log), ENGINE_WAIT (seconds).
set -euo pipefail

log=${ENGINE_LOG:-/var/log/dockerd.log}
wait=${ENGINE_WAIT:-60}

answers() {
    timeout 10 docker info >/dev/null 2>&1
}

die() {
    echo "$1" >&2
    exit 1
}

if answers; then
    echo "Docker engine: answers"
    exit 0
fi
[ "$(id -u)" = 0 ] || die "No Docker engine answers: start it ('sudo systemctl start docker') and see that you are in the group docker."

if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    command -v apt-get >/dev/null || die "Docker is missing and there is no apt-get: install a Docker engine by hand."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io iptables ca-certificates >/dev/null \
        || die "apt-get could not install docker.io: see the lines above."
fi

# gVisor is registered where it is installed and nobody has configured the
# engine: ptrace works without KVM, and no program has a network anyway.
if command -v runsc >/dev/null && [ ! -e /etc/docker/daemon.json ]; then
    mkdir -p /etc/docker
    cat >/etc/docker/daemon.json <<JSON
{"runtimes": {"runsc": {"path": "$(command -v runsc)", "runtimeArgs": ["--platform=ptrace", "--network=none"]}}}
JSON
fi

# All three descriptors are given away: a caller that waits for the end of our
# output must not wait for the engine.
setsid nohup dockerd >"$log" 2>&1 </dev/null &
engine=$!

for ((second = 0; second < wait; second++)); do
    if answers; then
        echo "Docker engine: started (log in $log)"
        exit 0
    fi
    kill -0 "$engine" 2>/dev/null || break
    sleep 1
done
grep -E 'level=(error|fatal)|^failed' "$log" | tail -n 5 >&2 || true
die "The Docker engine was started but does not answer: its errors are above, all it said is in $log."
