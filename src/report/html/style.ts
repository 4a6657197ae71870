/** The page's style: one column that fits a phone, colours for dark and light, and for paper. */
export const style = `
:root { color-scheme: light dark; --fg: #1b1f24; --dim: #57606a; --bg: #ffffff; --panel: #f6f8fa; --line: #d0d7de;
  --error: #c62828; --warning: #9a6700; --note: #0a5fb4; --good: #1a7f37; --bar: #dfe5ec; --clean: #8fb8a0; --kept: #3f8f5f; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6edf3; --dim: #9aa4b0; --bg: #0d1117; --panel: #161b22; --line: #30363d;
  --error: #ff7b72; --warning: #e3b341; --note: #79c0ff; --good: #56d364; --bar: #2a313a; --clean: #3c6650; --kept: #3f9a63; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 7rem; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; color: var(--fg); background: var(--bg);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .2rem 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 0; } h4 { font-size: .9rem; margin: .6rem 0 .2rem; }
p { margin: .3rem 0; } .dim, figcaption p, .label span { color: var(--dim); font-size: .85rem; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .85em; }
a { color: var(--note); } .verdict { display: inline-block; padding: 0 .5rem; border-radius: .4rem; color: var(--bg); }
.verdict.damaged { background: var(--error); } .verdict.clean { background: var(--good); } .verdict.incomplete, .verdict.unfinished { background: var(--warning); }
p.next { margin: .8rem 0; padding: .5rem .7rem; background: var(--panel); border: 1px solid var(--line); border-left: 4px solid var(--good); border-radius: .3rem; }
p.next code { display: block; padding-left: 1.5em; text-indent: -1.5em; user-select: all; } .tag { border-radius: .2rem; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; background: var(--bg); padding: .3rem; z-index: 3; }
figure { margin: 1rem 0; padding: .8rem; background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; }
.row { margin: .45rem 0; } .label { font-size: .85rem; } .label b { font-weight: 600; }
.bar { position: relative; height: 1.1rem; background: var(--bar); border-radius: .2rem; overflow: hidden; }
.bar.missing, .box.missing { background: none; border: 1px dashed var(--error); }
.bar.refused { background: repeating-linear-gradient(135deg, var(--bar) 0 6px, transparent 6px 10px); border: 1px dashed var(--error); }
.mark, .span { position: absolute; top: 0; bottom: 0; } .mark { min-width: 4px; border-right: 1px solid var(--bg); }
.mark.error { background: var(--error); } .mark.warning { background: var(--warning); } .mark.note { background: var(--note); }
.mark:focus-visible, .box:focus-visible, summary:focus-visible, pre:focus-visible { outline: 3px solid var(--note); outline-offset: 1px; }
.span { min-width: 3px; background: var(--clean); } .span.wal { background: var(--note); } .span.kept { background: var(--kept); }
.span.damaged { background: repeating-linear-gradient(135deg, var(--error) 0 5px, transparent 5px 8px); border: 1px solid var(--error); }
.span.suspicious { background: repeating-linear-gradient(135deg, var(--warning) 0 5px, transparent 5px 8px); border: 1px solid var(--warning); }
.boxes { display: flex; gap: 2px; height: 1.4rem; } .box { flex: 1 1 0; min-width: 2px; background: var(--clean); border-radius: 2px; }
.box.damaged { min-width: 12px; background: repeating-linear-gradient(135deg, var(--error) 0 5px, transparent 5px 8px); border: 1px solid var(--error); }
.box.suspicious { min-width: 12px; background: repeating-linear-gradient(135deg, var(--warning) 0 5px, transparent 5px 8px); border: 1px solid var(--warning); }
.box.missing { min-width: 12px; } .box.unchecked { background: var(--bar); border: 1px solid var(--line); }
.filter { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; padding: .5rem 0;
  background: var(--bg); border-bottom: 1px solid var(--line); }
.filter input[type=search] { flex: 1 1 12rem; min-width: 0; font: inherit; padding: .25rem .5rem; color: inherit; background: var(--panel);
  border: 1px solid var(--line); border-radius: .3rem; }
.filter label { white-space: nowrap; }
.finding { content-visibility: auto; contain-intrinsic-size: auto 3.4rem; border: 1px solid var(--line); border-left-width: 4px; border-radius: .3rem;
  margin: .35rem 0; padding: .3rem .6rem; background: var(--panel); }
.finding[open] { content-visibility: visible; }
.finding.error { border-left-color: var(--error); } .finding.warning { border-left-color: var(--warning); } .finding.note { border-left-color: var(--note); }
.finding:target { outline: 2px solid var(--note); } summary { cursor: pointer; } .message { display: block; } .place { color: var(--dim); font-size: .9rem; }
.tag { font-size: .8rem; font-weight: 700; } .tag.error { color: var(--error); } .tag.warning { color: var(--warning); } .tag.note { color: var(--note); }
dl { margin: .4rem 0; } .line { display: flex; gap: .6rem; } dt { flex: 0 0 5.5rem; color: var(--dim); } dd { margin: 0; min-width: 0; }
pre.hex { overflow-x: auto; padding: .5rem; border: 1px solid var(--line); border-radius: .3rem; background: var(--bg); overflow-wrap: normal; }
mark { color: var(--bg); background: var(--error); }
table { border-collapse: collapse; font-size: .85rem; } th, td { text-align: left; padding: .15rem .7rem .15rem 0; vertical-align: top; }
.scroll { overflow-x: auto; } td.number { text-align: right; white-space: nowrap; } [hidden] { display: none !important; }
@media (max-width: 40rem) { body { padding: .6rem; } .line { display: block; } html { scroll-padding-top: 9rem; } }
@media print { body { max-width: none; font-size: 10pt; } .filter, .skip { display: none; } .finding { content-visibility: visible; break-inside: avoid; }
  figure, .row { break-inside: avoid; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } pre.hex { white-space: pre-wrap; } }
`;
