"""What a drawn picture holds, asked of a browser: its words, bars, lines and marks with their places and colours.

A picture is put into an empty page, as the reader's browser lays it out; words are boxes, one for each line of text.
"""

import math

from attnsite.site.figures import svg as picture

LIGHT = {name: value for name, value, _ in picture.PALETTE.values()}
DARK = {name: value for name, _, value in picture.PALETTE.values()}

READ = """svg => {
  document.body.style.margin = "0";
  document.body.innerHTML = svg;
  const root = document.querySelector("svg"), view = root.viewBox.baseVal;
  const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
  const order = new Map([...root.querySelectorAll("*")].map((e, at) => [e, at]));
  const name = paint => { // of a colour: a variable's, how opaque, or nothing
    const mixed = /var\\(--([\\w-]+)\\)(?: calc\\(100% \\* ([\\d.]+)\\))?/.exec(paint || "");
    return mixed ? [mixed[1], Number(mixed[2] ?? 1)] : ["", 0];
  };
  const paint = (e, what) => {
    for (let at = e; at && at !== root; at = at.parentNode) {
      const said = at.style?.getPropertyValue(what) || at.getAttribute?.(what);
      if (said) return said;
    }
    return "";
  };
  const number = (e, what) => { const said = parseFloat(paint(e, what)); return Number.isNaN(said) ? 1 : said; };
  const seen = e => {
    for (let at = e; at && at !== root; at = at.parentNode) {
      if (at.style?.visibility === "hidden" || at.style?.display === "none") return false;
    }
    return !e.closest("defs, .gridlayer, .zerolinelayer, .hoverlayer, .draglayer") && number(e, "opacity") > 0;
  };
  const texts = [...root.querySelectorAll("text")].filter(t => t.textContent.trim() && seen(t)).flatMap(t => {
    const ground = t.closest(".annotation")?.querySelector("rect.bg");
    const backed = !!ground && name(paint(ground, "fill"))[1] === 1 && number(ground, "fill-opacity") > 0.9;
    const tick = t.closest(".xtick") ? "x" : t.closest(".ytick") ? "y" : "";
    const lines = [...t.querySelectorAll("tspan.line")].filter(line => line.textContent.trim());
    return (lines.length ? lines : [t]).map(part => ({ text: part.textContent.trim(), box: box(part), of: order.get(t),
      tick, backed, size: parseFloat(getComputedStyle(part).fontSize), fill: name(paint(part, "fill")) }));
  });
  const filled = e => { // with a colour, or a pattern on one
    const pattern = /url\\(["']?#([^"')]+)/.exec(paint(e, "fill"));
    const rect = pattern && document.getElementById(pattern[1]);
    return name(paint(rect?.querySelector("rect") || e, "fill"));
  };
  const bars = [...root.querySelectorAll(".bars .point > path")].filter(seen).map(b => ({
    box: box(b), fill: filled(b), pattern: /url/.test(paint(b, "fill")), at: order.get(b) }));
  const marks = [...root.querySelectorAll("path.point")].filter(m => seen(m) && !m.closest(".bars")).map(m => ({
    box: box(m), fill: name(paint(m, "fill")), at: order.get(m) }));
  const drawn = [...root.querySelectorAll("path.js-line, path.yerror, path.xerror")];
  const inked = l => seen(l) && name(paint(l, "stroke"))[1] > 0 && number(l, "stroke-opacity") > 0;
  const lines = drawn.filter(inked).map(l => {
    const points = [], all = l.getTotalLength(), to = l.getScreenCTM();
    const held = l.closest("[clip-path]"), by = /#([^"')]+)/.exec(held?.getAttribute("clip-path") || "");
    const window = by && document.getElementById(by[1])?.querySelector("rect");
    const [left, top, wide, high] = ["x", "y", "width", "height"].map(side => Number(window?.getAttribute(side)));
    for (let at = 0; at <= all; at += 1) {
      const p = l.getPointAtLength(at).matrixTransform(to);
      const { x, y } = window ? p.matrixTransform(held.getScreenCTM().inverse()) : p;
      const clipped = window && (x < left || y < top || x > left + wide || y > top + high);
      if (!clipped) points.push([p.x, p.y]);
    }
    const dash = paint(l, "stroke-dasharray"), dashed = /[1-9]/.test(dash);
    return { points, stroke: name(paint(l, "stroke")), width: number(l, "stroke-width"), dashed,
      at: order.get(l), kind: l.getAttribute("class") };
  });
  const cells = [...root.querySelectorAll("path.js-fill")].filter(seen).map(c => ({ box: box(c) }));
  return { size: [view.width, view.height], texts, bars, marks, lines, cells };
}"""


def read(page, svg):
    """The parts of a picture, from its text."""
    seen = page.evaluate(READ, svg)
    for line in seen["lines"]:  # the pixels that are at most one away from it
        cells = {(round(x), round(y)) for x, y in line["points"]}
        line["near"] = {(x + i, y + j) for x, y in cells for i in (-1, 0, 1) for j in (-1, 0, 1)}
        xs, ys = [x for x, _ in line["points"]], [y for _, y in line["points"]]
        line["box"] = [min(xs), min(ys), max(xs), max(ys)] if xs else [0, 0, 0, 0]
    return seen


def under(points, line):
    """The share of some points that lie on a line."""
    return sum((round(x), round(y)) in line["near"] for x, y in points) / max(1, len(points))


def contrast(one, other):
    """Of two colours as #rrggbb, from 1 to 21, as WCAG counts it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def overlap(one, other):
    """How far two boxes lie over each other, in x and in y; negative where they are apart."""
    return [min(one[2 + i], other[2 + i]) - max(one[i], other[i]) for i in (0, 1)]


def shrunk(box, x, y):
    return [box[0] + x, box[1] + y, box[2] - x, box[3] - y]


def inside(point, box):
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


# --- what may be wrong with a picture, each as sentences --------------------------------------------------------


def outside(seen):
    """Words that leave the picture."""
    width, height = seen["size"]
    for text in seen["texts"]:
        left, top, right, bottom = text["box"]
        if left < -0.5 or top < -0.5 or right > width + 0.5 or bottom > height + 0.5:
            yield f"“{text['text']}” leaves the picture: {[round(v) for v in text['box']]}"


def crossed_words(seen):
    """Words over words, and ticks of an axis with less than a letter between them."""
    texts = seen["texts"]
    for i, one in enumerate(texts):
        for other in texts[i + 1 :]:
            x, y = overlap(one["box"], other["box"])
            if one["of"] != other["of"] and x > 1 and y > 3:
                yield f"“{one['text']}” lies over “{other['text']}” by {x:.0f} × {y:.0f}"
            elif one["tick"] == other["tick"] == "x" and one["of"] != other["of"] and y > 3 and x > -3:
                yield f"ticks “{one['text']}” and “{other['text']}” run together"


LENGTH = 4  # px of a line that may cross the middle of a word before it counts as struck through


def struck(seen):
    """Words through which a line goes, or that lie on a mark or a bar's edge; a ground of their own saves them."""
    for text in seen["texts"]:
        if text["tick"] or text["backed"]:
            continue
        height = text["box"][3] - text["box"][1]
        core = shrunk(text["box"], 2, 0.25 * height)
        for line in seen["lines"]:
            if min(overlap(core, line["box"])) < 0:
                continue
            through = sum(inside(point, core) for point in line["points"])
            if through >= LENGTH:
                yield f"“{text['text']}” is struck through by a {line['kind']} in {line['stroke'][0]}, {through} px"
        for mark in seen["marks"]:
            if min(overlap(core, mark["box"])) > 2:
                yield f"“{text['text']}” lies on a mark in {mark['fill'][0]}"
        for bar in seen["bars"]:
            x, y = overlap(core, bar["box"])
            if min(x, y) > 2 and x < 0.98 * (core[2] - core[0]):
                yield f"“{text['text']}” lies on the edge of a bar in {bar['fill'][0]}"


def covered(seen):
    """Marks of which a word with a ground of its own hides most, lines of which it hides half, cells that it stains."""
    for text in (text for text in seen["texts"] if text["backed"]):
        left, top, right, bottom = text["box"]
        for cell in seen["cells"]:
            wide, high = cell["box"][2] - cell["box"][0], cell["box"][3] - cell["box"][1]
            if (
                min(overlap(text["box"], cell["box"])) > 0.9 * (bottom - top)
                and wide < 3 * (right - left)
                and high < 90
            ):
                yield f"“{text['text']}” stains a cell"
        for mark in seen["marks"]:
            (x, y), (left, top, right, bottom) = overlap(text["box"], mark["box"]), mark["box"]
            if min(x, y) > 0 and x * y > 0.4 * (right - left) * (bottom - top):
                yield f"“{text['text']}” hides a mark in {mark['fill'][0]}"
        for line in seen["lines"]:
            if min(overlap(text["box"], line["box"])) > 0:
                hidden = sum(inside(point, text["box"]) for point in line["points"])
                if hidden > 0.5 * len(line["points"]):
                    yield f"“{text['text']}” hides a line in {line['stroke'][0]}"


def faint_words(seen):
    """Words with less than 4.5 : 1 on what lies under them, in either theme."""
    for text in seen["texts"]:
        under = [bar for bar in seen["bars"] if min(overlap(text["box"], bar["box"])) > 2 and bar["fill"][1] == 1]
        ground = "paper" if text["backed"] or not under else under[-1]["fill"][0]
        for theme, colours in (("light", LIGHT), ("dark", DARK)):
            ratio = contrast(colours[text["fill"][0]], colours[ground])
            if ratio < 4.5:
                yield f"“{text['text']}” in {text['fill'][0]} has {ratio:.2f} : 1 on {ground}, {theme}"


def lost_lines(seen):
    """Lines on a bar with less than 3 : 1 to it in either theme and no wider line of the ground's colour under them."""
    for line in seen["lines"]:
        for bar in seen["bars"]:
            if bar["at"] > line["at"] or bar["fill"][1] < 1 or min(overlap(line["box"], bar["box"])) < 0:
                continue
            on = [point for point in line["points"] if inside(point, shrunk(bar["box"], 1, 1))]
            weak = [theme for theme, colours in (("light", LIGHT), ("dark", DARK))
                    if contrast(colours[line["stroke"][0]], colours[bar["fill"][0]]) < 3]  # fmt: skip
            if len(on) > 2 and weak and not any(_halo(other, line, on) for other in seen["lines"]):
                yield f"a {line['kind']} in {line['stroke'][0]} is not seen on {bar['fill'][0]} ({', '.join(weak)})"


def _halo(other, line, on):
    """Whether one line is a rim of the ground's colour around these points of another."""
    if other["stroke"][0] != "paper" or other["at"] >= line["at"] or other["width"] < line["width"] + 2:
        return False
    return under(on, other) >= 0.9


def hidden_lines(seen):
    """Lines of which nearly all lies under a later one; of a series, whose marks tell, all but a twentieth."""
    for line in seen["lines"]:
        if len(line["points"]) < 60:
            continue
        for other in seen["lines"]:
            if other["at"] <= line["at"] or other["dashed"] or other["width"] < line["width"] - 0.5:
                continue
            if min(overlap(line["box"], other["box"])) > -2 and under(line["points"], other) > (
                0.75 if line["width"] < 2 else 0.95
            ):
                yield f"a line in {line['stroke'][0]} lies under one in {other['stroke'][0]}"


def small_words(seen):
    """Words that are smaller than 11 px; the stamp may have 10."""
    for text in seen["texts"]:
        if text["size"] < (10 if " · " in text["text"] else 11):
            yield f"“{text['text']}” has {text['size']} px"


def twins(seen):
    """Bars that touch, of two colours that are one in grey, without a pattern in either or a gap between them."""
    for i, one in enumerate(seen["bars"]):
        for other in seen["bars"][i + 1 :]:
            x, y = overlap(one["box"], other["box"])
            same, hatched = one["fill"][0] == other["fill"][0], one["pattern"] or other["pattern"]
            if same or hatched or min(x, y) < -1 or max(x, y) < 3 or min(one["fill"][1], other["fill"][1]) < 1:
                continue
            if contrast(LIGHT[one["fill"][0]], LIGHT[other["fill"][0]]) < 1.2:
                yield f"bars in {one['fill'][0]} and {other['fill'][0]} are one in grey"


FAULTS = (outside, crossed_words, struck, covered, faint_words, lost_lines, hidden_lines, small_words, twins)


def beyond(traces, layout):
    """The points of lines and marks that lie outside an axis, where a reader cannot see them; both as Plotly's JSON."""
    for trace in traces:
        if trace.get("type", "scatter") != "scatter" or trace.get("fill") == "toself":
            continue
        for point in zip(trace.get("x", []), trace.get("y", []), strict=False):
            for value, axis in zip(point, (layout["xaxis"], layout["yaxis"]), strict=True):
                if not isinstance(value, int | float) or not math.isfinite(value):
                    break
                if axis.get("type") == "log":
                    if value <= 0:
                        break
                    value = math.log10(value)
                low, high = sorted(axis["range"])
                if not low - 1e-3 * (high - low) <= value <= high + 1e-3 * (high - low):
                    yield f"{trace.get('name')} at {point[0]:g}, {point[1]:g}"
                    break


def faults(seen):
    """All of them."""
    return [said for fault in FAULTS for said in dict.fromkeys(fault(seen))]
