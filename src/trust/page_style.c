/* The one style sheet. Colours come in pairs for light and dark; text on them has a contrast of at
 * least 4.5 to 1 (WCAG 2.1, level AA). */
#include "trust/page.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#57606a;--line:#d0d7de;"
    "--link:#0550ae;--good:#116329;--bad:#a40e26;--grey:#57606a;--wash:#f6f8fa}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--soft:#9ea7b3;"
    "--line:#30363d;--link:#79c0ff;--good:#56d364;--bad:#ff938a;--grey:#9ea7b3;--wash:#161b22}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:64rem;padding:1rem;color:var(--ink);background:var(--paper);"
    "font:1rem/1.6 system-ui,\"Hiragino Sans\",\"Noto Sans CJK JP\",\"Yu Gothic UI\",sans-serif}\n"
    "a{color:var(--link)}\n"
    ":focus-visible{outline:3px solid var(--link);outline-offset:2px}\n"
    ".skip{position:absolute;left:-99rem}\n"
    ".skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem}\n"
    "h1{line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}\n"
    "h4{margin:0;font-size:1rem}\n"
    ".lead{font-size:1.1rem}.languages{text-align:right;margin:0}\n"
    "nav ul,.tally{list-style:none;padding:0}nav li{display:inline-block;margin-right:1rem}\n"
    "article{border:1px solid var(--line);border-radius:.4rem;padding:.75rem 1rem;"
    "margin:.75rem 0;break-inside:avoid}\n"
    "article p{margin:.4rem 0}\n"
    "article:target{border-color:var(--link)}\n"
    ".badge{display:inline-block;border:1px solid currentColor;border-radius:1rem;padding:0 .6rem;"
    "font-weight:600;white-space:nowrap}\n"
    ".proven{color:var(--good)}.failed{color:var(--bad)}.stale,.none{color:var(--grey)}\n"
    ".when,summary,footer,dt{color:var(--soft)}.reason{color:var(--bad)}\n"
    "dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.25rem 1rem;"
    "margin:.5rem 0}dd{margin:0}\n"
    "code{font-size:.9em;background:var(--wash);padding:.1rem .3rem;border-radius:.2rem}\n"
    ".long{overflow-wrap:anywhere}\n"
    ".unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{border:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top}\n"
    "thead th{background:var(--wash)}td ul{margin:0;padding-left:1rem}\n"
    ".controls th[scope=row],.controls td:nth-child(2){white-space:nowrap}\n"
    ".bar{display:block;width:100%;height:1.25rem;border:1px solid var(--line)}\n"
    ".key{display:inline-block;width:.8rem;height:.8rem;border:1px solid var(--line)}\n"
    ".automated{fill:#1a7f37;background:#1a7f37}.part{fill:#54aeff;background:#54aeff}\n"
    ".person{fill:#bf8700;background:#bf8700}.unmapped{fill:transparent}\n"
    "footer{margin-top:3rem;border-top:1px solid var(--line);font-size:.9rem}\n"
    "@media (max-width:40rem){dl{display:block}dd{margin-bottom:.5rem}}\n"
    "@media print{nav,.skip,.languages{display:none}}\n";

struct hin_view hin_page_style(void)
{
    return hin_view_of(style, sizeof(style) - 1);
}
