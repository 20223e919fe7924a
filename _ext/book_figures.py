"""Figures: their size stands in the page before they are there, and those below the first load when needed.

A notebook stores the size at which a figure is to be shown (its pixels are twice as many). The `width` and
`height` attributes let the browser keep the room free, so the text does not jump, and the style sheet
shrinks a figure that is wider than the page. A figure without alternative text is a warning, which fails
the build.
"""
import re

from docutils import nodes
from sphinx.util import logging
from sphinx.util.images import get_image_size

logger = logging.getLogger(__name__)


def pixels(length):
    """A length as whole pixels ("600", "600px"), or None when it is in another unit or missing."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(?:px)?", str(length or "").strip())
    return round(float(match.group(1))) if match else None


def prepare(app, doctree, docname):
    """Give every picture of a page its size, its way of loading and a check of its alternative text."""
    if app.builder.format != "html":
        return
    for index, image in enumerate(doctree.findall(nodes.image)):
        if not image.get("alt", "").strip():
            logger.warning("a figure has no alternative text (mystnb.image.alt)", location=image)
        if "://" in image["uri"] or "scale" in image:
            continue
        width, height = pixels(image.get("width")), pixels(image.get("height"))
        natural = get_image_size(str(app.srcdir / image["uri"].lstrip("/")))
        if natural and not height and (width or "width" not in image):
            width = width or natural[0]
            height = round(width * natural[1] / natural[0])
        if width and height:
            image["pixels"] = (width, height)
            image.attributes.pop("width", None)
            image.attributes.pop("height", None)
        if index:                       # the first picture is near the top: it should not wait
            image["loading"] = "lazy"


def visit_image(self, node):
    """Write the picture as the theme does, with its size as attributes (docutils would write a style)."""
    type(self).visit_image(self, node)
    if "pixels" in node:
        size = 'width="{}" height="{}" '.format(*node["pixels"])
        self.body[-1] = self.body[-1].replace("<img ", "<img " + size, 1)


def depart_image(self, node):
    type(self).depart_image(self, node)


def setup(app):
    app.connect("doctree-resolved", prepare, priority=900)
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
