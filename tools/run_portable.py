"""Run every portable notebook as a reader of Colab does, and compare the text of its outputs with the stored one.

    python tools/run_portable.py                 all of them
    python tools/run_portable.py 06_adam         one of them
    python tools/run_portable.py --python PATH   with another Python than that of .venv-colab

Each runs from its first cell to its last in a kernel of `.venv-colab`, which holds Colab's versions and no labkit. It
runs in an empty folder and with an empty home, the checkout is not on its path, and there is no network: where the
machine allows it the whole run has a network of its own with nothing in it but itself, else Python refuses to connect
to other machines. Nothing is stored. Figures are not compared: they look the same with one version of matplotlib alone.
"""

import argparse
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import portable
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from notebook_compare import EXTRAS, compare_outputs, kernel_environment, needs_of  # noqa: E402
from notebook_plugin import fresh_problems  # noqa: E402

PYTHON = ROOT / ".venv-colab" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CELL_TIMEOUT = 300
WITHIN = "LABKIT_NETWORK_OF_ITS_OWN"  # set in the process that has one

# Python imports a module of this name before anything else. Libraries such as gRPC do not ask Python: only a network
# of its own keeps them in.
GUARD = """\
import ipaddress
import sys

def is_this_machine(host):
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified

def refuse(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(args[1], tuple):
        host = args[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        return
    if not is_this_machine(host):
        raise OSError(f"a portable notebook asks {host}: it must need no network")

sys.addaudithook(refuse)
"""


# No network


def alone():
    """Go on in a network of its own where the machine allows it; return whether this process has one."""
    if os.environ.get(WITHIN):
        raise_loopback()
        return True
    command = ["unshare", "--net", "--map-root-user", sys.executable]
    if not shutil.which("unshare"):
        return False
    probe = [*command, "-c", "import run_portable; run_portable.raise_loopback()"]
    if subprocess.run(probe, cwd=ROOT / "tools", capture_output=True).returncode:
        return False
    os.execvpe(command[0], [*command, *sys.argv], os.environ | {WITHIN: "1"})


def raise_loopback():
    """Switch the loopback interface on, and see that it works: kernels and their clients talk over it."""
    import fcntl  # Unix has it

    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket() as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, get_flags, request))[1]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh22x", b"lo", flags | up))
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


# Running


class OnePython(KernelSpecManager):
    """Knows one kernel: that of the Python that it is given."""

    def __init__(self, python):
        super().__init__()
        self.python = str(python)

    def get_kernel_spec(self, kernel_name):
        # -s: without the packages of the home directory
        return KernelSpec(argv=[self.python, "-s", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                          display_name="Colab", language="python")


def reader_environment(home, guard=""):
    """Return the environment of a reader's kernel: nothing in it leads to this checkout."""
    kept = kernel_environment(os.environ)
    for name in list(kept):
        if name.startswith(("PYTHON", "VIRTUAL_ENV", "JUPYTER", "IPYTHON", "XDG", "TF_", "MATPLOTLIB", "KERAS")):
            del kept[name]
    kept |= {"HOME": str(home), "MPLCONFIGDIR": str(home), "PYTHONHASHSEED": "0",
             "PYDEVD_DISABLE_FILE_VALIDATION": "1"}  # the debugger of the kernel would warn on the terminal
    return kept | ({"PYTHONPATH": guard} if guard else {})


def executed(text, python, environment):
    """Return the notebook in the text of a file, run from its first cell to its last in an empty folder."""
    fresh = nbformat.reads(text, as_version=4)
    with tempfile.TemporaryDirectory(prefix="reader-") as folder:
        manager = AsyncKernelManager(kernel_name="colab", kernel_spec_manager=OnePython(python))
        client = NotebookClient(fresh, km=manager, timeout=CELL_TIMEOUT, record_timing=False,
                                extra_arguments=["--HistoryManager.enabled=False"],
                                resources={"metadata": {"path": folder}})
        client.execute(env=environment, cwd=folder, cleanup_kc=True)
    return fresh


def faults(path, python, environment):
    """Run the portable form of a stored notebook; return what is wrong with it, in words."""
    stored = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    try:
        fresh = executed(portable.portable_text(path), python, environment)
    except CellExecutionError as error:
        return [f"it does not run: {error}"]
    except (CellControlSignal, DeadKernelError) as error:
        return [f"its run did not end: {error}"]
    return differences(stored, fresh)


def differences(stored, fresh):
    """Return every difference between a stored notebook and a run of its portable form, figures aside."""
    old = {cell.id: cell for cell in stored.cells if cell.cell_type == "code"}
    new = {cell.id: cell for cell in fresh.cells if cell.cell_type == "code"}
    found = [f"the cell that carries labkit prints: {output}" for output in new.pop("labkit").outputs]
    if list(old) != list(new):
        return [*found, "it has other cells than the stored notebook"]
    for number, (name, cell) in enumerate(old.items(), start=1):
        problems = fresh_problems(new[name].outputs, cell)
        problems += compare_outputs(cell.outputs, new[name].outputs, figures=False)
        found += [f"cell {number}: {problem}" for problem in problems]
    return found


def missing(path, python):
    """Return the modules that a notebook declares and that the reader's Python does not have."""
    needs = needs_of(json.loads(path.read_text(encoding="utf-8")))
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    return [name for name in needs if subprocess.run([python, "-s", "-c", look, name], cwd=tempfile.gettempdir(),
                                                     env=reader_environment(tempfile.gettempdir())).returncode]


# The command


def check(path, python, environment):
    """Run one notebook and say what came of it; return whether it is as stored."""
    name = path.relative_to(ROOT)
    lacking = missing(path, python)
    if lacking:
        extras = ",".join(EXTRAS[each] for each in lacking)
        print(f'{name}: skipped, {python} has no {", ".join(lacking)} (the extra "{extras}")', flush=True)
        return True
    start = time.monotonic()
    found = faults(path, python, environment)
    words = "as stored" if not found else "\n  ".join(["NOT as stored", *found])
    print(f"{name}: {words} ({time.monotonic() - start:.0f} s)", flush=True)
    return not found


def main():
    """Run the command and return its exit status: 1 if any notebook differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks, by name (default: all)")
    parser.add_argument("--python", type=Path, default=PYTHON, help="the reader's Python (default: .venv-colab)")
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1), help="at once (%(default)s)")
    options = parser.parse_args()
    python = shutil.which(options.python)
    if not python:
        sys.exit(f"There is no {options.python}: run make portable.")
    chosen = [path for path in portable.pages() if not options.names or path.stem in options.names]
    if not chosen:
        sys.exit(f"There is no such notebook; there are {', '.join(path.stem for path in portable.pages())}.")
    own_network = alone()
    print("No network: " + ("this run has one of its own." if own_network else "a guard in Python refuses it."))
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        guard = Path(home, "guard")
        if not own_network:
            guard.mkdir()
            Path(guard, "sitecustomize.py").write_text(GUARD, encoding="utf-8")
        environment = reader_environment(home, "" if own_network else str(guard))
        with ThreadPoolExecutor(options.workers) as pool:
            good = list(pool.map(lambda path: check(path, python, environment), chosen))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
