#!/bin/sh
# Finds what tests need of the system, or installs Debian's where that is possible.

chromium() {
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
        command -v google-chrome >/dev/null 2>&1
}

wanted=""
chromium || wanted="chromium"
command -v bwrap >/dev/null 2>&1 || wanted="$wanted bubblewrap"
if [ -n "$wanted" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests (once): $wanted"
    # shellcheck disable=SC2086 - several words
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $wanted) >/dev/null 2>&1
fi
chromium || echo "No Chromium here: the browser tests (the workspace page, the demo clicked through) will not run."
command -v bwrap >/dev/null 2>&1 || echo "No bubblewrap here: the tests of the sandbox will not run."
