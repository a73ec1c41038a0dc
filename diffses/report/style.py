"""The look of the pages, and the colours that pictures share with them."""

from __future__ import annotations

INK = "#1d2129"
FAINT = "#6a7280"
RULE = "#d9dce1"

# a policy has one colour wherever it appears
POLICY = {
    "random": "#9aa1ab",
    "teacher": "#3f6fb0",
    "linear": "#c98a1b",
    "distilled": "#4c9a6a",
    "finetuned": "#b8433a",
}
SEEDS = ("#b8433a", "#3f6fb0", "#4c9a6a", "#c98a1b", "#7a5ba6", "#3a9aa8", "#a05a3c", "#6a7280")

# and so has an object, in the order in which the features name them
OBJECTS = ("#b8433a", "#2f67ab", "#2f7f52", "#8a5a00", "#6f4fa0", "#1f7f8c", "#8f4a2c", "#555c66")

CSS = """
:root { --ink: #1d2129; --faint: #6a7280; --rule: #d9dce1; --wash: #f6f7f8; --accent: #b8433a; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 17px/1.55 "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif",
  "Liberation Serif", Georgia, serif; }
main { max-width: 960px; margin: 0 auto; padding: 40px 28px 80px; }
h1 { font-size: 38px; line-height: 1.15; font-weight: 600; margin: 4px 0 14px; }
h2 { font-size: 23px; font-weight: 600; margin: 0 0 12px; }
h3 { font-size: 17px; font-weight: 600; margin: 26px 0 6px; }
section { margin-top: 44px; padding-top: 22px; border-top: 1px solid var(--rule); }
p { margin: 0 0 12px; max-width: 46em; }
.kicker, table, summary, figcaption, .figures, .note, .command {
  font-family: "Helvetica Neue", Arial, "Liberation Sans", "Noto Sans", sans-serif; }
.kicker { color: var(--faint); font-size: 13px; letter-spacing: .04em; margin: 0; }
.lead { font-size: 21px; line-height: 1.45; max-width: 38em; margin-bottom: 16px; }
.note, figcaption { color: var(--faint); font-size: 13.5px; line-height: 1.5; max-width: 800px; }
.warning { background: #fdf3e3; border-left: 4px solid #d9902f; padding: 12px 16px; margin: 18px 0;
  max-width: none; }
.warning p { margin: 0; max-width: none; } .warning p + p { margin-top: 8px; }
.failure { background: #fbeceb; border-left: 4px solid var(--accent); padding: 12px 16px;
  margin: 14px 0; } .failure p { margin: 0; } .failure p + p { margin-top: 6px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 28px; margin: 24px 0 6px; }
.figures div { min-width: 84px; } .figures b { display: block; font-size: 23px; font-weight: 600;
  font-variant-numeric: tabular-nums; line-height: 1.25; }
.figures span { color: var(--faint); font-size: 13px; }
.scroll { overflow-x: auto; margin: 10px 0 14px; }
table { border-collapse: collapse; width: 100%; max-width: 800px; font-size: 14.5px;
  font-variant-numeric: tabular-nums; }
table.results { max-width: none; } table.results th, table.results td { padding-right: 12px; }
table.results th.number { width: 9%; } table.results .text { white-space: nowrap; }
code { white-space: nowrap; } pre code, .failure code { white-space: inherit; }
th { font-weight: 600; color: var(--faint); font-size: 12.5px; white-space: nowrap;
  border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th, td { padding: 6px 18px 6px 0; text-align: left; }
td { border-bottom: 1px solid var(--rule); }
.number { text-align: right; white-space: nowrap; } .number:last-child { padding-right: 0; }
tr.marked td { font-weight: 600; background: var(--wash); }
td code, p code { font-size: .88em; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px; }
figure { margin: 18px 0 22px; } figure img { display: block; max-width: 100%; height: auto; }
figure.wide img { width: 100%; } figcaption { margin-top: 8px; }
.columns { display: flex; flex-wrap: wrap; gap: 8px 36px; align-items: flex-start; }
figure.sample { flex: 0 1 620px; margin-top: 4px; } figure.sample img { width: 100%; }
.beside { flex: 1 1 560px; } .beside p { margin-bottom: 8px; line-height: 1.5; }
figure.tree { overflow-x: auto; }
.formula { font: 14.5px/1.75 "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono",
  monospace; margin: 14px 0; }
.formula div.tree { display: grid; grid-template-columns: var(--action) minmax(0, 1fr);
  column-gap: 12px; padding: 9px 14px; border-bottom: 1px solid var(--rule); }
.formula div.tree:first-child { border-top: 1px solid var(--rule); }
.formula .action { font-weight: 700; text-align: right; } .formula .term { white-space: nowrap; }
.formula .term.long { white-space: normal; overflow-wrap: anywhere; }
.formula .const { color: var(--faint); }
pre, code { font-family: "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono",
  monospace; }
pre { background: var(--wash); padding: 12px 14px; font-size: 12.5px; line-height: 1.5;
  margin: 10px 0; overflow-x: auto; } pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: 10px 0; } summary { cursor: pointer; font-size: 14.5px; color: #2f67ab; }
details[open] summary { margin-bottom: 8px; }
a { color: #2f67ab; }
.formula.typeset { font-family: inherit; font-size: 17px; line-height: 2; }
.formula.typeset .action { font-size: 14px; font-family: "SF Mono", Menlo, Consolas,
  "DejaVu Sans Mono", "Liberation Mono", monospace; }
.formula.typeset math { margin-right: 5px; }
.formula.typeset div.tree > :not(.action) { overflow-x: auto; }
math { font-family: "STIX Two Math", "Latin Modern Math", "Cambria Math", "DejaVu Serif", math; }
.stage { display: grid; grid-template-columns: minmax(0, 480px) minmax(0, 1fr); gap: 8px 28px;
  align-items: start; } .stage.bare { grid-template-columns: 1fr; }
.stage canvas { width: 100%; height: auto; image-rendering: pixelated; background: #000; }
.sides h3 { margin: 14px 0 6px; font-size: 14px; } .sides .says { margin: 0; font-size: 18px; }
.bar { display: grid; grid-template-columns: minmax(0, 1.6fr) 1fr 62px; gap: 10px; font-size: 13px;
  line-height: 1.7; align-items: center; font-family: "Helvetica Neue", Arial, "Liberation Sans",
  sans-serif; }
.bar .name { overflow-wrap: anywhere; line-height: 1.3; } .bar .track { position: relative;
  height: 11px; background: linear-gradient(var(--rule), var(--rule)) center/1px 100% no-repeat; }
.bar .fill { position: absolute; top: 1px; bottom: 1px; background: #b9bfc9; }
.bar .value, .row .value { text-align: right; font-variant-numeric: tabular-nums; }
.bar.marked { font-weight: 600; color: var(--accent); } .bar.marked .fill {
  background: var(--accent); }
.controls { display: flex; gap: 10px; align-items: center; margin: 14px 0;
  font: 14px "Helvetica Neue", Arial, "Liberation Sans", sans-serif; }
  .controls input { flex: 1; } .controls button {
  font: inherit; padding: 4px 12px; border: 1px solid var(--rule); background: var(--wash);
  border-radius: 4px; cursor: pointer; } .controls span { min-width: 118px; text-align: right;
  font-variant-numeric: tabular-nums; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 2px 28px;
  font-size: 13px; } .row div { display: flex; justify-content: space-between; }
@media (max-width: 700px) { .stage { grid-template-columns: 1fr; } }
@media (max-width: 860px) { th, td { padding-right: 10px; } table { font-size: 13.5px; } }
@media (max-width: 600px) { main { padding: 24px 16px 60px; } h1 { font-size: 29px; }
  .lead { font-size: 18px; } .formula div.tree { grid-template-columns: 1fr; }
  .formula .action { text-align: left; } }
@media print { main { max-width: none; padding: 0; } section { break-inside: avoid-page; } }
"""
