"""How a page looks: on a screen wide or narrow, light or dark, and in print."""

from darts_tf.visualize import figure as figure_lib

# Each text stands out from its ground by 4.5 to 1, as WCAG 2 asks for.
LIGHT = {
    "ground": "#ffffff",
    "ink": "#222222",
    "soft": "#555555",
    "line": "#d0d4d9",
    "panel": "#f4f6f8",
    "link": "#0057a0",
    "marked": "#fff2d6",
}
DARK = {
    "ground": "#14181d",
    "ink": "#e8e8e8",
    "soft": "#b4bac1",
    "line": "#3a424b",
    "panel": "#1c2127",
    "link": "#7cbcf5",
    "marked": "#40340f",
}

_STYLE = """
:root { color-scheme: light dark; %s }
body { font: 15px/1.5 system-ui, Helvetica, Arial, sans-serif;
       color: var(--ink); background: var(--ground);
       max-width: 1100px; margin: 0 auto; padding: 1.5em; }
h1 { font-size: 1.6em; line-height: 1.25; margin: 0 0 .2em; }
h2 { font-size: 1.2em; margin: 2.2em 0 .5em; padding-bottom: .2em;
     border-bottom: 1px solid var(--line); }
h3 { font-size: 1em; margin: 1.4em 0 .3em; }
p { max-width: 48em; margin: .5em 0; overflow-wrap: anywhere; }
a, summary { color: var(--link); }
.lead { font-size: 1.1em; margin: .8em 0; padding: .6em .9em;
        background: var(--panel); border-left: 4px solid var(--link); }
table { border-collapse: collapse; margin: .6em 0; font-size: 14px; }
caption { text-align: left; white-space: normal; color: var(--soft);
          font-size: 13px; max-width: 92vw; }
th, td { text-align: left; padding: .2em .9em .2em 0; vertical-align: top;
         border-bottom: 1px solid var(--line); }
th { border-bottom: 1px solid var(--soft); }
.wide { overflow-x: auto; white-space: nowrap; }
.pairs { white-space: normal; overflow-wrap: anywhere; }
.pairs td:first-child { overflow-wrap: normal; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: var(--panel); padding: .7em .9em; white-space: pre-wrap;
      overflow-wrap: anywhere;
      font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
figure { margin: .6em 0; }
figcaption { color: var(--soft); font-size: 13px; max-width: 60em; }
.row { display: flex; flex-wrap: wrap; align-items: flex-start; gap: .8em;
       overflow-x: auto; }
.row svg { flex: none; }
.row h3 { margin-top: 0; }
img { max-width: 100%%; height: auto; }
.picture { width: 104px; font-size: 13px; line-height: 1.35;
           overflow-wrap: anywhere; }
.picture img { width: 96px; height: 96px; object-fit: contain;
               image-rendering: pixelated; border: 1px solid var(--line); }
nav { font-size: 14px; }
nav a { margin-right: 1em; display: inline-block; }
tr.weak td { background: var(--marked); }
tr.minor td { color: var(--soft); }
summary { cursor: pointer; margin: .6em 0; }
.film input { margin: 0 .3em 0 0; }
.film label { margin-right: .9em; font-size: 14px; white-space: nowrap;
              display: inline-block; }
.frames { display: grid; overflow-x: auto; margin-top: .4em; }
.frame { grid-area: 1 / 1; visibility: hidden; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 500px) { body { padding: .8em; } }
@media (prefers-reduced-motion: reduce) {
  .frame { animation: none !important; }
  .frame:last-child { visibility: visible; }
}
@media screen and (prefers-color-scheme: dark) {
:root { %s }
%s
}
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav, .film label { display: none; }
  .row, .wide, .frames { overflow: visible; }
  svg { max-width: 100%% !important; min-width: 0 !important; }
  .wide { white-space: normal; }
  figure, tr, pre, .picture { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .frame { animation: none !important; }
  .frame:last-child { visibility: visible; }
  details::details-content { content-visibility: visible; height: auto; }
}
"""


def style():
    """Returns the style sheet of a page.

    Example:

    >>> from darts_tf.visualize import html_style
    >>> "prefers-color-scheme: dark" in html_style.style()
    True
    """
    figures = "\n".join(
        f'svg [{part}="{light}"] {{ {part}: {dark}; }}'
        for light, dark in figure_lib.DARK.items()
        for part in ("fill", "stroke")
    )
    return _STYLE % (_variables(LIGHT), _variables(DARK), figures)


def film_style(name, shares):
    """Returns the rules that show the frames of a film one after the other.

    Args:
        name: String, of the film in its page.
        shares: List of numbers, for how many seconds each frame is shown.

    Example:

    >>> from darts_tf.visualize import html_style
    >>> html_style.film_style("film1", [1.0, 3.0]).count("@keyframes")
    2
    """
    total, begin, rules = sum(shares), 0.0, []

    def picked(key):
        return f"#{name}:has(#{name}-{key}:checked)"

    for number, seconds in enumerate(shares):
        start, end = 100 * begin / total, 100 * (begin + seconds) / total
        rules.append(
            f"@keyframes {name}-{number} {{ 0% {{ visibility: hidden }} "
            f"{start:.2f}% {{ visibility: visible }} "
            f"{min(end, 100):.2f}% {{ visibility: hidden }} }}\n"
            f"#{name} .frame:nth-child({number + 1}) {{ animation: "
            f"{name}-{number} {total:.1f}s step-end infinite; }}\n"
            # Who picks a frame sees it alone.
            f"{picked(number)} .frame {{ animation-name: none; }}\n"
            f"{picked(number)} .frame:nth-child({number + 1}) "
            "{ visibility: visible; }\n"
            f"{picked(number)} .frame:not(:nth-child({number + 1})) "
            "{ visibility: hidden; }"
        )
        begin += seconds
    rules.append(
        f"{picked('pause')} .frame {{ animation-play-state: paused; }}"
    )
    return "\n".join(rules)


def _variables(colors):
    return " ".join(f"--{name}: {value};" for name, value in colors.items())
