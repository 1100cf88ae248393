#!/bin/sh
# The official OpenTelemetry SDK for Node and curl against a running collector.
#
# Installs, into tests/interop/node/node_modules only, the packages of tests/interop/node/package-lock.json (`npm ci`, without
# running their install scripts): OpenTelemetry's API, SDKs and OTLP exporters, with grpc-js and protobufjs below them; 93 MB.
set -eu
cd "$(dirname "$0")/../.."
(cd tests/interop/node && npm ci --ignore-scripts --no-audit --no-fund)
exec "${PYTHON:-.venv/bin/python}" -m pytest tests/interop "$@"
