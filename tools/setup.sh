#!/usr/bin/env bash
# Makes .venv with the locked dependencies, and sees that a broker can be started: docker where an
# engine answers, else the distribution's rabbitmq-server, installed when it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "This needs root: $*. Run it as root, or install sudo." >&2
        exit 1
    fi
}

apt_install() {
    command -v apt-get >/dev/null || {
        echo "Please install $* (this script knows only apt-get)." >&2
        exit 1
    }
    say "Installing $* from the distribution"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install \
        --yes --no-install-recommends "$@" >/dev/null
}

find_python() {
    local name
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed." >&2
    exit 1
}

make_venv() {
    local python
    python=$(find_python)
    # Debian splits venv and ensurepip into a package of their own.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    if ! .venv/bin/python -c '' 2>/dev/null; then
        rm -rf .venv
        say "Making .venv with $("$python" --version)"
        "$python" -m venv .venv
    fi
    say "Installing the locked dependencies into .venv"
    .venv/bin/pip --disable-pip-version-check install --quiet --requirement requirements.lock
    .venv/bin/pip --disable-pip-version-check install --quiet --no-deps --editable .
}

have_broker() {
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || command -v rabbitmq-server >/dev/null ||
        { command -v docker >/dev/null && docker info >/dev/null 2>&1; }
}

install_broker() {
    # The package would start the machine's own broker on all addresses; devstack-lite starts
    # private nodes and never uses that one.
    local policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        apt_install rabbitmq-server
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    apt_install rabbitmq-server
    as_root rm -f "$policy"
    trap - EXIT
    if [ -d /run/systemd/system ]; then
        as_root systemctl --quiet disable rabbitmq-server || true
    fi
}

make_venv
have_broker || install_broker
touch .venv/.installed
say "Ready"
