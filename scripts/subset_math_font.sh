#!/usr/bin/env bash
# Build docs/assets/formulas.css: the letters and signs of formulas, cut out of Noto Sans Math with its table of how
# formulas are set, so that exponents and indices stand where they belong in every browser. It lies in the style sheet
# itself: it is there as soon as the formulas are, nothing moves, and a copy that is opened from a disk has it too.
# Needs npm, Python and their registries; the site is built from the committed file and needs neither.
set -euo pipefail
cd "$(dirname "$0")/.."
font=5.3.0 fonttools=4.68.0 brotli=1.2.1
target="$PWD/docs/assets/formulas.css" licence="$PWD/docs/assets/formulas.OFL.txt"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "@fontsource/noto-sans-math@$font" >/dev/null
tar xzf ./*.tgz
cp package/LICENSE "$licence"
"${PYTHON:-python3}" -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check "fonttools==$fonttools" "brotli==$brotli"
venv/bin/python - package/files/noto-sans-math-latin-400-normal.woff2 "$target" "$font" <<'PY'
import base64
import sys
from io import BytesIO

from fontTools import subset

source, target, version = sys.argv[1:]
ASCII = range(0x20, 0x7F)
ITALIC = [0x210E, *(n for n in range(0x1D434, 0x1D468) if n != 0x1D455)]  # h has a place of its own
GREEK = [ord(letter) for letter in "αβγδεηθκλμνπρστφχψωΓΔΘΛΣΦΩϵϕ"]
MORE = {0x3F5: 0x1D716, 0x3D5: 0x1D719}
SIGNS = [ord(sign) for sign in "\u00a0±·×÷‖′…−∑∏√∞∈∂∇∼≈≠≡≤≥≪≫⊤→⌈⌉⌊⌋⟨⟩ℓ⋅⋯⊙\u2009\u202f\u2061\u2062"]


def italic(letter):
    return MORE.get(letter) or (0x1D6FC - 0x3B1 if letter >= 0x3B1 else 0x1D6E2 - 0x391) + letter


wanted = sorted({*ASCII, *ITALIC, *GREEK, *map(italic, GREEK), *SIGNS})
options = subset.Options(flavor="woff2", layout_features=[], hinting=False, name_IDs=[0, 1, 2, 5, 13, 14])
font = subset.load_font(source, options)
held = [letter for letter in wanted if letter in font.getBestCmap()]
cut = subset.Subsetter(options)
cut.populate(unicodes=held)
cut.subset(font)
assert "MATH" in font
made = BytesIO()
subset.save_font(font, made, options)
ranges, first = [], held[0]
for letter, after in zip(held, [*held[1:], None], strict=True):
    if after != letter + 1:
        ranges.append(f"U+{first:X}" + (f"-{letter:X}" if letter > first else ""))
        first = after
with open(target, "w", encoding="utf-8", newline="\n") as file:
    file.write(
        f"/* Formulas: Noto Sans Math 3.000, cut to {len(held)} characters by scripts/subset_math_font.sh (fontsource "
        f"{version}).\n   Licence: SIL Open Font License 1.1, formulas.OFL.txt. Loaded by pages with formulas only. */\n"
        '@font-face { font-family: "Formulas"; font-display: block; unicode-range: '
        f'{", ".join(ranges)}; src: url("data:font/woff2;base64,{base64.b64encode(made.getvalue()).decode()}") '
        'format("woff2"); }\n'
        'math { font-family: Formulas, "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre", '
        "math; }\n"
    )
PY
echo "wrote docs/assets/formulas.css, $(($(gzip -9 <"$target" | wc -c) / 1000)) kB compressed"
