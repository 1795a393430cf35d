#!/bin/sh
# Ten minutes of random faults on a cloud of its own: `make chaos`. Guests take seconds to build, so
# that most faults strike in the midst of something. SEED, DURATION and RATE may be given.
# The record stays in CHAOS_OUT; the exit code is the verdict's.
set -eu

NAME=chaos
OUT=${CHAOS_OUT:-out/chaos}
DEVSTACK_LITE_HOME=$(mktemp -d)
export DEVSTACK_LITE_HOME

finish() {
    code=$?
    trap - EXIT INT TERM
    for run in "$DEVSTACK_LITE_HOME/$NAME"/chaos/*; do
        [ -d "$run" ] && mkdir -p "$OUT" && cp -R "$run" "$OUT/"
    done
    [ "$code" -eq 0 ] || cp -R "$DEVSTACK_LITE_HOME/$NAME/logs" "$OUT/" 2>/dev/null || true
    devstack-lite down --wipe --name "$NAME" || code=1
    rm -rf "$DEVSTACK_LITE_HOME"
    echo "the record is in $OUT"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

devstack-lite up --name "$NAME" --profile realistic
devstack-lite chaos monkey --name "$NAME" --seed "${SEED:-1}" --duration "${DURATION:-600}" \
    --rate "${RATE:-0.5}" --load 5
