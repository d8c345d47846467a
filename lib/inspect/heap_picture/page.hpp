#pragma once

#include <string_view>

// The page of write_html() but for its data. The script reads those from the element "data"; everything it shows of
// them goes into the page as text, never as markup.

namespace allot {

constexpr std::string_view page_style =
    R"(:root{color-scheme:light;--paper:#f5f6f9;--card:#fff;--line:#e1e5ec;--ink:#1b2330;--quiet:#667085;--row:#eceff4;
--used:#3563e0;--free:#a4dcc1;--quarantined:#e9b95c;--unknown:#b3a7cf;--accent:#3563e0;--seam:#fff;--pick:#111827;--shadow:0 1px 2px #1018280d,0 4px 16px #10182812}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;--paper:#0e1116;--card:#171c24;--line:#29303b;--ink:#e7eaf0;
--quiet:#98a2b3;--row:#222933;--used:#6d94ff;--free:#2f6f55;--quarantined:#a8792a;--unknown:#76699a;--accent:#8aa8ff;--seam:#171c24;--pick:#fff;--shadow:none}}
:root[data-theme=dark]{color-scheme:dark;--paper:#0e1116;--card:#171c24;--line:#29303b;--ink:#e7eaf0;
--quiet:#98a2b3;--row:#222933;--used:#6d94ff;--free:#2f6f55;--quarantined:#a8792a;--unknown:#76699a;--accent:#8aa8ff;--seam:#171c24;--pick:#fff;--shadow:none}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
font-variant-numeric:tabular-nums}
main,header{max-width:1240px;margin:0 auto;padding:0 24px}
header{display:flex;align-items:center;justify-content:space-between;gap:16px;padding-top:22px}
h1{font-size:22px;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
h1 small{font-weight:400;font-size:14px;color:var(--quiet);margin-left:8px}
h2{font-size:13px;margin:0 0 12px;font-weight:600}
h2 small{font-weight:400;color:var(--quiet)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;box-shadow:var(--shadow)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(168px,1fr));gap:12px;margin:18px 0 12px}
.tile{padding:12px 16px}
.tile span{color:var(--quiet);font-size:12.5px;display:flex;align-items:center;gap:7px}
.tile b{display:block;font-size:21px;font-weight:650;letter-spacing:-.01em;margin-top:2px}
.tile i{font-style:normal;color:var(--quiet);font-size:12.5px}
.swatch{width:11px;height:11px;border-radius:3px;flex:none;display:inline-block}
.used{background:var(--used)}.free{background:var(--free)}.quarantined{background:var(--quarantined)}.unknown{background:var(--unknown)}
.tools{display:flex;flex-wrap:wrap;gap:10px 22px;align-items:center;padding:11px 16px;border-bottom:1px solid var(--line)}
.group{display:flex;align-items:center;gap:7px}
.group>span{color:var(--quiet);font-size:12.5px}
button,input[type=text]{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:4px 10px}
button{cursor:pointer;display:inline-flex;align-items:center;gap:7px}
button:hover{border-color:var(--quiet)}
button[aria-pressed=false]{opacity:.5}
.switch{display:inline-flex;border:1px solid var(--line);border-radius:9px;overflow:hidden;background:var(--card);flex:none}
.switch button{border:0;border-radius:0;opacity:1;color:var(--quiet)}
.switch button[aria-pressed=true]{background:var(--row);color:var(--ink)}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
input[type=text]{width:76px}
input[type=range]{width:120px;accent-color:var(--accent)}
input[aria-invalid=true]{border-color:#d92d20}
#found{margin-left:auto;color:var(--quiet);font-size:12.5px}
#view{position:relative;overflow:auto;max-height:58vh;min-height:56px;overscroll-behavior:contain;border-radius:0 0 12px 12px}
#view canvas{position:sticky;top:0;left:0;display:block;width:100%}
#empty{padding:28px;text-align:center;color:var(--quiet)}
.lower{display:grid;grid-template-columns:3fr 2fr;gap:12px;margin:12px 0 28px}
.lower>.card{padding:14px 16px;min-width:0}
@media (max-width:800px){.lower{grid-template-columns:1fr}main,header{padding-left:12px;padding-right:12px}}
#sizes{display:flex;align-items:flex-end;gap:3px;height:150px}
.bar{flex:1 1 0;min-width:0;height:100%;display:flex;flex-direction:column;justify-content:flex-end;padding:0;border:0;border-radius:5px;gap:0;
background:none;max-width:72px}
.bar:hover,.bar[aria-pressed=true]{background:var(--row)}
.bar[aria-pressed=false]{opacity:1}
.bar u{text-decoration:none;font-size:11px;color:var(--quiet);line-height:16px;white-space:nowrap}
.bar s{display:block;width:calc(100% - 4px);flex:none}
.facts{display:grid;grid-template-columns:auto 1fr;gap:3px 16px;margin:0}
.facts dt{color:var(--quiet)}
.facts dd{margin:0;text-align:right;overflow-wrap:anywhere}
code{font:12.5px ui-monospace,"SF Mono",Menlo,Consolas,monospace}
#tip{position:fixed;z-index:9;pointer-events:none;padding:9px 13px;max-width:330px;font-size:13px;box-shadow:0 6px 24px #0003}
#tip[hidden]{display:none}
p.note{color:var(--quiet);font-size:12.5px;margin:10px 0 0}
)";

constexpr std::string_view page_body = R"(<body>
<header><h1 id="name"></h1>
<div class="switch" role="group" aria-label="Colours" id="theme"><button data-to="">Auto</button><button data-to="light">Light</button><button data-to="dark">Dark</button></div></header>
<main>
<section class="tiles" id="tiles" aria-label="Figures"></section>
<section class="card" aria-label="Map">
<div class="tools">
<div class="group" id="states" role="group" aria-label="States shown"></div>
<div class="group"><span>Size from</span><input type="text" id="from" aria-label="Smallest size" placeholder="0"><span>to</span><input type="text" id="to" aria-label="Largest size" placeholder="any"></div>
<div class="group"><span>Zoom</span><button id="out" aria-label="Zoom out">&minus;</button><input type="range" id="zoom" min="0" max="0" step="0.25" value="0" aria-label="Zoom"><button id="in" aria-label="Zoom in">+</button><button id="fit">Fit</button></div>
<span id="found" role="status"></span>
</div>
<div id="view" tabindex="0" role="application" aria-label="Map of the heap: left and right go from block to block, plus and minus zoom"><canvas></canvas><div id="spacer"></div></div>
<div id="empty" hidden>The resource tells of no blocks.</div>
</section>
<section class="lower">
<div class="card"><h2>Blocks by size <small>from the power of two named; choose one to see where they are</small></h2><div id="sizes"></div></div>
<div class="card"><h2>Block <small id="hint">point at one, or choose it</small></h2><dl class="facts" id="facts" aria-live="polite"></dl><p class="note" id="note"></p></div>
</section>
</main>
<div id="tip" class="card" role="tooltip" hidden><dl class="facts"></dl></div>
)";

constexpr std::string_view page_script = R"('use strict';
(() => {
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const states = ['used', 'free', 'quarantined', 'unknown'];
const upwards = [0, 2, 3, 1];  // in which order they fill what is drawn
const isShown = s => s < 2 || data.shares[2 * s];
const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const bytes = n => {
  if (n === 1) return '1 byte';
  let i = 0;
  for (; n >= 1023.95 && i < 6; ++i) n /= 1024;
  return (i ? (Math.round(n * 10) / 10).toFixed(1) : n) + ' ' + units[i];
};
const count = n => n.toLocaleString('en') + (n === 1 ? ' block' : ' blocks');
const make = (tag, words, kind) => {
  const e = document.createElement(tag);
  if (words !== undefined) e.textContent = words;
  if (kind) e.className = kind;
  return e;
};

// ---- cells, on one long line

const base = BigInt(data.at);
const cells = [];
let length = 0, offset = 0;
for (const raw of data.cells) {
  const one = raw.length === 4;
  offset += raw[0];
  if (cells.length) length += raw[0] > data.largestGap ? data.breakLength : raw[0];
  const c = {at: length, offset, span: raw[1], one, smallest: one ? raw[1] : raw[2], largest: one ? raw[1] : raw[3],
             exact: one ? raw[3] : raw[4], blocks: states.map(() => 0), bytes: states.map(() => 0)};
  if (one) { c.blocks[raw[2]] = 1; c.bytes[raw[2]] = raw[1]; }
  else for (let s = 0; s < states.length; ++s) { c.blocks[s] = raw[5 + 2 * s]; c.bytes[s] = raw[6 + 2 * s]; }
  cells.push(c);
  length += c.span;
  offset += c.span;
}
const address = n => '0x' + (base + BigInt(n)).toString(16);

// The last cell that starts at or before a place on the line, or -1.
const cellBefore = at => {
  let low = 0, high = cells.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cells[middle].at <= at) low = middle + 1; else high = middle;
  }
  return low - 1;
};

// ---- filters

const shown = states.map(() => true);
let from = 0, to = Infinity;
const matches = c => c.largest >= from && c.smallest <= to && states.some((_, s) => shown[s] && c.blocks[s]);
const parseSize = (text, none) => {
  if (!text.trim()) return none;
  const m = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b|bytes?)?\s*$/i.exec(text);
  return m ? m[1] * 1024 ** ' kmgt'.indexOf(m[2].toLowerCase() || ' ') : NaN;
};

// ---- the map

const view = $('view'), canvas = view.querySelector('canvas'), pen = canvas.getContext('2d');
const rowHeight = 22, rowStep = 26, top = 12, left = 140, right = 16;
const fitRows = Math.min(18, Math.max(1, Math.ceil(cells.length / 48)));
let zoom = 0, picked = -1, pointed = -1;
const mostZoom = length > 0 ? Math.max(0, Math.min(Math.log2(200000 / fitRows), Math.log2(length / fitRows / 64))) : 0;
const rowBytes = () => length / (fitRows * 2 ** zoom) || 1;
const rowCount = () => Math.max(1, Math.ceil(length / rowBytes() - 1e-9));
const mapWidth = () => view.clientWidth - left - right;
const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

const layOut = () => {
  const all = rowCount() * rowStep + 2 * top - 4;
  const limit = Math.max(240, Math.round(innerHeight * .58));
  const high = Math.min(all, limit);
  view.style.height = high + 'px';
  $('spacer').style.height = Math.max(0, all - high) + 'px';
  const sharp = devicePixelRatio || 1;
  canvas.style.height = high + 'px';
  canvas.width = Math.max(1, Math.round(view.clientWidth * sharp));
  canvas.height = Math.max(1, Math.round(high * sharp));
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  draw();
};

// Calls piece(cell, index, x, width, row) for what is in a row.
const inRow = (row, piece) => {
  const start = row * rowBytes(), end = start + rowBytes(), scale = mapWidth() / rowBytes();
  for (let i = Math.max(0, cellBefore(start)); i < cells.length && cells[i].at < end; ++i) {
    const a = Math.max(cells[i].at, start), b = Math.min(cells[i].at + cells[i].span, end);
    if (b > a) piece(cells[i], i, left + (a - start) * scale, (b - a) * scale);
  }
};

const draw = () => {
  const ink = {};
  for (const name of [...states, 'row', 'quiet', 'seam', 'pick']) ink[name] = colour(name);
  const height = canvas.clientHeight;
  pen.clearRect(0, 0, view.clientWidth, height);
  pen.font = '11.5px ui-monospace, "SF Mono", Menlo, Consolas, monospace';
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  const first = Math.max(0, Math.floor((view.scrollTop - top) / rowStep));
  for (let row = first; row < rowCount(); ++row) {
    const y = top + row * rowStep - view.scrollTop;
    if (y > height) break;
    pen.globalAlpha = 1;
    pen.fillStyle = ink.row;
    pen.fillRect(left, y, Math.min(1, (length - row * rowBytes()) / rowBytes()) * mapWidth(), rowHeight);
    let labelled = false;
    inRow(row, (c, i, x, w) => {
      if (!labelled) {
        pen.globalAlpha = 1;
        pen.fillStyle = ink.quiet;
        pen.fillText(address(c.offset + Math.floor(Math.max(0, row * rowBytes() - c.at))), left - 12, y + rowHeight / 2);
        labelled = true;
      }
      const wide = Math.max(w - (w > 4 ? 1 : 0), .5);
      pen.globalAlpha = matches(c) ? 1 : .13;
      let bottom = y + rowHeight;
      for (const s of upwards) {
        if (!c.bytes[s]) continue;
        const h = rowHeight * Math.min(1, c.bytes[s] / c.span);
        bottom -= h;
        pen.fillStyle = ink[states[s]];
        pen.fillRect(x, bottom, wide, h);
      }
      if (i === picked || i === pointed) {
        pen.globalAlpha = 1;
        pen.strokeStyle = ink.pick;
        pen.lineWidth = 2;
        pen.strokeRect(x - 1, y - 1, Math.max(wide, 2) + 2, rowHeight + 2);
      }
    });
  }
};

const cellAt = (x, y) => {
  const box = canvas.getBoundingClientRect();
  const row = Math.floor((y - box.top + view.scrollTop - top) / rowStep);
  const inside = (x - box.left - left) / mapWidth();
  if (row < 0 || row >= rowCount() || inside < 0 || inside >= 1) return -1;
  const at = (row + inside) * rowBytes(), pixel = rowBytes() / mapWidth();
  // A block too narrow to hit is taken for two pixels beside it.
  for (const reach of [0, pixel, -pixel, 2 * pixel, -2 * pixel]) {
    const i = cellBefore(at + reach);
    if (i >= 0 && at + reach < cells[i].at + cells[i].span) return i;
  }
  return -1;
};

// ---- facts of a block

const factsOf = c => {
  const facts = [['Address', address(c.offset)]];
  if (c.one) {
    facts.push(['State', states[c.blocks.findIndex(n => n)]]);
    facts.push(['Size', bytes(c.span) + (c.span >= 1024 ? ' (' + c.span.toLocaleString('en') + ' bytes)' : '')]);
    facts.push(['Size is', c.exact ? 'as asked for' : 'rounded, or a region']);
  } else {
    const all = c.blocks.reduce((a, b) => a + b);
    facts.push(['Blocks', all.toLocaleString('en')], ['Sizes', bytes(c.smallest) + ' to ' + bytes(c.largest)]);
    states.forEach((name, s) => {
      if (c.blocks[s]) facts.push([name[0].toUpperCase() + name.slice(1), bytes(c.bytes[s]) + ' in ' + count(c.blocks[s])]);
    });
  }
  facts.push(['Ends at', address(c.offset + c.span)]);
  return facts;
};
const list = (into, facts) => into.replaceChildren(...facts.flatMap(([word, value]) => {
  const dd = make('dd');
  dd.append(/^0x/.test(value) ? make('code', value) : value);
  return [make('dt', word), dd];
}));

const tip = $('tip');
const point = (i, x, y) => {
  if (i !== pointed) {
    pointed = i;
    if (i >= 0) list(tip.firstElementChild, factsOf(cells[i]));
    if (i >= 0 && picked < 0) list($('facts'), factsOf(cells[i]));
    draw();
  }
  tip.hidden = i < 0;
  if (i < 0) return;
  tip.style.left = Math.max(8, Math.min(x + 16, innerWidth - tip.offsetWidth - 8)) + 'px';
  tip.style.top = (y + 20 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 14 : y + 20) + 'px';
};
const pick = i => {
  picked = i;
  $('hint').textContent = i < 0 ? 'point at one, or choose it' : 'chosen; Escape lets go';
  list($('facts'), i < 0 ? [] : factsOf(cells[i]));
  draw();
};
view.addEventListener('pointermove', e => point(cellAt(e.clientX, e.clientY), e.clientX, e.clientY));
view.addEventListener('pointerleave', () => point(-1));
view.addEventListener('click', e => pick(cellAt(e.clientX, e.clientY)));
view.addEventListener('scroll', () => { point(-1); draw(); });

// ---- zoom

// The place on the line at `y` pixels below the map's upper edge stays there.
const setZoom = (wanted, y) => {
  const next = Math.max(0, Math.min(mostZoom, wanted));
  const held = y === undefined ? canvas.clientHeight / 2 : y;
  const at = (view.scrollTop + held - top) / rowStep * rowBytes();
  zoom = next;
  $('zoom').value = zoom;
  $('out').disabled = zoom <= 0;
  $('in').disabled = zoom >= mostZoom;
  layOut();
  view.scrollTop = at / rowBytes() * rowStep + top - held;
  draw();
};
$('zoom').max = mostZoom;
$('zoom').addEventListener('input', e => setZoom(+e.target.value));
$('in').addEventListener('click', () => setZoom(zoom + 1));
$('out').addEventListener('click', () => setZoom(zoom - 1));
$('fit').addEventListener('click', () => setZoom(0));
view.addEventListener('wheel', e => {
  if (!e.ctrlKey && !e.metaKey) return;
  e.preventDefault();
  setZoom(zoom - e.deltaY / 120, e.clientY - canvas.getBoundingClientRect().top);
}, {passive: false});
const reveal = i => {
  const y = top + Math.floor(cells[i].at / rowBytes()) * rowStep;
  if (y < view.scrollTop + top) view.scrollTop = y - top;
  if (y + rowStep > view.scrollTop + canvas.clientHeight) view.scrollTop = y + rowStep + top - canvas.clientHeight;
};
view.addEventListener('keydown', e => {
  const step = {ArrowRight: 1, ArrowLeft: -1}[e.key];
  if (step) {
    let i = picked < 0 ? (step > 0 ? 0 : cells.length - 1) : picked + step;
    while (cells[i] && !matches(cells[i])) i += step;
    if (!cells[i]) return;
    e.preventDefault();
    pick(i);
    reveal(i);
  } else if (e.key === 'Escape') pick(-1);
  else if (e.key === '+' || e.key === '=') setZoom(zoom + 1);
  else if (e.key === '-') setZoom(zoom - 1);
});

// ---- figures, states, sizes

const tile = (word, value, more, state) => {
  const t = make('div', undefined, 'card tile'), head = make('span');
  if (state) head.append(make('i', undefined, 'swatch ' + state));
  head.append(word);
  t.append(head, make('b', value), make('i', more));
  $('tiles').append(t);
};
const blocksOf = shares => states.reduce((sum, _, s) => sum + shares[2 * s], 0);
const total = blocksOf(data.shares);
$('name').textContent = data.name;
if (data.kind !== data.name) $('name').append(make('small', data.kind));
states.forEach((name, s) => {
  if (isShown(s)) tile(name[0].toUpperCase() + name.slice(1), bytes(data.shares[2 * s + 1]), count(data.shares[2 * s]), name);
});
tile('Largest free block', bytes(data.largestFree), data.shares[3] ? 'of ' + bytes(data.shares[3]) + ' free' : 'nothing is free');
tile('Fragmentation', (data.fragmentation * 100).toFixed(1) + ' %', '1 \u2212 largest free / all free');
if (data.reserved) tile('Held', bytes(data.reserved), bytes(data.committed) + ' committed');

const bars = [];
const refresh = () => {
  let cellsFound = 0, blocks = 0, size = 0;
  for (const c of cells) {
    if (!matches(c)) continue;
    ++cellsFound;
    states.forEach((_, s) => { if (shown[s]) { blocks += c.blocks[s]; size += c.bytes[s]; } });
  }
  $('found').textContent = (data.window && (from > 0 || to < Infinity) ? 'about ' : '') + blocks.toLocaleString('en') + ' of ' + count(total) + ', ' + bytes(size);
  for (const [bar, low] of bars) bar.setAttribute('aria-pressed', from === low && to === 2 * low - 1);
  draw();
};
states.forEach((name, s) => {
  if (!isShown(s)) return;
  const b = make('button');
  b.append(make('i', undefined, 'swatch ' + name), name[0].toUpperCase() + name.slice(1));
  b.dataset.state = name;
  b.setAttribute('aria-pressed', 'true');
  b.addEventListener('click', () => {
    shown[s] = !shown[s];
    b.setAttribute('aria-pressed', shown[s]);
    refresh();
  });
  $('states').append(b);
});
const readSizes = () => {
  const low = parseSize($('from').value, 0), high = parseSize($('to').value, Infinity);
  $('from').setAttribute('aria-invalid', isNaN(low));
  $('to').setAttribute('aria-invalid', isNaN(high));
  if (isNaN(low) || isNaN(high)) return;
  [from, to] = [low, high];
  refresh();
};
$('from').addEventListener('input', readSizes);
$('to').addEventListener('input', readSizes);

const most = Math.max(...data.sizes.map(blocksOf));
const filled = data.sizes.map((s, i) => blocksOf(s) ? i : -1).filter(i => i >= 0);
for (let i = filled[0]; i <= filled[filled.length - 1]; ++i) {
  const s = data.sizes[i], n = blocksOf(s), low = 2 ** i;
  const bar = make('button', undefined, 'bar');
  bar.append(make('u', n ? (n >= 10000 ? Math.round(n / 1000) + 'k' : n) : ''));
  for (const k of [...upwards].reverse()) {
    if (!s[2 * k]) continue;
    const part = make('s', undefined, states[k]);
    part.style.height = Math.max(1.5, s[2 * k] / most * 112) + 'px';
    bar.append(part);
  }
  bar.append(make('u', 2 ** (i % 10) + ' ' + 'BKMGTPE'[Math.floor(i / 10)]));
  bar.title = count(n) + ' of ' + bytes(low) + ' to ' + bytes(2 * low - 1) + ': ' + s[0] + ' used, ' + s[2] + ' free';
  bar.dataset.from = low;
  bar.addEventListener('click', () => {
    const off = from === low && to === 2 * low - 1;
    $('from').value = off ? '' : low;
    $('to').value = off ? '' : 2 * low - 1;
    readSizes();
  });
  bars.push([bar, low]);
  $('sizes').append(bar);
}
if (data.window) $('note').textContent = 'There are more blocks than can be shown one by one: those of less than ' + bytes(data.window) +
  ' that begin in the same ' + bytes(data.window) + ' are drawn together, filled from below as far as they are used.';
view.hidden = !cells.length;
$('empty').hidden = cells.length > 0;

// ---- light and dark

const setTheme = to => {
  if (to) document.documentElement.dataset.theme = to; else delete document.documentElement.dataset.theme;
  for (const b of $('theme').children) b.setAttribute('aria-pressed', b.dataset.to === to);
  draw();
};
for (const b of $('theme').children) b.addEventListener('click', () => setTheme(b.dataset.to));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
addEventListener('resize', layOut);

setTheme('');
setZoom(0);
refresh();
})();
)";

}  // namespace allot
