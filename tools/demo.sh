#!/usr/bin/env bash
# What the README promises: a whole cloud, instances booted by the unmodified openstack client, and
# the 18 steps of one of them. Leaves the cloud up, for the reader to go on with.
set -euo pipefail

run() {
    printf '\n\033[1;36m$ %s\033[0m\n' "$*"
    "$@"
}

run devstack-lite up
eval "$(devstack-lite env)"
name=demo-$(date +%H%M%S)
run openstack server create --flavor m1.tiny --image cirros --network private \
    --min 3 --max 3 --wait "$name" -c name -c status -c addresses -c OS-EXT-SRV-ATTR:host
run openstack server list -c Name -c Status -c Networks -c Flavor
run devstack-lite trace --last
run devstack-lite status

cat <<'TXT'

The cloud stays up. Go on with it:

    . .venv/bin/activate                  # openstack and devstack-lite on your path
    eval "$(devstack-lite env)"           # log in as admin
    openstack server list
    devstack-lite boot web --count 20 --wait
    devstack-lite down --wipe             # when you are done

TXT
