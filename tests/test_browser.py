"""The built book in a browser: the distribution's Chromium reads every page from a server of the tests."""
import re
from urllib.parse import urldefrag

import pytest
from browser import HTML, pages

PAGES = [name for name in pages() if name != "index.html"] if HTML.is_dir() else []
CONTENT = [name for name in PAGES if name not in ("search.html", "genindex.html")]
CHAPTERS = [name for name in CONTENT if name.startswith("chapters/")]
PHONE = {"width": 390, "height": 844}

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: run `make book`")


def show_everything(page):
    """Load the pictures that wait for being seen."""
    page.eval_on_selector_all("img[loading=lazy]", "all => all.forEach(i => { i.loading = 'eager' })")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_without_a_complaint(open_page, name):
    page = open_page(name)
    show_everything(page)
    assert page.wrong == []


def test_front_page_leads_to_the_book(open_page):
    page = open_page("index.html")
    page.wait_for_selector("article h1")
    assert page.wrong == []


def test_every_link_inside_the_book_answers(open_page, site):
    page = open_page(CONTENT[0])
    addresses = set()
    for name in PAGES:
        page.goto(f"{site}/{name}")
        links = page.eval_on_selector_all(  # a link in a drawing has no `href` that is a string
            "a[href]", "all => all.map(a => new URL(a.getAttribute('href'), document.baseURI).href)")
        addresses.update(urldefrag(link)[0] for link in links)
    own = sorted(address for address in addresses if address.startswith(site))
    assert own
    broken = {address: page.request.get(address).status for address in own}
    assert {address: status for address, status in broken.items() if status != 200} == {}


def fonts(page):
    """The names of the fonts that the page has loaded."""
    return set(page.evaluate("""async () => {
        await document.fonts.ready
        const loaded = [...document.fonts].filter(font => font.status === 'loaded')
        return loaded.map(font => font.family.replaceAll('"', ''))
    }"""))


@pytest.mark.parametrize("name", CONTENT)
def test_formulas_are_drawn(open_page, name):
    page = open_page(name)
    assert page.locator(".katex-error").count() == 0
    formulas = page.locator("span.math, div.math")
    if name in CHAPTERS:
        assert formulas.count() > 0
    if not formulas.count():
        return
    assert page.locator(".math .katex .katex-html").count() == formulas.count()
    assert page.locator(".math .katex math").count() == formulas.count()      # MathML, for screen readers
    assert {"KaTeX_Main", "KaTeX_Math"} <= fonts(page)


@pytest.mark.parametrize("name", CONTENT)
def test_figures_show_and_say_what_they_show(open_page, name):
    page = open_page(name)
    show_everything(page)
    for image in page.eval_on_selector_all("article img", """all => all.map(i => (
            {alt: i.alt, src: i.src, natural: [i.naturalWidth, i.naturalHeight], shown: [i.width, i.height]})
            )"""):
        assert image["alt"].strip(), image
        assert min(image["natural"]) > 0, image
        shape, shown = (pair[0] / pair[1] for pair in (image["natural"], image["shown"]))
        assert abs(shape / shown - 1) < 0.03, f"distorted: {image}"


def test_icons_are_drawn(open_page):
    page = open_page(CHAPTERS[0])
    assert "Font Awesome 6 Free" in fonts(page)
    icon = page.locator(".article-header-buttons i").first
    icon = icon.evaluate("i => getComputedStyle(i, '::before').content")
    assert icon not in ("none", "normal", '""')


def test_search_finds_the_learning_rate(open_page):
    page = open_page("search.html")
    page.locator("input[name=q]:visible").first.fill("learning rate")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"[?&]q=learning"))
    results = page.locator("#search-results li a")
    results.first.wait_for()
    page.wait_for_load_state("networkidle")
    assert any("radient descent" in text for text in results.all_inner_texts())
    assert page.wrong == []
    results.first.click()
    page.wait_for_selector("article h1")
    assert page.wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_phone_does_not_scroll_sideways(open_page, name):
    page = open_page(name, viewport=PHONE)
    show_everything(page)
    width = page.evaluate("document.scrollingElement.scrollWidth")
    assert width <= PHONE["width"]
    outside = page.eval_on_selector_all(
        "article img, article pre, article table, article .katex-display, article p",
        """all => all.filter(e => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth+1
            && !e.closest('.pst-scrollable-table-container, .output')).map(e => e.outerHTML.slice(0, 120))""")
    assert outside == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_wide_formulas_scroll_inside_themselves(open_page, name):
    page = open_page(name, viewport=PHONE)
    hidden = page.eval_on_selector_all(".katex-display", """all => all.filter(e => {
        const html = e.querySelector('.katex-html'), box = e.getBoundingClientRect()
        const left = Math.min(...[...html.querySelectorAll('.base')].map(b => b.getBoundingClientRect().left))
        const cut = e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX !== 'auto'
        return cut || left < box.left - 1
    }).map(e => e.textContent.slice(0, 80))""")
    assert hidden == []


def luminance(page, selector):
    """Mean of the red, green and blue of an element's background, 0 to 255."""
    colour = page.evaluate("s => getComputedStyle(document.querySelector(s)).backgroundColor", selector)
    return sum(float(value) for value in re.findall(r"[0-9.]+", colour)[:3]) / 3


def test_dark_mode_follows_the_system_and_the_switch(open_page):
    assert luminance(open_page(CONTENT[0], color_scheme="light"), "body") > 200
    page = open_page(CONTENT[0], color_scheme="dark")
    assert luminance(page, "body") < 60
    seen = set()
    for _ in range(3):                                              # auto, light, dark
        page.locator("button.theme-switch-button:visible").first.click()
        seen.add(page.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}
    page.evaluate("localStorage.setItem('theme', 'light'); localStorage.setItem('mode', 'light')")
    page.reload()
    assert luminance(page, "body") > 200
    assert page.wrong == []


def test_code_can_be_copied(open_page):
    page = open_page(CHAPTERS[0])
    page.wait_for_selector("button.copybtn", state="attached")
    blocks = page.locator(".cell_input div.highlight pre").count()
    assert page.locator("button.copybtn").count() >= blocks > 0


@pytest.mark.parametrize("name", [*CHAPTERS[:1], "search.html"])
def test_book_opens_from_the_disk(open_page, name):
    page = open_page((HTML / name).resolve().as_uri())
    show_everything(page)
    assert page.wrong == []
    if name in CHAPTERS:
        assert "KaTeX_Main" in fonts(page)


def test_search_works_from_the_disk(open_page):
    page = open_page((HTML / "search.html").resolve().as_uri() + "?q=learning+rate")
    page.locator("#search-results li a").first.wait_for()
    assert page.wrong == []
