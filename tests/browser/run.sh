#!/bin/sh
# The script for browsers: its units under Node, then the sample site in a real Chromium beside a running collector.
#
# `tests/browser/run.sh [pytest arguments]`; README.md says what it needs and installs.
set -eu
cd "$(dirname "$0")/../.."

need() {
  command -v "$1" >/dev/null || [ -n "${3:-}" ] || {
    echo "browser: no $1 found: install it (Debian, Ubuntu: apt install $2)" >&2
    exit 1
  }
}
need npm 'nodejs npm'
need chromium 'chromium, or name one: CHROMIUM=/path/to/chrome' "${CHROMIUM:-$(command -v google-chrome chromium-browser || true)}"

for folder in instrumentation/browser tests/browser; do
  (cd $folder && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
done
(cd instrumentation/browser && npm run --silent check)
(cd tests/browser && npm run --silent bundle)
node --test --test-force-exit tests/browser/unit/
export BROWSER_TESTS=1
exec "${PYTHON:-.venv/bin/python}" -m pytest tests/browser "$@"
