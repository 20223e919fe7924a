"""The playground: a page where the reader runs the rules in the browser, and small ones that open three other pages.

`{playground}` puts the full one into a page. `{preset} Title` with `:state:` is an entry of the list below it: the
title becomes a link with that state in its address, which the script also offers as a button.

The small ones are put in here and not in the notebooks, whose Markdown has to read well in Colab too. Jupyter Book
loads every script and style sheet of `_static`; those of the playground are loaded by the pages that have one.
"""
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FULL = "playground.html"        # beside the pages that have a small one
# What to try, the state that it starts in, and the sliders: RULE.OPTION, where * stands for every rule that has it.
SMALL = {
    "chapters/01_gradient_descent": {
        "text": "Move the rate. Up to which rate does the walk arrive at the star?",
        "state": "s=ravine&start=-9,1.5&steps=40&run=GradientDescent,learning_rate:0.03",
        "controls": "*.learning_rate",
    },
    "chapters/02_momentum": {
        "text": "Give momentum more memory. When does it help, and when does it overshoot?",
        "state": "s=ravine&start=-9,1.5&steps=40&run=GradientDescent,learning_rate:0.03"
                 "&run=Momentum,learning_rate:0.03,momentum:0.3",
        "controls": "*.learning_rate Momentum.momentum",
    },
    "chapters/06_adam": {
        "text": "Change Adam's rate. How long is its first step, and in which direction does it go?",
        "state": "s=ravine&start=-9,1.5&steps=60&run=Adam,learning_rate:0.5",
        "controls": "Adam.learning_rate Adam.beta_1",
    },
}


def opening(small):
    """The node of a small playground. Without the script a link is left."""
    attributes = "".join(f' data-{key}="{escape(value)}"' for key, value in {**small, "full": FULL}.items())
    link = f'<p><a href="{FULL}">Open the playground</a></p>'
    return nodes.raw("", f'<div class="playground" data-small{attributes}>{link}</div>', format="html")


def insert(app, doctree):
    """Put the small playground of a page behind the cell with its title, and mark the pages that have one."""
    small = SMALL.get(app.env.docname)
    if small:
        code = next(node for node in doctree.findall(nodes.container) if "cell" in node["classes"])
        code.parent.insert(code.parent.index(code), opening(small))
        app.env.metadata[app.env.docname]["playground"] = True


class Playground(SphinxDirective):
    """The full playground; the script builds it."""

    def run(self):
        self.env.metadata[self.env.docname]["playground"] = True
        text = "<noscript>The playground needs JavaScript. The rest of this page does not.</noscript>"
        return [nodes.raw("", f'<div class="playground">{text}</div>', format="html")]


class Preset(SphinxDirective):
    """A named state of the playground, with what to look at."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"state": directives.unchanged_required}
    has_content = True

    def run(self):
        link = nodes.reference("", self.arguments[0], refuri=f"#{self.options['state']}")
        box = nodes.container("", nodes.paragraph("", "", nodes.strong("", "", link)), classes=["pg-preset"])
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box]


def load(app, pagename, templatename, context, doctree):
    """Leave scripts and style out of the pages without a playground; in the others the scripts are deferred."""
    def ours(file):
        return "/playground/" in str(getattr(file, "filename", file))

    scripts = [file for file in context.get("script_files", []) if ours(file)]
    context["script_files"] = [file for file in context.get("script_files", []) if not ours(file)]
    if app.env.metadata.get(pagename, {}).get("playground"):
        for script in scripts:
            script.attributes["defer"] = "defer"
        context["script_files"] += sorted(scripts, key=lambda file: file.filename, reverse=True)    # the rules first
    else:
        context["css_files"] = [file for file in context.get("css_files", []) if not ours(file)]


def setup(app):
    app.add_directive("playground", Playground)
    app.add_directive("preset", Preset)
    app.connect("doctree-read", insert)
    app.connect("html-page-context", load, priority=100)     # before book_lean, which looks at what is left
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
