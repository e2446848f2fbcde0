#!/usr/bin/env bash
# The contract through the official Node SDK, fetch and curl, against a server of its own that keeps the default limits.
# Usage: .ci/node.sh   (mocktune on PATH or in .venv/bin; node 20 or newer, npm, curl)
set -euo pipefail
cd "$(dirname "$0")/.."
mocktune=.venv/bin/mocktune
[ -x "$mocktune" ] || mocktune=mocktune

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

cp contract_tests/node/package.json contract_tests/node/*.mjs "$work"
npm install --prefix "$work" --no-package-lock --no-audit --no-fund --loglevel=error

"$mocktune" serve --port 0 --scenario realistic --clock real >"$work/ready" &
server=$!
for _ in $(seq 150); do
    [ -s "$work/ready" ] && break
    kill -0 "$server" || { echo "node: the server did not start" >&2; exit 1; }
    sleep 0.2
done
OPENAI_BASE_URL=$(python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["base_url"])' <"$work/ready")
export OPENAI_BASE_URL
export BIG_FILE="$work/big.jsonl"
truncate --size 600M "$BIG_FILE"

(cd "$work" && npm test --silent)
