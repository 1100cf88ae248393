#!/bin/sh
# Builds the Go Collector of builder.yaml into tests/interop/collector/dist; needs go. Some minutes of CPU and 0.5 GB of Go's caches.
set -eu
cd "$(dirname "$0")"
GOFLAGS=-buildvcs=false go run go.opentelemetry.io/collector/cmd/builder@v0.159.0 --config builder.yaml
