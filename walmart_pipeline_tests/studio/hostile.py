"""Names that would run, load or format something wherever text is not shown as it is."""

from __future__ import annotations

from playwright.sync_api import Page

# Where product text could become something else: HTML, Markdown, LaTeX, directives of Streamlit.
HOSTILE = [
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=1</script>",
    "<svg/onload=window.pwned=1>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    "<a href='javascript:window.pwned=1'>x</a>",
    "[x](javascript:window.pwned=1)",
    "![x](x onerror=window.pwned=1)",
    "<details open ontoggle=window.pwned=1>",
    "<input autofocus onfocus=window.pwned=1>",
    "<body onload=window.pwned=1>",
    "<video><source onerror=window.pwned=1></video>",
    "<math><mtext></p><img src=x onerror=window.pwned=1></mtext></math>",
    "<style>@import 'javascript:window.pwned=1'</style>",
    '"><img src=x onerror=window.pwned=1>',
    "'><svg onload=window.pwned=1>",
    "--><img src=x onerror=window.pwned=1>",
    "</title><img src=x onerror=window.pwned=1>",
    "</textarea><img src=x onerror=window.pwned=1>",
    "</style><img src=x onerror=window.pwned=1>",
    "<img src=`x`onerror=window.pwned=1>",
    "<IMG SRC=JaVaScRiPt:window.pwned=1>",
    "<img/src=x/onerror=window.pwned=1>",
    "<img src=x onerror\x0b=window.pwned=1>",
    "<object data='data:text/html,<script>parent.pwned=1</script>'>",
    "<embed src='javascript:window.pwned=1'>",
    "<form action='javascript:window.pwned=1'><button autofocus>x</button></form>",
    "<base href='javascript:window.pwned=1//'>",
    "<link rel=stylesheet href='javascript:window.pwned=1'>",
    "<meta http-equiv=refresh content='0;url=javascript:window.pwned=1'>",
    "<table background='javascript:window.pwned=1'>",
    "<div style='background:url(javascript:window.pwned=1)'>",
    "<div style=width:expression(window.pwned=1)>",
    "<marquee onstart=window.pwned=1>",
    "<audio src=x onerror=window.pwned=1>",
    "<keygen autofocus onfocus=window.pwned=1>",
    '<noscript><p title="</noscript><img src=x onerror=window.pwned=1>">',
    "<template><img src=x onerror=window.pwned=1></template>",
    "$\\href{javascript:window.pwned=1}{x}$",
    "$$\\htmlStyle{color:red}{x}$$ $\\url{javascript:window.pwned=1}$",
    "$\\unicode{<img src=x onerror=window.pwned=1>}$",
    ":red[<img src=x onerror=window.pwned=1>]",
    ":material/bolt: :smile: :badge[x]",
    "&lt;img src=x onerror=window.pwned=1&gt;",
    "&#60;img src=x onerror=window.pwned=1&#62;",
    "\\u003cimg src=x onerror=window.pwned=1\\u003e",
    "%3Cimg%20src=x%20onerror=window.pwned=1%3E",
    "```html\n<img src=x onerror=window.pwned=1>\n```",
    "<!--<img src='--><img src=x onerror=window.pwned=1//'>",
    "<a href='data:text/html,<script>opener.pwned=1</script>' target=x>x</a>",
    "{{constructor.constructor('window.pwned=1')()}} ${window.pwned=1}",
]


def assert_harmless(page: Page) -> None:
    """Nothing ran, and nothing became markup, a formula or a link."""
    assert page.evaluate("window.pwned") is None
    made = "img[src=x], [data-testid=stMain] iframe:not([src^='data:text/html']), svg[onload], .katex, marquee, keygen"
    assert page.locator(made).count() == 0
    hrefs = page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
    assert [href for href in hrefs if "javascript" in href or href.startswith("data:")] == []
