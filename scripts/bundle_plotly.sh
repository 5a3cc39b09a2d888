#!/usr/bin/env bash
# Build docs/assets/plotly-attnsite.min.js: plotly.js with lines, bars and heatmaps only, 0.4 MB compressed instead of 1.5.
# Needs Node.js and npm; the site is built from the committed bundle and needs neither.
set -euo pipefail
cd "$(dirname "$0")/.."
plotly=4.1.1
esbuild=0.28.2
target="$PWD/docs/assets/plotly-attnsite.min.js"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private": true}' >package.json
npm install --no-audit --no-fund --no-package-lock --silent "plotly.js@$plotly" "esbuild@$esbuild"
cat >entry.js <<'JS'
'use strict';
var Plotly = require('plotly.js/lib/core');
Plotly.register([require('plotly.js/lib/bar'), require('plotly.js/lib/heatmap')]);
module.exports = Plotly;
JS
{
  echo "/*! plotly.js $plotly (scatter, bar, heatmap), built by scripts/bundle_plotly.sh"
  sed 's/^/ * /; s/ *$//' node_modules/plotly.js/LICENSE
  echo " */"
} >licence.js
node_modules/.bin/esbuild entry.js --bundle --minify --format=iife --global-name=Plotly --target=es2018 \
  --define:global=window --legal-comments=inline --log-level=warning --outfile=bundle.js
cat licence.js bundle.js >"$target"
echo "wrote docs/assets/plotly-attnsite.min.js, $(($(gzip -9 <"$target" | wc -c) / 1000)) kB compressed"
