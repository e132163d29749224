#!/bin/sh
# A nightly job: tables of what is new, and the reports of what changed, of the fleet and of each device.
#
#   nightly.sh WORKSPACE [options of `aiot report`]
#
# WORKSPACE has data/raw; add `--notebooks notebooks` to use its own notebooks. AIOT names the command, AIOT_RUN what to
# measure first, for example "--all --resume".
# Exit code: 0; that of `aiot process` if there are no tables; else 1 if a page, or the measuring, failed.
set -u
cd "${1:?name the folder with data/raw}" || exit
shift
aiot=${AIOT:-aiot}
failed=0

if [ -n "${AIOT_RUN:-}" ]; then
    # shellcheck disable=SC2086  # these are several words
    "$aiot" run $AIOT_RUN || failed=1 # what could be measured is reported all the same
fi
"$aiot" process || exit
"$aiot" report --each-device --timeout 1800 "$@" || failed=1
exit $failed
