#!/bin/sh
# The official OpenTelemetry SDKs for Node, Go and Java, and curl, against running collectors.
#
# Installs and builds under tests/interop (README.md says what); a language whose tools are missing is left out, and its tests are skipped.
set -eu
cd "$(dirname "$0")/../.."

missing() { echo "interop: no $1 found: the tests of $2 are skipped" >&2; }

if command -v npm >/dev/null; then
  (cd tests/interop/node && npm ci --ignore-scripts --no-audit --no-fund)
else
  missing npm Node.js
fi
if command -v go >/dev/null; then
  (cd tests/interop/go && go build -o interop .)
else
  missing go Go
fi
if command -v mvn >/dev/null && command -v javac >/dev/null; then
  (cd tests/interop/java && mvn --quiet --batch-mode compile)
else
  missing "mvn or javac" Java
fi
exec "${PYTHON:-.venv/bin/python}" -m pytest -m "" tests/interop "$@"
