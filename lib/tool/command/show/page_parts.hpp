#pragma once

#include <string_view>

// The page of `show --html` but for its data. The script reads those from the element "data"; everything it shows of
// them goes into the page as text, never as markup.

namespace allot::tool {

constexpr std::string_view page_head = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Trace of memory</title>
<style>
)";

constexpr std::string_view page_style =
    R"(:root{color-scheme:light dark;--paper:#f5f6f9;--card:#fff;--line:#e1e5ec;--ink:#1b2330;--quiet:#667085;--row:#eceff4;
--c0:#3563e0;--c1:#c2571a;--c2:#138a5e;--c3:#a33bb8;--c4:#b08900;--c5:#c22f4b;--c6:#12849b;--c7:#5d6675}
@media (prefers-color-scheme:dark){:root{--paper:#0e1116;--card:#171c24;--line:#29303b;--ink:#e7eaf0;--quiet:#98a2b3;--row:#222933;
--c0:#6d94ff;--c1:#f0904e;--c2:#45c795;--c3:#d78bea;--c4:#dfbe4a;--c5:#f27f95;--c6:#55c4da;--c7:#a4adba}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1240px;margin:0 auto;padding:20px 24px 40px}
h1{font-size:22px;margin:0;overflow-wrap:anywhere}
h1 small{font-weight:400;font-size:14px;color:var(--quiet);margin-left:8px}
h2{font-size:13px;margin:0 0 10px}
h2 small{font-weight:400;color:var(--quiet)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px;margin-top:12px;min-width:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(168px,1fr));gap:12px}
.tile span,.tile i,.quiet{font-style:normal;color:var(--quiet);font-size:12.5px}
.tile b{display:block;font-size:20px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:0 12px}
@media (max-width:800px){.two{grid-template-columns:1fr}main{padding:12px}}
.bad{border-color:#c2571a}
.tools{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;margin-bottom:10px}
#moment{flex:1 1 260px;accent-color:var(--c0)}
button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:3px 12px;cursor:pointer}
:focus-visible{outline:2px solid var(--c0);outline-offset:1px}
canvas{display:block;width:100%}
.bars{display:grid;grid-template-columns:auto 1fr;gap:3px 10px;align-items:center}
.bars span{text-align:right;color:var(--quiet);font-size:12.5px;white-space:nowrap}
.bars div{display:flex;align-items:center;gap:8px;font-size:12.5px}
.bars s{display:block;height:13px;border-radius:3px;background:var(--c0);min-width:1px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px}
th{font-weight:400;color:var(--quiet);text-align:right;padding:3px 10px;white-space:nowrap}
td{text-align:right;padding:4px 10px;border-top:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0;white-space:normal;overflow-wrap:anywhere;min-width:120px}
.traits{border:0;color:var(--quiet);white-space:normal;text-align:left}
pre{font:12px/1.4 ui-monospace,Menlo,Consolas,monospace;margin:2px 0 10px;white-space:pre-wrap;overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:12.5px;margin-top:8px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px}
)";

constexpr std::string_view page_body = R"(</style>
</head>
<body>
<main>
<h1 id="name"></h1>
<section class="card bad" id="damage" hidden></section>
<section class="tiles" id="tiles" aria-label="Figures"></section>
<section class="card"><h2>Bytes that live, over time <small>choose a moment to see the heap then</small></h2><canvas id="times" height="190" role="img" aria-label="Bytes that live, over time"></canvas><div class="legend" id="lines"></div></section>
<section class="card"><h2>The heap by address <small>as full as the colour is strong; what no block ever had is left out</small></h2>
<div class="tools"><button id="first">Start</button><input type="range" id="moment" min="0" max="0" value="0" aria-label="Moment"><button id="peak">Peak</button><button id="last">End</button></div>
<p class="quiet" id="when" role="status"></p>
<canvas id="heap" height="60" role="img" aria-label="The heap at this moment"></canvas><p class="quiet" id="cell">&nbsp;</p><div class="legend" id="layers"></div></section>
<section class="card"><h2>Resources</h2><div class="scroll"><table id="resources"></table></div></section>
<div class="two"><section class="card"><h2>Blocks by size <small>from the power of two named</small></h2><div class="bars" id="sizes"></div></section>
<section class="card"><h2>The commonest sizes <small id="different"></small></h2><div class="bars" id="commonest"></div></section></div>
<div class="two"><section class="card"><h2>Blocks by life time <small>from the power of two in nanoseconds named</small></h2><div class="bars" id="lives"></div></section>
<section class="card"><h2>Tags</h2><div class="scroll"><table id="tags"></table></div></section></div>
<section class="card" id="stacks" hidden><h2>Call stacks with the most bytes at the peak</h2><div id="atpeak"></div><h2>Call stacks with the most allocations</h2><div id="often"></div></section>
</main>
<script type="application/json" id="data">
)";

constexpr std::string_view page_middle = "\n</script>\n<script>\n";

constexpr std::string_view page_script = R"('use strict';
(() => {
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const bytes = n => {
  if (n === 1) return '1 byte';
  let i = 0;
  for (; n >= 1023.95 && i < 6; ++i) n /= 1024;
  return (i ? n.toFixed(1) : n) + ' ' + units[i];
};
const time = n => {
  if (n < 1000) return Math.round(n) + ' ns';
  let i = 0;
  for (n /= 1000; n >= 999.995 && i < 2; ++i) n /= 1000;
  return n.toFixed(2) + ' ' + ['us', 'ms', 's'][i];
};
const number = n => n.toLocaleString('en');
const count = (n, what) => number(n) + ' ' + what + (n === 1 ? '' : 's');
const make = (tag, words, kind) => {
  const e = document.createElement(tag);
  if (words !== undefined) e.textContent = words;
  if (kind) e.className = kind;
  return e;
};
const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

// ---- figures

const trace = data.trace;
document.title = 'Trace of ' + (trace.program || trace.file);
$('name').append(trace.program || trace.file, make('small', trace.program ? trace.file : ''));
const tile = (name, value, more) => {
  const t = make('div', undefined, 'card tile');
  t.append(make('span', name), make('b', value), make('i', more));
  $('tiles').append(t);
};
tile('Recorded', time(trace.nanoseconds), trace.started);
tile('Events', number(trace.events), 'by ' + count(trace.threads, 'thread'));
tile('Allocations', number(data.all.allocations), bytes(data.all.bytes) + ' together');
tile('Peak', bytes(data.peak.bytes), 'in ' + count(data.peak.blocks, 'block') + ' after ' + time(data.peak.nanoseconds));
tile('At the end', bytes(data.all.at_end.bytes), 'in ' + count(data.all.at_end.blocks, 'block'));
const troubles = trace.damage.map(d => 'Damaged at byte ' + d.offset + ', ' + count(d.bytes, 'byte') + ' left out: ' + d.problem);
if (data.damaged_parts > troubles.length) troubles.push('and ' + count(data.damaged_parts - troubles.length, 'damaged part') + ' more');
if (trace.dropped) troubles.push(count(trace.dropped, 'event') + ' were lost while recording');
if (trace.mended) troubles.push(count(trace.mended, 'event') + ' that make no sense without others that are not there');
if (!trace.complete) troubles.push('The trace was not closed: the program ended early, or still runs');
for (const words of troubles) $('damage').append(make('div', words));
$('damage').hidden = !troubles.length;

// ---- tables and bars

const table = (to, names, rows) => {
  const head = make('tr');
  for (const n of names) head.append(make('th', n));
  to.append(head);
  for (const cells of rows) {
    const r = make('tr');
    for (const c of cells) r.append(make('td', c));
    to.append(r);
  }
};
const use = u => [number(u.allocations), bytes(u.bytes), bytes(u.peak), bytes(u.at_end.bytes), number(u.at_end.blocks)];
const heads = ['allocations', 'bytes', 'peak', 'live at the end', 'in blocks'];
table($('resources'), ['name', ...heads, 'refused', 'resized', 'life time'], []);
for (const r of data.resources) {
  const row = make('tr');
  for (const c of [r.name, ...use(r), number(r.refused), number(r.resized), r.ended ? time(r.average_life_time) : '-']) row.append(make('td', c));
  const more = make('tr'), traits = make('td', r.traits.join('; '), 'traits');
  traits.colSpan = 9;
  more.append(traits);
  $('resources').append(row, more);
}
table($('tags'), ['tag', ...heads], data.tags.map(t => [t.name || '(no tag)', ...use(t)]));
const bars = (to, rows) => {
  const most = Math.max(1, ...rows.map(r => r[1]));
  for (const [name, blocks] of rows) {
    const bar = make('s'), cell = make('div');
    bar.style.width = 75 * blocks / most + '%';
    cell.append(bar, number(blocks));
    to.append(make('span', name), cell);
  }
  if (!rows.length) to.append(make('span', 'none'));
};
bars($('sizes'), data.histogram.by_power_of_two.map(s => [bytes(s.from), s.blocks]));
bars($('commonest'), data.histogram.commonest.slice(0, 20).map(s => [number(s.bytes), s.blocks]));
$('different').textContent = 'of ' + count(data.histogram.sizes, 'size');
bars($('lives'), data.life_times.map(s => [time(s.from), s.blocks]));
const stacks = (to, all) => {
  for (const s of all)
    to.append(make('div', bytes(s.at_peak.bytes) + ' at the peak, ' + count(s.allocations, 'allocation') + ' of ' + bytes(s.bytes) + ' together'), make('pre', s.stack));
};
stacks($('atpeak'), data.stacks.most_at_peak);
stacks($('often'), data.stacks.most_allocations);
$('stacks').hidden = !data.stacks.most_allocations.length;

// ---- bytes over time

const heaps = data.heaps, moments = heaps.moments;
let at = Math.max(0, moments.findIndex(m => m.peak));
const pen = (canvas, height) => {
  const sharp = devicePixelRatio || 1;
  canvas.style.height = height + 'px';
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * sharp));
  canvas.height = Math.round(height * sharp);
  const p = canvas.getContext('2d');
  p.setTransform(sharp, 0, 0, sharp, 0, 0);
  p.font = '11.5px system-ui, sans-serif';
  return p;
};
const live = data.live_bytes, left = 76, bottom = 20, high = 190;
const span = live.most_live.length * live.nanoseconds_each || 1;
const series = Object.entries(live.by_resource);
const several = series.length > 1;
const drawTimes = () => {
  const canvas = $('times'), p = pen(canvas, high), wide = canvas.clientWidth - left - 4;
  const most = Math.max(1, ...live.most_live);
  const y = n => high - bottom - (high - bottom - 8) * n / most;
  p.fillStyle = colour('quiet');
  p.textAlign = 'right';
  for (const part of [0, .5, 1]) {
    p.fillText(bytes(Math.round(most * part)), left - 8, y(most * part) + 4);
    p.fillRect(left, y(most * part), wide, .3);
  }
  p.fillText(time(span), left + wide, high - 4);
  p.textAlign = 'left';
  p.fillText('0', left, high - 4);
  const line = (all, name, filled) => {
    if (!all.length) return;
    p.beginPath();
    p.moveTo(left, y(0));
    all.forEach((n, i) => { p.lineTo(left + wide * i / all.length, y(n)); p.lineTo(left + wide * (i + 1) / all.length, y(n)); });
    p.lineTo(left + wide, y(0));
    if (filled) { p.globalAlpha = .22; p.fillStyle = colour(name); p.fill(); p.globalAlpha = 1; }
    p.strokeStyle = colour(name);
    p.stroke();
  };
  line(live.most_live, several ? 'quiet' : 'c0', true);
  if (several) series.forEach(([, all], i) => line(all, 'c' + i % 8, false));
  if (!moments.length) return;
  p.fillStyle = colour('ink');
  p.fillRect(left + wide * Math.min(1, moments[at].nanoseconds / span) - .75, 4, 1.5, high - bottom - 4);
};
const legend = (to, names) => names.forEach((name, i) => {
  const one = make('span'), swatch = make('i');
  swatch.style.background = 'var(--c' + i % 8 + ')';
  one.append(swatch, name);
  to.append(one);
});
if (several) legend($('lines'), series.map(s => s[0]));

// ---- the heap at a moment

const cells = heaps.ranges.length ? heaps.ranges.reduce((n, r) => n + r[4], 0) : 0;
const columns = Math.min(96, Math.max(1, cells)), rows = Math.ceil(cells / columns), step = 18, margin = 128;
const level = new Map([...heaps.digits].map((c, i) => [c, i]));
const starts = new Set(heaps.ranges.map(r => r[3]));
const rangeOf = i => heaps.ranges.find(r => i >= r[3] && i < r[3] + r[4]);
const addressOf = (i, r = rangeOf(i)) => '0x' + (BigInt(r[0]) + BigInt(i - r[3]) * BigInt(r[2])).toString(16);
const drawHeap = () => {
  const canvas = $('heap'), p = pen(canvas, Math.max(20, rows * step)), w = (canvas.clientWidth - margin) / columns;
  if (!cells || !moments.length) { p.fillStyle = colour('quiet'); p.fillText('No block was allocated.', 4, 14); return; }
  const m = moments[at], inks = heaps.layers.map((_, i) => colour('c' + i)), empty = colour('row'), seam = colour('ink');
  for (let i = 0; i < cells; ++i) {
    const x = margin + i % columns * w, y = Math.floor(i / columns) * step, full = level.get(m.levels[i]);
    if (i % columns === 0) { p.fillStyle = colour('quiet'); p.fillText(addressOf(i), 0, y + 12); }
    p.fillStyle = empty;
    p.fillRect(x, y, w - .5, step - 3);
    if (full) {
      p.globalAlpha = .2 + .8 * full / 63;
      p.fillStyle = inks[m.leading ? level.get(m.leading[i]) : 0];
      p.fillRect(x, y, w - .5, step - 3);
      p.globalAlpha = 1;
    }
    if (i && starts.has(i)) { p.fillStyle = seam; p.fillRect(x - 1, y, 1.5, step - 3); }
  }
};
const show = to => {
  at = Math.max(0, Math.min(moments.length - 1, to));
  $('moment').value = at;
  const m = moments[at];
  $('when').textContent = m ? 'After event ' + number(m.order) + ', ' + time(m.nanoseconds) + (m.peak ? ' (the peak)' : '') + ': ' + bytes(m.bytes) + ' in ' + count(m.blocks, 'block') : 'There are no events.';
  drawTimes();
  drawHeap();
};
if (heaps.layers.length > 1) legend($('layers'), heaps.layers);
$('moment').max = Math.max(0, moments.length - 1);
$('moment').addEventListener('input', e => show(+e.target.value));
$('first').addEventListener('click', () => show(0));
$('last').addEventListener('click', () => show(moments.length - 1));
$('peak').addEventListener('click', () => show(moments.findIndex(m => m.peak)));
$('times').addEventListener('click', e => {
  const box = $('times').getBoundingClientRect(), when = (e.clientX - box.left - left) / (box.width - left - 4) * span;
  let best = 0;
  moments.forEach((m, i) => { if (Math.abs(m.nanoseconds - when) < Math.abs(moments[best].nanoseconds - when)) best = i; });
  show(best);
});
$('heap').addEventListener('mousemove', e => {
  const box = $('heap').getBoundingClientRect(), m = moments[at];
  const column = Math.floor((e.clientX - box.left - margin) / (box.width - margin) * columns);
  const i = Math.floor((e.clientY - box.top) / step) * columns + column, r = rangeOf(i);
  if (!r || !m || column < 0) { $('cell').textContent = '\u00a0'; return; }
  const full = level.get(m.levels[i]);
  $('cell').textContent = addressOf(i, r) + ', ' + bytes(r[2]) + ': ' + (full ? 'about ' + Math.max(1, Math.round(full / 63 * 100)) + ' % live' : 'nothing lives') + (full && m.leading ? ', most of it of ' + heaps.layers[level.get(m.leading[i])] : '');
});
addEventListener('resize', () => show(at));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show(at));
show(at);
})();
)";

constexpr std::string_view page_end = "</script>\n</body>\n</html>\n";

}  // namespace allot::tool
