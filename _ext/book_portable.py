"""The download button gives the portable notebook, and the launch button opens it in Colab if the book has an address.

Both are what `tools/portable.py` makes of the stored notebook. The pages, the search and what they show stay as they
are: only the files behind the buttons are replaced, after everything else is written.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import portable  # noqa: E402


def set_addresses(app, config):
    """Tell the theme where the launch buttons lead."""
    address = portable.repository(config.html_theme_options.get("repository_url", ""))
    config.html_theme_options.update(portable.theme_options(address))


def replace_downloads(app, exception):
    """Put the portable notebooks where the download buttons lead."""
    if exception or app.builder.format != "html":
        return
    address = app.config.html_theme_options["repository_url"]
    for name in app.env.found_docs:
        source = Path(app.env.doc2path(name))
        if source.suffix == ".ipynb":
            served = Path(app.outdir) / "_sources" / source.relative_to(app.srcdir)
            served.write_text(portable.portable_text(source, address), encoding="utf-8", newline="\n")


def setup(app):
    app.connect("config-inited", set_addresses)
    app.connect("build-finished", replace_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
