"""The reports' style sheet: its colours are chosen once for light and once for dark."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark;
  --paper: #ffffff; --panel: #f4f5f7; --ink: #1b1f24; --soft: #5a6370; --line: #d9dde3;
  --fault: #c8323a; --boot: #2468c8; --reboot: #7d4fd0; --start: #1f8a5b; --stop: #b06f00;
  --delete: #7a828e; --good: #1a7f4b; --unsure: #9a6700; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171c; --panel: #1d2229; --ink: #e6e9ee; --soft: #9aa4b1; --line: #323943;
  --fault: #ff6b70; --boot: #62a0ff; --reboot: #b08cff; --start: #4cc38a; --stop: #e5a33c;
  --delete: #8f99a7; --good: #4cc38a; --unsure: #e5b53c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 64px; }
header { display: flex; align-items: center; gap: 16px; flex-wrap: wrap; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 34px 0 10px; }
p { margin: 8px 0; }
.verdict { margin: 0; padding: 2px 14px; border-radius: 999px; font-weight: 700;
  color: var(--paper); }
.valid { background: var(--good); } .invalid { background: var(--fault); }
.unknown { background: var(--unsure); }
.facts, .small, .note { color: var(--soft); font-size: 13px; } .facts b { color: var(--ink); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px;
  margin-top: 18px; }
.tiles div { background: var(--panel); border-radius: 8px; padding: 10px 14px; }
.tiles span { display: block; color: var(--soft); font-size: 12.5px; }
.tiles strong { font-size: 21px; font-variant-numeric: tabular-nums; }
.overview { width: 100%; height: 72px; display: block; background: var(--panel);
  border-radius: 6px; }
.area { fill: var(--boot); fill-opacity: .4; } .tick { stroke: var(--fault); stroke-width: 1px;
  vector-effect: non-scaling-stroke; }
.note { display: flex; justify-content: space-between; margin: 4px 0 0; }
.timeline { display: flex; background: var(--panel); border-radius: 8px; padding: 10px 12px; }
.scroll { overflow-x: auto; flex: 1; } .labels { flex: none; }
svg text { font-size: 12px; fill: var(--soft); } svg text.role { fill: var(--ink); }
.grid { stroke: var(--line); } .rule { stroke: var(--fault); stroke-opacity: .28; }
.fault { fill: var(--fault); } .pause { fill: var(--fault); fill-opacity: .45; }
.away { fill: var(--fault); fill-opacity: .35; }
.missed { fill: none; stroke: var(--fault); stroke-opacity: .7; }
.op.boot { fill: var(--boot); } .op.reboot { fill: var(--reboot); }
.op.start { fill: var(--start); } .op.stop { fill: var(--stop); }
.op.delete { fill: var(--delete); }
.op.refused { fill: none; stroke: var(--stop); } .op.open { fill: var(--fault); }
.op.indefinite { fill: none; stroke: var(--fault); stroke-dasharray: 2 2; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--soft); }
.key { display: inline-block; width: 14px; height: 8px; border-radius: 2px; margin-right: 6px; }
.key.boot { background: var(--boot); } .key.reboot { background: var(--reboot); }
.key.start { background: var(--start); } .key.stop { background: var(--stop); }
.key.delete { background: var(--delete); } .key.open { background: var(--fault); }
.key.refused { border: 1px solid var(--stop); }
.key.indefinite { border: 1px dashed var(--fault); }
.key.round, .key.square, .key.diamond { width: 10px; height: 10px; background: var(--fault);
  vertical-align: -1px; }
.key.round { border-radius: 50%; } .key.square { border-radius: 0; }
.key.diamond { border-radius: 0; transform: rotate(45deg) scale(.85); }
.key.paused { background: var(--fault); opacity: .45; height: 10px; vertical-align: -1px; }
.key.thin { background: var(--fault); opacity: .35; height: 4px; vertical-align: 2px; }
.key.empty { width: 9px; height: 9px; border: 1px solid var(--fault); border-radius: 50%; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
  gap: 0 32px; align-items: start; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--fault); font-weight: 600; }
"""
