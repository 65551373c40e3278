/** The style of the status page. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f2; --card: #fff; --edge: #e4e6e0; --text: #1c2321; --soft: #59635f; --well: #f6f6f3; --grid: #eceee9;
  --good: #1f7a52; --good-soft: #e2f3ea; --warn: #855400; --warn-soft: #fcf0d4; --bad: #ad4527; --bad-soft: #fbeae4;
  --calm: #4d5d7a; --calm-soft: #e8edf5; --glow: 85%;
  --line-0: #2f6fdb; --line-1: #d1622b; --line-2: #1f8a5b; --line-3: #8a4fc7; --line-4: #b07c00; --line-5: #0d8797;
  --line-6: #c2357a; --line-7: #66707a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121615; --card: #1a201e; --edge: #29312e; --text: #eaf0ed; --soft: #a3b0aa; --well: #141918; --grid: #252d2a;
    --good: #6fd3a4; --good-soft: #1d3a2e; --warn: #e9c26c; --warn-soft: #3d3116; --bad: #f2a084; --bad-soft: #43261c;
    --calm: #a9bddd; --calm-soft: #263246; --glow: 45%;
    --line-0: #7fb0ff; --line-1: #f59d6c; --line-2: #6fd3a4; --line-3: #c7a3f5; --line-4: #e6c15c; --line-5: #68cfdd;
    --line-6: #f29ac2; --line-7: #aeb8c0;
  }
}
[data-tone=good] { --tone: var(--good); --tone-soft: var(--good-soft); }
[data-tone=warn] { --tone: var(--warn); --tone-soft: var(--warn-soft); }
[data-tone=bad] { --tone: var(--bad); --tone-soft: var(--bad-soft); }
[data-tone=calm] { --tone: var(--calm); --tone-soft: var(--calm-soft); }
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
body {
  max-width: 1200px; min-height: 100vh; min-height: 100dvh; margin: 0 auto; padding: 40px 28px 28px;
  display: flex; flex-direction: column; gap: 20px; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; overflow-wrap: anywhere;
}
html {
  background: var(--ground);
}
body::before {
  content: ""; position: absolute; z-index: -1; inset: 0 0 auto 0; height: 420px; pointer-events: none;
  background: radial-gradient(900px 420px at 50% 0, color-mix(in srgb, var(--tone-soft) var(--glow), transparent), transparent) no-repeat;
}
body { background: none; }
h1 { font-size: 27px; line-height: 1.25; font-weight: 650; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 15px; font-weight: 650; }
.soft, #about, footer { color: var(--soft); }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
a { color: inherit; text-underline-offset: 3px; }
:focus-visible { outline: 2px solid var(--line-0); outline-offset: 2px; border-radius: 6px; }
header { display: flex; align-items: center; justify-content: space-between; gap: 16px; flex-wrap: wrap; }
.who { display: flex; align-items: center; gap: 16px; min-width: 0; }
.sign { display: block; flex: none; width: 52px; height: 52px; }
.disc { fill: var(--tone-soft); }
.stroke { fill: none; stroke: var(--tone); stroke-width: 5; stroke-linecap: round; stroke-linejoin: round; display: none; }
body[data-tone=good] .for-good, body[data-tone=warn] .for-warn, body[data-tone=bad] .for-bad,
body[data-tone=calm] .for-calm { display: inline; }
.pill {
  display: inline-flex; align-items: center; gap: 7px; padding: 3px 11px 3px 9px; border-radius: 99px; white-space: nowrap;
  background: var(--tone-soft); color: var(--tone); font-size: 13px; font-weight: 600; line-height: 1.5;
}
.pill .mark { width: 12px; text-align: center; font-size: 12px; line-height: 1; }
.pulse { width: 8px; height: 8px; border-radius: 50%; background: var(--tone); }
.notice, #notice {
  padding: 13px 18px; border-radius: 14px; background: var(--tone-soft); color: var(--tone); font-weight: 550;
  border: 1px solid color-mix(in srgb, var(--tone) 30%, transparent);
}
main { display: flex; flex-direction: column; gap: 20px; transition: opacity .2s, filter .2s; }
body.lost main { opacity: .85; filter: saturate(.3); }
.card {
  padding: 20px 22px; background: var(--card); border: 1px solid var(--edge); border-radius: 18px; min-width: 0;
  box-shadow: 0 1px 2px rgb(0 0 0 / .03), 0 14px 40px -20px rgb(0 0 0 / .12);
}
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 14px; }
.tiles > div {
  padding: 15px 20px; background: var(--card); border: 1px solid var(--edge); border-radius: 16px; min-width: 0;
  display: flex; flex-direction: column; justify-content: space-between; gap: 4px;
}
dt { font-size: 13px; color: var(--soft); line-height: 1.35; }
dd { font-size: 25px; font-weight: 620; letter-spacing: -.015em; line-height: 1.25; font-variant-numeric: tabular-nums; }
dd small { font-size: 13px; font-weight: 500; letter-spacing: 0; color: var(--soft); margin-inline-start: 7px; white-space: nowrap; }
.scroll { overflow-x: auto; margin: 10px -22px -20px; padding: 0 22px 10px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 11px 0 11px 20px; text-align: end; vertical-align: top; font-weight: 400; white-space: nowrap; }
thead th { padding-block: 6px; font-size: 13px; color: var(--soft); }
thead th[title] { cursor: help; }
th:first-child, td:first-child { padding-inline-start: 0; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: start; }
tbody tr { border-top: 1px solid var(--edge); }
tbody th { width: 40%; min-width: 220px; white-space: normal; }
.name { display: flex; align-items: baseline; gap: 10px; font-weight: 600; }
.name bdi {
  min-width: 0; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden;
}
.swatch { flex: none; width: 16px; height: 4px; border-radius: 2px; background: var(--line, var(--edge)); align-self: flex-start; margin-top: 10px; }
.why { display: block; margin: 2px 0 0 26px; color: var(--tone); font-size: 14px; line-height: 1.45; max-height: 7.3em; overflow-y: auto; }
.since { display: block; margin-top: 3px; padding-inline-start: 9px; font-size: 13px; color: var(--soft); }
td.some { color: var(--bad); font-weight: 600; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
figcaption { display: flex; justify-content: space-between; align-items: baseline; gap: 12px; }
figcaption span { font-size: 13px; white-space: nowrap; font-variant-numeric: tabular-nums; }
.chart { display: block; width: 100%; height: 200px; margin-top: 12px; touch-action: pan-y; overflow: visible; }
.chart text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); stroke-width: 1; }
.axis { stroke: var(--edge); stroke-width: 1; }
.cursor { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
.line { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.dot { fill: var(--line); stroke: var(--card); stroke-width: 2; }
.line-0 { --line: var(--line-0); } .line-1 { --line: var(--line-1); } .line-2 { --line: var(--line-2); }
.line-3 { --line: var(--line-3); } .line-4 { --line: var(--line-4); } .line-5 { --line: var(--line-5); }
.line-6 { --line: var(--line-6); } .line-7 { --line: var(--line-7); }
.line.line-4, .line.line-5, .line.line-6, .line.line-7 { stroke-dasharray: 7 4; }
.legend { list-style: none; padding: 0; margin-top: 10px; font-size: 13px; display: grid; gap: 3px; }
.legend li { display: flex; align-items: baseline; gap: 9px; min-width: 0; }
.legend .swatch { margin-top: 8px; }
.legend bdi { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--soft); }
.legend b { font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
#changes { list-style: none; padding: 0; margin-top: 8px; }
#changes li { display: flex; gap: 14px; padding: 7px 0; border-top: 1px solid var(--edge); align-items: baseline; }
#changes li:first-child { border-top: 0; }
#changes time { flex: none; color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
#changes span { min-width: 0; }
#changes b { font-weight: 600; color: var(--tone); }
#no-changes { margin-top: 6px; }
footer { display: flex; justify-content: space-between; gap: 8px 24px; flex-wrap: wrap; font-size: 13px; padding: 4px 4px 0; margin-top: auto; }
nav a { margin-inline-end: 14px; }
@media (max-width: 1000px) {
  th, td { padding-inline-start: 13px; }
  tbody th { min-width: 170px; }
  .charts { grid-template-columns: 1fr; }
}
@media (max-width: 940px) {
  body { padding: 24px 14px 20px; gap: 14px; }
  main, .charts { gap: 14px; }
  h1 { font-size: 22px; }
  .sign { width: 44px; height: 44px; }
  .who { gap: 13px; }
  .card { padding: 16px; border-radius: 16px; }
  .tiles { gap: 10px; grid-template-columns: repeat(auto-fit, minmax(135px, 1fr)); }
  .tiles > div { padding: 12px 15px; }
  dd { font-size: 22px; }
  .scroll { margin: 0; padding: 0; overflow: visible; }
  table, tbody, tr, tbody th { display: block; width: 100%; min-width: 0; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(64px, 1fr)); gap: 8px 10px; padding: 14px 0; }
  tbody tr:first-child { border-top: 0; }
  tbody tr:last-child { padding-bottom: 0; }
  tbody th, tbody td { padding: 0; text-align: start; white-space: normal; }
  tbody th, tbody td:nth-child(2) { grid-column: 1 / -1; }
  tbody td:nth-child(2) { display: flex; align-items: center; gap: 10px; }
  tbody td:nth-child(n+3)::before { content: attr(data-label); display: block; font-size: 12px; font-weight: 400; color: var(--soft); }
  .since { margin: 0; padding: 0; }
}
@media (max-width: 480px) {
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles > div:first-child { grid-column: 1 / -1; }
  .chart { height: 170px; }
  .why { margin-inline-start: 0; }
  #changes li { flex-direction: column; gap: 0; }
}
@media (prefers-reduced-motion: no-preference) {
  [data-tone=good] .pulse { animation: pulse 2s ease-in-out infinite; }
  @keyframes pulse { 50% { opacity: .35; } }
}
@media (prefers-reduced-motion: reduce) { main { transition: none; } }
@media (forced-colors: active) {
  .disc { fill: none; stroke: CanvasText; stroke-width: 2; }
  .stroke { stroke: CanvasText; }
  .pill, #notice { border: 1px solid CanvasText; }
  .swatch { forced-color-adjust: none; }
}
`;
