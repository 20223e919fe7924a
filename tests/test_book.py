"""The built book as files: all pages are there and rendered, no link is broken, nothing is from elsewhere."""
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"

BUILT = (HTML / "index.html").is_file()
pytestmark = pytest.mark.skipif(not BUILT, reason="the book is not built: run `make book`")


def toc_files(entry):
    """Every page that `_toc.yml` names."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key in ("root", "file"):
                yield value
            else:
                yield from toc_files(value)
    elif isinstance(entry, list):
        for item in entry:
            yield from toc_files(item)


CHAPTERS = list(toc_files(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))))
PAGES = [f"{name}.html" for name in CHAPTERS]
ALL_PAGES = [*PAGES, "search.html", "genindex.html"]


@cache
def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def page(name):
    path = HTML / name
    assert path.is_file(), f"{name} stands in _toc.yml and was not built"
    return soup(path)


def article_text(name):
    """The prose of a page, without code, formulas and outputs."""
    article = BeautifulSoup(str(page(name).select_one("article")), "html.parser")
    for element in article.select("pre, code, script, style, .math, .katex, .cell_output"):
        element.replace_with(" ")
    return article.get_text(" ")


def anchors(document):
    return {element[key] for key in ("id", "name") for element in document.find_all(attrs={key: True})}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_the_contents_is_built(name):
    document = page(name)
    assert len(document.select("article h1")) == 1
    assert document.title.get_text(strip=True)
    assert document.find("meta", attrs={"name": "description"})["content"]
    assert document.html["lang"]


def test_every_page_names_an_icon():
    """A browser asks for /favicon.ico where a page names none, and complains when there is none."""
    for name in ALL_PAGES:
        icon = page(name).select_one("link[rel~=icon]")
        assert icon and (HTML / name).parent.joinpath(icon["href"]).is_file(), name
    assert page("index.html").select_one("link[rel~=icon]")["href"] == "data:,"  # it is left at once


def test_no_page_is_built_that_the_contents_do_not_name():
    built = {path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html")
             if "_static" not in path.relative_to(HTML).parts}
    assert built == {*ALL_PAGES, "index.html"}


@pytest.mark.parametrize("name", PAGES)
def test_formulas_are_rendered(name):
    document = page(name)
    errors = [element.get("title") for element in document.select(".katex-error")]
    assert not errors
    empty = [formula for formula in document.select("span.math, div.math")
             if not formula.select_one(".katex")]
    assert not empty
    text = article_text(name)
    raw = re.findall(r"\$\$|\$[^\s$][^$\n]{0,200}?\$|\\\(|\\\[|\\(?:frac|theta|begin|alpha|nabla)\b", text)
    assert not raw, f"mathematics left as it was typed: {raw[:3]}"


@pytest.mark.parametrize("name", PAGES)
def test_no_directive_is_left_in_the_text(name):
    text = article_text(name)
    fence, role = r"^\s*:{3,}.*|`{3,}", r"\{(?:\w+:)?[a-z-]+\}(?=[`\s]*`)"
    option = r"^\s*:(?:class|sync|name|label|filter|alt|width):"
    raw = re.findall(f"{fence}|{role}|{option}", text, re.M)
    assert not raw, f"MyST syntax shows as text: {raw[:3]}"


@pytest.mark.parametrize("name", PAGES)
def test_figures_have_alternative_text_size_and_file(name):
    document = page(name)
    for index, image in enumerate(document.select("article img")):
        assert image.get("alt", "").strip(), f"no alternative text: {image}"
        assert image.get("width") and image.get("height"), f"no size: {image}"
        assert index == 0 or image.get("loading") == "lazy", f"loads before it is needed: {image}"
    for image in document.select("img"):
        assert image.has_attr("alt")


@pytest.mark.parametrize("name", PAGES)
def test_citations_lead_to_the_list_of_their_own_page(name):
    for link in page(name).select("article .bibtex-citation a"):
        target, anchor = urldefrag(link["href"])
        assert not target and anchor in anchors(page(name)), f"{link.get_text()} leads to {link['href']}"


def is_elsewhere(address):
    return bool(urlsplit(address).netloc) or address.startswith("//")


@pytest.mark.parametrize("name", ALL_PAGES)
def test_nothing_is_loaded_from_another_host(name):
    document = page(name)
    loaded = [element.get("src") or element.get("data") or "" for element in
              document.select("script, img, iframe, source, video, audio, embed, object, input[type=image]")]
    loaded += [element.get("href", "") for element in document.select("link")
               if not {"canonical", "license"} & set(element.get("rel", []))]
    loaded += [part.split()[0] for element in document.select("[srcset]")
               for part in element["srcset"].split(",")]
    styles = [element.get_text() for element in document.select("style")]
    styles += [element["style"] for element in document.select("[style]")]
    loaded += re.findall(r"url\(\s*['\"]?([^'\")]+)", " ".join(styles))
    assert not [address for address in loaded if is_elsewhere(address)]


def test_no_style_sheet_or_script_loads_from_another_host():
    for path in (HTML / "_static").rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)", text)
        assert not used, f"{path.name}: {used}"
    for path in (HTML / "_static").rglob("*.css"):
        for target in re.findall(r"url\(\s*['\"]?([^'\")]+\.woff2)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).is_file(), f"{path.name} names {target}, which is not there"


@pytest.mark.parametrize("name", ALL_PAGES)
def test_internal_links_lead_somewhere(name):
    document = page(name)
    broken = []
    for element in document.select("a[href], link[href], script[src], img[src]"):
        address, anchor = urldefrag(element.get("href") or element.get("src"))
        if urlsplit(address).scheme or is_elsewhere(address):
            continue
        path = unquote(urlsplit(address).path)
        target = (HTML / name).parent.joinpath(path).resolve() if path else HTML / name
        if not target.is_file():
            broken.append(address)
        elif anchor.startswith("s="):
            assert soup(target).select("div.playground")    # what it says there, tests/test_playground.py reads
        elif anchor and target.suffix == ".html" and unquote(anchor) not in anchors(soup(target)):
            broken.append(f"{address}#{anchor}")
    assert not broken


@pytest.mark.parametrize("name", PAGES)
def test_what_the_page_does_not_need_is_left_out(name):
    text = (HTML / name).read_text(encoding="utf-8")
    assert "fontawesome.js" not in text
    assert "thebe" not in text.lower()
    assert "mathjax" not in re.sub(r"tex2jax\w*|mathjax_\w+", "", text).lower()
    sheets = [element["href"] for element in page(name).select("link[rel=stylesheet]")]
    assert len(sheets) == len(set(sheets))


def test_katex_style_sheet_and_script_are_of_one_version():
    katex = pytest.importorskip("sphinxcontrib.katex")
    script = (Path(katex.__file__).parent / "katex.min.js").read_text(encoding="utf-8")
    style = (ROOT / "_static" / "katex" / "katex.min.css").read_text(encoding="utf-8")
    assert re.findall(r'version:"([0-9.]+)"', script) == re.findall(r'content:"([0-9]+\.[0-9.]+)"', style)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_source_can_be_downloaded(name):
    source = next(path for path in (ROOT / f"{name}.ipynb", ROOT / f"{name}.md") if path.is_file())
    downloads = [element["href"] for element in page(f"{name}.html").select("a.btn-download-source-button")]
    served = HTML / "_sources" / source.relative_to(ROOT)
    assert [(HTML / name).parent.joinpath(link).resolve() for link in downloads] == [served.resolve()]
    text = served.read_text(encoding="utf-8")
    assert text.strip()
    if source.suffix == ".ipynb":
        assert json.loads(text)["cells"]
