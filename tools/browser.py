"""A browser and a web server for looking at the built book, for the tests and `tools/screenshots.py`."""
import functools
import http.server
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: continuous integration runs as root. The rest keeps the browser from asking hosts of its maker.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run"]


def find_browser():
    """The path of the distribution's Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def pages(root=HTML):
    """The built pages, as addresses relative to the book's folder."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.html")
                  if "_static" not in path.relative_to(root).parts)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes no log."""
    protocol_version = "HTTP/1.1"       # keeps connections open: a page asks for some twenty files

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A server that does not complain about a browser which closes a connection early."""

    def handle_error(self, request, client_address):
        pass


@contextmanager
def served(folder=HTML):
    """Serve `folder` on a free port of this machine; gives the address, without a slash at the end."""
    handler = functools.partial(Quiet, directory=str(folder))
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def launched(playwright, program=None):
    """A headless Chromium of the distribution, closed at the end."""
    browser = playwright.chromium.launch(executable_path=program or find_browser(), args=ARGUMENTS)
    try:
        yield browser
    finally:
        browser.close()
