"""Build the HTML book from the stored outputs; a warning fails the build.

The build runs in a process group of its own and under a time limit, and the whole group is ended afterwards:
the formulas are rendered by a node process that would otherwise stay behind when the build crashes.

The portable notebooks go to `_build/portable`, for the branch that Colab opens them from.

It starts from nothing each time, in a folder of its own. Sphinx repeats no warning for a page that did not
change, so a build on top of a failed one would pass, and a page that was removed would stay. Only a book
without warnings takes the place of the one before.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import portable

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "_build"

# Jupyter Book's own index.html is a bare redirection, without an icon: browsers then ask for a /favicon.ico, which is
# not there, and report an error. A file would be given up at the redirection, another error: so an icon of no bytes.
FRONT_DOOR = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Optimization for Deep Learning</title>
<link rel="icon" href="data:,">
<meta http-equiv="refresh" content="0; url=intro.html">
</head>
<body><a href="intro.html">Optimization for Deep Learning</a></body>
</html>
"""


def end_group(process):
    """End what is left of the process group that `process` leads."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    process.kill()
    process.wait()


def build(limit):
    """Run Jupyter Book for at most `limit` seconds; returns exit status (None: out of time) and output."""
    OUT.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=OUT))
    try:
        status, output = run(work, limit)
        if status == 0:
            (work / "_build" / "html" / "index.html").write_text(FRONT_DOOR, encoding="utf-8")
            shutil.rmtree(OUT / "html", ignore_errors=True)
            (work / "_build" / "html").replace(OUT / "html")
            shutil.rmtree(portable.OUT, ignore_errors=True)
            portable.write_all(portable.OUT, portable.configured_repository())
        return status, output
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run(folder, limit):
    """Build into `folder`; nothing that was started is left running."""
    start = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", start, "build", ".", "--path-output", str(folder),
               "-q", "-n", "-W", "--keep-going"]
    environment = dict(os.environ, PYTHONHASHSEED="0", PYTHONWARNINGS="ignore", SOURCE_DATE_EPOCH="315532800")
    # A file and not a pipe: a pipe ends only when the last process that holds it does, so an orphan would
    # keep this waiting.
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=words, stderr=subprocess.STDOUT)
        try:
            status = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_group(process)
        words.seek(0)
        return status, words.read().decode("utf-8", "replace").strip()


def main():
    """Build, and say in one line what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=600, help="time limit in seconds (%(default)s)")
    limit = parser.parse_args().limit
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))      # so that what was started is ended then too
    start = time.monotonic()
    status, output = build(limit)
    if status != 0:
        print(output if sys.stdout.isatty() else re.sub(r"\x1b\[[0-9;]*m", "", output))
        sys.stdout.flush()
        sys.exit(f"The book was NOT built: no end after {limit} seconds." if status is None else
                 "The book was NOT built: the warnings above are errors. Mend them and run it again.")
    print(f"The book is built ({time.monotonic() - start:.0f} s, no warnings). Open _build/html/index.html"
          " in a browser, or run `make serve`.")


if __name__ == "__main__":
    main()
