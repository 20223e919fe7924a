"""Pictures of every page, light and dark, on a desktop and on a phone, saved in `_build/screenshots`.

They are for looking at, and compare with nothing.
"""
import sys

from browser import HTML, ROOT, find_browser, launched, pages, served
from playwright.sync_api import sync_playwright

SKIPPED = {"genindex.html", "index.html"}       # an empty list, and a redirection


def main():
    if not (HTML / "index.html").is_file():
        sys.exit("There is no book to look at: run `make book` first.")
    if not find_browser():
        sys.exit("There is no Chromium: install it (apt-get install chromium) and run the command again.")
    target = ROOT / "_build" / "screenshots"
    target.mkdir(parents=True, exist_ok=True)
    names = [page for page in sys.argv[1:] or pages() if page not in SKIPPED]
    with sync_playwright() as playwright, launched(playwright) as browser, served() as address:
        for mode in ("light", "dark"):
            for width, height in ((1280, 900), (390, 844)):
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=mode)
                for name in names:
                    if not page.goto(f"{address}/{name}", wait_until="load").ok:
                        sys.exit(f"{name} is not there: run `make book` and then this again.")
                    # Figures below the first load when they come into sight, which here they never do.
                    page.eval_on_selector_all("img", "all => all.forEach(i => { i.loading = 'eager' })")
                    page.wait_for_function("[...document.images].every(i => i.complete)")
                    page.wait_for_timeout(200)
                    stem = name.removesuffix(".html").replace("/", "-")
                    page.screenshot(path=target / f"{stem}-{mode}-{width}.png", full_page=True)
                page.close()
    print(f"Saved in {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
