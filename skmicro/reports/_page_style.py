"""The style of a page: two themes, small screens, paper.

Every rule is bound to the class of the report, so that none reaches the notebook around it.
"""

LIGHT = {
    "back": "#ffffff", "card": "#f4f5f7", "text": "#1b1d21", "soft": "#555c66", "rule": "#d5d9df",
    "band": "#cfd5dd", "edge": "#68707c", "alarm": "#b3261e", "good": "#1b6e3c", "open": "#7a5200",
    "c0": "#0b5cad", "c1": "#a8430a", "c2": "#1b7340", "c3": "#7f37ac", "c4": "#a11d4f",
    "c5": "#555f00",
}  # fmt: skip
DARK = {
    "back": "#15171b", "card": "#1f2228", "text": "#e8eaed", "soft": "#a9b1bc", "rule": "#3b414b",
    "band": "#444c58", "edge": "#a0a8b4", "alarm": "#ff8a80", "good": "#7ddc9a", "open": "#f0c060",
    "c0": "#6cb2ff", "c1": "#ffab70", "c2": "#7ddc9a", "c3": "#d3a4ff", "c4": "#ff8fb3",
    "c5": "#d3d66b",
}  # fmt: skip
N_COLOURS = 6
ROOT = ".skmicro-report"

# Notebooks give every other line of a table a background of their theme.
RULES = """
& {background: var(--back); color: var(--text); max-width: 68rem; box-sizing: border-box;
  font: 1rem/1.5 system-ui, sans-serif; padding: .25rem 1rem 1rem; text-align: left;
  overflow-wrap: anywhere}
& * {box-sizing: border-box}
& h1 {font-size: 1.7rem; line-height: 1.2; margin: 1rem 0 .5rem}
& h2 {font-size: 1.25rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--rule)}
& h3 {font-size: 1.05rem; margin: 1.2rem 0 .3rem}
& p {margin: .4rem 0; max-width: 46rem}
& .soft, & figcaption, & caption {color: var(--soft); font-size: .875rem}
& .verdict {border-left: .35rem solid var(--open); background: var(--card); padding: .6rem 1rem;
  margin: 1rem 0; break-inside: avoid}
& .verdict p {margin: .15rem 0}
& .verdict .said {font-size: 1.15rem; font-weight: 600}
& .verdict.differ, & .verdict.copies {border-color: var(--alarm)}
& .verdict.alike {border-color: var(--good)}
& figure {margin: 0; break-inside: avoid}
& figcaption {margin: .4rem 0 .2rem; line-height: 1.35}
& .row {display: grid; gap: .9rem; margin: .6rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 8.5rem), 1fr))}
& .strip {display: grid; gap: .4rem; grid-template-columns: repeat(8, minmax(0, 1fr))}
& .pairs {grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr))}
& .pair {display: grid; gap: .4rem; grid-template-columns: 1fr 1fr}
& .odd {grid-template-columns: repeat(4, minmax(0, 1fr))}
& .wide {grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr))}
& img {display: block; width: 100%; height: auto; max-width: 16rem; image-rendering: pixelated;
  border: 1px solid var(--rule); margin: 0}
& table {border-collapse: collapse; width: 100%; margin: .6rem 0; table-layout: fixed;
  font-size: .9rem; border: 0; color: inherit}
& caption {text-align: left; padding-bottom: .4rem; caption-side: top}
& tr, & th, & td {background: none !important; border: 0}
& th, & td {text-align: left; vertical-align: top; padding: .3rem .5rem .3rem 0;
  font-weight: normal; white-space: normal}
& tbody tr {border-top: 1px solid var(--rule); break-inside: avoid}
& thead th {font-weight: 600; color: var(--soft); font-size: .8rem}
& thead th:first-child {width: 32%}
& thead th.p {width: 4.6rem}
& th.kind {padding: 1.2rem .5rem .4rem 0; font-weight: 600; font-size: 1rem}
& th.kind span {display: block; font-weight: normal; color: var(--soft); font-size: .875rem}
& .line + .line {margin-top: .35rem}
& .digits {color: var(--soft); font-size: .78rem; line-height: 1.3;
  font-variant-numeric: tabular-nums}
& .digits b {color: var(--text); font-weight: 600}
& .off-text {color: var(--alarm); font-weight: 600}
& .legend {display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; margin: .4rem 0;
  list-style: none; font-size: .875rem}
& svg {vertical-align: middle}
& svg.interval {display: block; overflow: visible}
& svg.curves {display: block; width: 100%; height: auto; max-width: 27rem}
& .band {fill: var(--band); stroke: var(--edge); stroke-width: 1}
& .tick {stroke: var(--edge); stroke-width: 2}
& .whisker {stroke: var(--own); stroke-width: 2.5}
& .mark {fill: var(--own); stroke: var(--back); stroke-width: 1.5}
& .alone .off {--own: var(--alarm)}
& .area {fill: var(--own); fill-opacity: .16; stroke: var(--own); stroke-opacity: .55}
& .curve {stroke: var(--own); stroke-width: 2; fill: none}
& .real {--own: var(--edge)}
& .curve.real {stroke-dasharray: 5 3}
& .axis {stroke: var(--soft); fill: none}
& .grid {stroke: var(--rule); fill: none}
& svg text {fill: var(--soft); font: 12px system-ui, sans-serif}
& svg .under {text-anchor: middle}
& svg .beside {text-anchor: end}
& pre {white-space: pre-wrap; background: var(--card); color: var(--text); padding: .7rem 1rem;
  font-size: .85rem; margin: .5rem 0; break-inside: avoid}
& code {font-family: ui-monospace, monospace; font-size: .92em; background: none; color: inherit}
& dl {display: grid; grid-template-columns: minmax(6rem, 12rem) minmax(0, 1fr); gap: .15rem 1rem;
  margin: .4rem 0; font-size: .875rem}
& dt {color: var(--soft)}
& dd {margin: 0}
& summary {cursor: pointer; margin: .6rem 0}
& .calibration thead th:first-child {width: 21%}
"""

NARROW = """
& h1 {font-size: 1.4rem}
& .strip {grid-template-columns: repeat(4, minmax(0, 1fr))}
& .row.odd {grid-template-columns: 1fr 1fr}
& table {font-size: .8rem}
& thead th:first-child {width: 31%}
& thead th.p {width: 3.6rem}
"""

PRINT = """
& {max-width: none; padding: 0; font-size: .85rem}
& .verdict {border: 1px solid var(--edge); border-left-width: .35rem}
& .row.wide {grid-template-columns: 1fr 1fr}
& .strip {grid-template-columns: repeat(8, minmax(0, 1fr))}
& .row.odd {grid-template-columns: repeat(4, minmax(0, 1fr))}
& h2, & h3, & th.kind, & section > p {break-after: avoid}
& p {break-inside: avoid}
& img, & .verdict, & pre {print-color-adjust: exact}
"""


def style(page):
    """Return the style element of a page, or, if ``page`` is false, of a part of a notebook."""
    themes = [_theme(ROOT, LIGHT, "light"), _in("prefers-color-scheme: dark", DARK_THEME)]
    if page:
        edges = _theme(":root", LIGHT, "light") + _in("prefers-color-scheme: dark", DARK_ROOT)
        edges += "body{margin:0;background:var(--back)}main{margin:0 auto}@page{margin:14mm}"
        white = _theme(f":root,{ROOT}", LIGHT, "light")
        themes += [edges]
    else:
        # Notebooks have a theme of their own, which need not be that of the system.
        themes += [_theme(f'[data-jp-theme-light="true"] {ROOT},.vscode-light {ROOT}', LIGHT,
                          "light"),
                   _theme(f'[data-jp-theme-light="false"] {ROOT},.vscode-dark {ROOT}', DARK,
                          "dark")]  # fmt: skip
        white = _theme(ROOT, LIGHT, "light")
    own = "".join(f"{ROOT} .c{k}{{--own:var(--c{k})}}" for k in range(N_COLOURS))
    small = _in("max-width: 40rem", _bound(NARROW))
    paper = f"@media print{{{white}{_bound(PRINT)}}}"
    return f"<style>{''.join(themes)}{own}{_bound(RULES)}{small}{paper}</style>"


def _theme(selector, colours, scheme):
    colours = "".join(f"--{name}:{value};" for name, value in colours.items())
    return f"{selector}{{color-scheme:{scheme};{colours}}}"


def _in(condition, rules):
    return f"@media screen and ({condition}){{{rules}}}"


def _bound(rules):
    return " ".join(rules.split()).replace("&", ROOT)


DARK_THEME = _theme(ROOT, DARK, "dark")
DARK_ROOT = _theme(":root", DARK, "dark")
