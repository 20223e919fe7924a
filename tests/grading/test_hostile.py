"""Submissions that cheat, break things or just fall over: one batch of them, in real sandboxes.

Each row says what a submission still gets. None may get more than its honest answers, cost another a point, change or
read a file, or stop the batch.
"""
import hashlib
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import sandboxed
from sandboxed import ADAM, ALL, ASSIGNMENT, BEST, GD, GOOD, WHY, feedback, notebook, points

import labkit
from labkit.grading.engine import Limits, grade
from labkit.grading.results import Submission

CANARY = "canary-5d1f0c77"  # written into files that no submission may read
WRONG_GD = "import numpy as np\ndef gd_step(theta, grad, learning_rate):\n    return theta + learning_rate * grad\n"
SPIN = "try:\n        while True: pass\n    except BaseException: pass"
NOT_GD = {"adam_step", "best_rate"}
EVERYTHING = set(ALL)


def gd(body, before="import numpy as np, os, sys, signal, threading, time, ctypes"):
    """A cell whose gd_step does something."""
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"{before}\ndef gd_step(theta, grad, learning_rate):\n{lines}\n"


def instead(body, **more):
    """A notebook in which everything is right but gd_step, which does something else."""
    return [gd(body, **more), "import numpy as np", ADAM, BEST, WHY], NOT_GD


def beside(cell):
    """A right notebook with one cell more, in the middle."""
    return [GD, cell, ADAM, BEST, WHY], EVERYTHING


def cheat(cell):
    """A notebook whose only right answers are adam_step and best_rate, and a cell that tries to hide that."""
    return [WRONG_GD, ADAM, BEST, WHY, cell], NOT_GD


FORGED = """
import os
for fd in list(range(0, 256)):
    try: os.write(fd, {text!r}.encode() + b"\\n")
    except OSError: pass
for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
    for fd in range(0, 20):
        try:
            out = os.open(f"/proc/{{pid}}/fd/{{fd}}", os.O_WRONLY | os.O_NONBLOCK)
            os.write(out, {text!r}.encode() + b"\\n")
        except OSError: pass
"""

RUNS = {
    # -- to pass by changing what judges
    "allclose": cheat("np.allclose = np.isclose = np.array_equal = lambda *a, **k: True"),
    "testing": cheat("import numpy.testing\nfor n in dir(numpy.testing):\n    if n.startswith('assert'): "
                     "setattr(numpy.testing, n, lambda *a, **k: None)"),
    "builtins": cheat("import builtins\nfor n in ('all', 'abs', 'isinstance', 'len', 'type', 'zip', 'sorted'):\n"
                      "    setattr(builtins, n, lambda *a, **k: True)")[:1] + (None,),
    "json": cheat("import json\njson.dumps = lambda *a, **k: '{\"value\": true}'")[:1] + (set(),),
    "modules": cheat("import sys\nfor n in list(sys.modules):\n    if 'numpy' in n or 'json' in n or 'labkit' in n: "
                     "sys.modules[n] = None")[:1] + (None,),
    "main": cheat("import sys\nm = sys.modules['__main__']\nfor n in ('encode', 'decode', 'difference', 'grade'):\n"
                  "    setattr(m, n, lambda *a, **k: True)"),
    "worker": cheat("import gc, types\nfor f in gc.get_objects():\n"
                    "    if isinstance(f, types.FunctionType) and f.__name__ in ('encode', '_array'):\n"
                    "        f.__code__ = (lambda value, depth=0: True).__code__")[:1] + (None,),
    "frames": cheat("import sys\nf = sys._getframe()\nwhile f:\n    f.f_locals.update(answered=1, request={})\n"
                    "    f = f.f_back"),
    "import": cheat("import builtins\nbuiltins.__import__ = lambda *a, **k: 1/0")[:1] + (None,),
    "settrace": cheat("import sys\nsys.settrace(lambda *a: 1/0)"),
    "setprofile": cheat("import sys\nsys.setprofile(lambda *a: 1/0)"),
    "reference": cheat("import labkit.grading\nlabkit.grading.engine.difference = lambda *a: None"),
    # -- answers that are no plain values
    "equal float": instead("class F(float):\n    __eq__ = __le__ = lambda s, o: True\nreturn F(1)"),
    "equal array": instead("class A(np.ndarray):\n    __eq__ = __sub__ = __le__ = lambda s, o: True\n"
                           "return theta.view(A)"),
    "array method": instead("class A:\n    def __array__(self, *a, **k): os._exit(0)\n"
                            "    __float__ = __len__ = __array__\nreturn A()"),
    "reduce": instead("class A:\n    def __reduce__(self): return os.system, ('true',)\nreturn A()"),
    "pickle": instead("import pickle\nreturn pickle.dumps(theta - learning_rate * grad)"),
    "class lies": instead("class A:\n    __class__ = float\n    shape = ()\n    dtype = np.dtype(float)\nreturn A()"),
    "metaclass": instead("class M(type):\n    __name__ = property(lambda s: 1/0)\n    __module__ = 'tensor' + 'flow'\n"
                         "class A(metaclass=M):\n    def numpy(self): os._exit(0)\nreturn A()"),
    "object array": instead("return np.array([theta, None], dtype=object)"),
    "huge int": instead("return 10**100000"),
    "long int": instead("return 10**400"),
    "ints": instead("return [10**300] * 3"),
    "nested": instead("x = []\nfor _ in range(100000): x = [x]\nreturn x"),
    "cyclic": instead("x = []\nx.append(x)\nreturn x"),
    "wide": instead("return [[]] * 1000000"),
    "many keys": instead("return {str(i): i for i in range(10**6)}"),
    "nan keys": instead("return {float('nan'): 1}"),
    "nan": instead("return theta * float('nan')"),
    "inf": instead("return theta * float('inf')"),
    "surrogates": instead("return '\\ud800\\udfff\\x00'"),
    "bool": instead("return True"),
    "generator": instead("return (x for x in theta)"),
    "half": instead("return (theta - learning_rate * grad).astype('float16')"),
    "complex": instead("return theta + 1j"),
    "masked": instead("return np.ma.masked_all(3)"),
    "big": instead("return np.zeros(10**7)"),
    "short": instead("return (theta - learning_rate * grad)[:1]"),
    "none": instead("theta -= learning_rate * grad"),
    # -- what never ends
    "loop": beside("while True: pass"),
    "deaf loop": beside("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    "deaf call": instead("import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
                         "    except (OSError, ValueError): pass\nwhile True:\n    " + SPIN),
    "input": beside("input()"),
    "stop": beside("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"),
    "stop above": beside("import os, signal; os.kill(os.getppid(), signal.SIGSTOP)"),
    "alarm": beside("import signal\nsignal.signal(signal.SIGALRM, lambda *a: 1/0)\nsignal.setitimer(0, 0.01, 0.01)"),
    "regex": instead("import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')"),
    # -- what ends too early
    "exit": beside("import sys; sys.exit(0)"),
    "os exit": beside("import os; os._exit(0)"),
    "os exit in call": instead("os._exit(0)"),
    "exit in call": instead("sys.exit()"),
    "atexit": beside("import atexit, os\natexit.register(os._exit, 1)"),
    "segfault": beside("import ctypes; ctypes.string_at(0)"),
    "segfault in call": instead("ctypes.string_at(0)"),
    "recursion": instead("sys.setrecursionlimit(10**9)\ndef f(x): return f(x) + 1\nreturn f(1)"),
    "kill parent": beside("import os; os.kill(os.getppid(), 9)"),
    "kill one": beside("import os\nos.kill(1, 9)"),
    "kill all": beside("import os; os.kill(-1, 9)"),
    "kill all in call": instead("os.kill(-1, 9)"),
    "close all": beside("import os; os.closerange(0, 1000)"),
    "raise": beside("raise BaseException('\\ud800 <b>=cmd()')"),
    "bad error": beside("class E(Exception):\n    def __str__(self): os._exit(0)\n    __repr__ = __str__\nraise E"),
    "syntax": beside("def (:"),
    "null": beside("x = 1\x00"),
    "deep source": beside("(" * 5000 + ")" * 5000),
    "long source": beside("x = " + "-" * 200000 + "1"),
    "surrogate source": beside("x = '\ud800'"),
    "delete": beside("globals().clear()")[:1] + (NOT_GD - {"adam_step"},),
    # -- too much of everything
    "memory": beside("b = bytearray(12 << 30)"),
    "memory in call": instead("return np.ones(2 << 30)"),
    "fork": beside("import os, time\nfor _ in range(50):\n    if os.fork() == 0: time.sleep(1000)"),
    "fork more": beside("import os, time\nfor _ in range(100):\n    if os.fork() == 0: time.sleep(1000)"),
    "fork bomb": beside("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    "threads": beside("import threading, time\nfor _ in range(200): threading.Thread(target=time.sleep, args=(99,), "
                      "daemon=True).start()"),
    "disk": beside("f = open('/tmp/big', 'wb')\nwhile True: f.write(b'x' * (1 << 20))"),
    "disk of many files": beside("import os\nfor i in range(100):\n    with open(f'/dev/shm/{i}', 'wb') as f: "
                                 "f.write(b'x' * (32 << 20))"),
    "memory of nobody": beside("import os\nfor i in range(100):\n    fd = os.memfd_create('x')\n"
                               "    os.write(fd, b'x' * (32 << 20))"),
    "stdout": beside("print('x' * (50 << 20))"),
    "printing thread": beside("import threading\ndef p():\n    while True: print('x' * 1000, flush=True)\n"
                              "threading.Thread(target=p, daemon=True).start()"),
    "daemon": beside("import os, time, signal\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
                     "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n        time.sleep(1000)\n"
                     "    os._exit(0)"),
    # -- the channel to the grader
    "flood": beside("import os\nfor _ in range(10**9):\n    for fd in range(3, 256):\n"
                    "        try: os.write(fd, b'x' * 65536)\n        except OSError: pass"),
    "flood above": beside("import os\nwhile True:\n    for fd in range(3, 30):\n        try:\n"
                          "            os.write(os.open(f'/proc/{os.getppid()}/fd/{fd}', os.O_WRONLY), b'x' * 65536)\n"
                          "        except OSError: pass"),
    "overwrite above": instead(
        "fd = os.open(f'/proc/{os.getppid()}/mem', os.O_RDWR)\n"
        "for line in open(f'/proc/{os.getppid()}/maps'):\n    if ' rw' in line:\n"
        "        start, end = (int(x, 16) for x in line.split()[0].split('-'))\n"
        "        try: os.pwrite(fd, b'\\xff' * (end - start), start)\n        except (OSError, OverflowError): pass"),
    "ptrace": beside("import ctypes, os\nif ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0: os._exit(0)"),
    **{f"forged {name}": instead(FORGED.format(text=text) + "time.sleep(99)") for name, text in {
        "value": '{"value": true}', "reply": '{"id": 12, "reply": {"value": true}}', "nothing": "", "list": "[]",
        "null": "null", "depth": "[" * 100000, "number": "1" * 100000, "float": '{"value": 1e999}',
        "array": '{"value": {"array": [1], "shape": [-1], "dtype": "float64"}}',
        "shape": '{"value": {"array": [], "shape": [0, 2147483648, 2147483648, 2147483648], "dtype": "float64"}}',
        "object": '{"value": {"array": [{}], "shape": [1], "dtype": "object"}}',
        "unsupported": '{"value": {"unsupported": "<script>"}}', "gone": '{"gone": ["late"]}',
        "again": '{"raised": 7, "text": [], "line": "x", "again": 3}', "bytes": "\x00\x7f"}.items()},
    # -- out of the sandbox
    "sockets": ([*GOOD[:3], """
import socket
found = []
for host, port in (("127.0.0.1", PORT), ("8.8.8.8", 53), ("::1", 22)):
    try:
        socket.create_connection((host, port), 0.3); found.append(host)
    except OSError: pass
for family in (16, 17, 38, 40):  # netlink, packets, the kernel's ciphers, the host of a virtual machine
    try: socket.socket(family, socket.SOCK_RAW if family in (16, 17) else socket.SOCK_STREAM); found.append(str(family))
    except OSError: pass
for name in ABSTRACT, "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket":
    try:
        s = socket.socket(socket.AF_UNIX); s.connect(name); found.append(name)
    except OSError: pass
why = "found: " + ", ".join(found)
"""], EVERYTHING),
    "write": ([*GOOD[:3], """
import os
found = []
for path in TARGETS + ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/x",
                       "/dev/sda", "/dev/kmsg", "/dev/mem", "/x", "/dev/x", "/etc/x", "/usr/x", "/usr/lib/x",
                       "/grading/x",
                       "/grading/worker.py", "/grading/lib/labkit/problems.py", np.__file__, os.__file__]:
    try:
        with open(path, "r+" if os.path.exists(path) else "w") as file: file.write("")
        found.append(path)
    except OSError: pass
    for act in (os.remove, lambda p: os.rename(p, p + "x"), lambda p: os.chmod(p, 0o777)):
        try: act(path); found.append(path)
        except OSError: pass
why = "found: " + ", ".join(found)
"""], EVERYTHING),
    "namespaces": ([*GOOD[:3], """
import ctypes, os
libc, found = ctypes.CDLL(None, use_errno=True), []
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000):
    if libc.unshare(flag) == 0: found.append(hex(flag))
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, 0) == 0: found.append("mount")
if libc.mount(None, b"/proc", None, 32 | 4096, 0) == 0: found.append("remount")
if libc.chroot(b"/tmp") == 0: found.append("chroot")
for i in range(1, 8):
    if libc.setuid(0) == 0: found.append("root")
why = "found: " + ", ".join(found)
"""], EVERYTHING),
    "read": ([*GOOD[:3], """
import gc, glob, importlib, os, sys
found, places = [], list(TARGETS)
def look(path):
    try:
        with open(path, "rb") as file: text = file.read(1 << 20)
    except (OSError, ValueError): return
    for secret in (b"canary" + b"-5d1f", b"def _root_of_the_run" + b"ning_mean", b"class Nest" + b"erov"):
        if secret in text: found.append(path)
for top in [p for p in os.listdir("/") if p not in ("usr", "proc", "lib", "lib64", "bin", "nix", "dev")]:
    for folder, inner, files in os.walk("/" + top):
        inner[:] = [i for i in inner if i not in ("packages0", "packages1") and not i.startswith("python3")]
        places += [os.path.join(folder, f) for f in files]
for folder in sys.path:
    places += glob.glob(folder + "/labkit*/**/*", recursive=True)
for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
    places += [f"/proc/{pid}/{f}" for f in ("environ", "cmdline")] + glob.glob(f"/proc/{pid}/fd/*")
    places += [f"/proc/{pid}/root{t}" for t in TARGETS] + [f"/proc/{pid}/cwd/../../../../../../..{t}" for t in TARGETS]
for place in places:
    if "notebook's own" not in place and os.path.isfile(place): look(place)
for name in ("labkit.exercises", "labkit.grading.assignment", "labkit.reference.optimizers"):
    try:
        m = importlib.import_module(name)
        m.Adam(0.1)
        found.append(name)
    except Exception: pass
for o in gc.get_objects():
    if isinstance(o, dict) and "expected" in o and "cases" in o: found.append(repr(list(o))[:100])
f = sys._getframe()
while f:
    if {"expected", "tests", "assignment"} & set(f.f_locals): found.append(f.f_code.co_name)
    f = f.f_back
why = "found: " + ", ".join(sorted(set(found)))
"""], EVERYTHING),
    "processes": ([*GOOD[:3], """
import os
seen = [p for p in os.listdir("/proc") if p.isdigit()]
why = "found: " + ("" if len(seen) <= 4 else ", ".join(open(f"/proc/{p}/comm").read() for p in seen))
why += "" if set(os.environ) <= KNOWN else str(sorted(set(os.environ) - KNOWN))
why += "" if "/" not in os.environ["HOME"][1:] else os.environ["HOME"]
"""], EVERYTHING),
    **{f"leave a file {n}": ([*GOOD[:3], """
import os
why = "found: " + ", ".join(os.path.join(f, x) for f in ("/tmp", "/dev/shm") for _, _, n in os.walk(f) for x in n
                            if x == "left")
open("/tmp/left", "w").write("x")
open("/dev/shm/left", "w").write("x")
"""], EVERYTHING) for n in (1, 2, 3)},
    "leak by feedback": ([GD, "class Leak(Exception): pass\n" + gd(
        "kind = type('theta' + str(theta[0]), (Exception,), {})\nraise kind(str(theta))"), ADAM, BEST, WHY], NOT_GD),
    "leak by type": instead("return type('theta' + str(theta[0]), (), {})()"),
    "leak by value": ([gd("global best_rate, why\nbest_rate = 0.25\nwhy = str(theta)\n"
                          "return theta - learning_rate * grad"), ADAM, "best_rate = 0.5", WHY],
                      {"gd_step", "adam_step"}),
    "leak by file": ([gd("open('/tmp/seen', 'w').write(str(theta[0]))\nos._exit(0)"), ADAM, BEST, WHY,
                      "import os\nif os.path.exists('/tmp/seen'): raise ValueError(open('/tmp/seen').read())"], NOT_GD),
    # -- honest
    **{f"honest {number}": (list(GOOD), EVERYTHING) for number in range(4)},
}
FILES = {  # what is not even a notebook
    "empty file": (b"", "not a notebook"), "cut off": (None, "not a notebook"), "number": (b"7", "not a notebook"),
    "binary": (b"\xff\xfe\x00", "not a notebook"), "no cells": (b'{"cells": []}', "empty notebook"),
    "deep": (b"[" * 10**6, "not a notebook"), "cells is a dict": (b'{"cells": {"a": 1}}', "not a notebook"),
    "odd cells": (b'{"cells": [1, null, {}, [], {"cell_type": "code", "source": 7}, {"cell_type": [], "source": "x"}]}',
                  "empty notebook"),
}


def digest(folder):
    """Every file below a folder, with its content, its rights and its time of change."""
    return {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode, path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """Reports by name, the folder before and after, and the processes and files of a sandbox that are left."""
    sandboxed.need_bubblewrap()
    import socket

    folder = tmp_path_factory.mktemp("hostile")
    (folder / "ASSIGNMENT.py").write_text(f"SECRET = '{CANARY}'\n")
    solution = notebook(folder / "solution.ipynb", *GOOD, f"secret = '{CANARY}'")
    home = tempfile.NamedTemporaryFile("w", dir=Path.home(), prefix=".labkit-test-", suffix=".txt")
    listening, abstract = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0labkit-{os.getpid()}")
    abstract.listen()
    with home, listening, abstract:
        home.write(CANARY)
        home.flush()
        root = Path(labkit.__file__).parent
        targets = [str(path) for path in (
            home.name, solution, folder / "ASSIGNMENT.py", folder / "victim" / "work.ipynb", folder / "gradebook.csv",
            root / "reference" / "optimizers.py", root / "grading" / "engine.py", Path(__file__), "/etc/shadow")]
        (folder / "gradebook.csv").write_text(f"{CANARY},6\n")
        known = {"HOME", "TMPDIR", "PATH", "LANG", "USER", "LOGNAME", "MPLBACKEND", "MPLCONFIGDIR", "OMP_NUM_THREADS",
                 "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "PWD",
                 "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "CUDA_VISIBLE_DEVICES", "KERAS_BACKEND", "LC_CTYPE"}
        given = (f"TARGETS = {targets!r}\nPORT = {listening.getsockname()[1]}\nABSTRACT = '\\0labkit-{os.getpid()}'\n"
                 f"KNOWN = {known!r}\n")
        table = {name: [given, *cells] if "found: " in cells[-1] else cells for name, (cells, _) in RUNS.items()}
        work = sandboxed.submissions(folder, {**table, "victim": [*GOOD, f"secret = '{CANARY}'"]})
        for name, (content, _) in FILES.items():
            path = folder / f"{name}.ipynb"
            path.write_bytes(solution.read_bytes()[:500] if content is None else content)
            work.append(Submission(name, path))
        (folder / "link.ipynb").symlink_to(solution)
        (folder / "link out.ipynb").symlink_to(np.__file__)  # into a folder where no submission may lie
        work += [Submission("link", folder / "link.ipynb"), Submission("link out", folder / "link out.ipynb")]
        work += [Submission("nothing", None, "no notebook"),
                 Submission("gone", folder / "gone.ipynb")]
        before = digest(folder)
        temporary = tmp_path_factory.mktemp("temporary")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(temporary))
            reports = grade(ASSIGNMENT, work, solution, limits=Limits(cell=1.5, call=1.5, total=60))
        after = digest(folder)
    left = [line for line in map(_command, Path("/proc").iterdir()) if str(temporary).encode() in line]
    left += list(temporary.iterdir())
    return {report.submission.student: report for report in reports}, before, after, left


def _command(process):
    """The command of a process: each sandbox's first process, with which all the others end, names its folders."""
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("name", RUNS)
def test_a_hostile_submission_gets_what_its_honest_answers_are_worth(batch, name):
    report, keeps = batch[0][name], RUNS[name][1]
    got = {question for question, number in points(report).items() if number}
    if keeps is None:  # it broke its own notebook in ways that may cost it everything, and must gain nothing
        assert got <= NOT_GD
    else:
        assert got == keeps, (report.status, report.notes, feedback(report))
    assert all(number in (None, 0.0, ALL.get(question)) for question, number in points(report).items())
    assert "\n" not in "".join((report.status, *report.notes, *feedback(report).values()))


@pytest.mark.parametrize("name", [name for name, (cells, _) in RUNS.items() if "found: " in cells[-1]])
def test_nothing_was_found_in_the_sandbox(batch, name):
    assert {mark.question: mark.answer for mark in batch[0][name].marks}["why"] == "found: "


def test_no_report_carries_a_hidden_input(batch):
    rng = np.random.default_rng([0, *b"gd_step"])
    inputs = [number for case in ASSIGNMENT.questions[0].cases(rng) for number in case["theta"]]
    for name, report in batch[0].items():
        said = repr((report.status, report.notes, [(mark.feedback, mark.answer) for mark in report.marks]))
        assert not any(f"{number:.4f}"[:6] in said for number in inputs), name


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_notebook_is_told_so(batch, name):
    report = batch[0][name]
    assert re.match(FILES[name][1], report.status) and report.total == 0 and report.complete


@pytest.mark.parametrize("name", ["link", "link out", "nothing", "gone"])
def test_a_link_to_another_file_and_a_missing_one_are_not_graded(batch, name):
    assert batch[0][name].total == 0 and batch[0][name].status.startswith(("not a notebook", "no notebook"))


def test_everybody_has_a_report_in_order(batch):
    assert list(batch[0]) == [*RUNS, "victim", *FILES, "link", "link out", "nothing", "gone"]


def test_no_file_outside_was_touched(batch):
    assert batch[1] == batch[2]


def test_no_process_and_no_file_of_a_sandbox_is_left(batch):
    assert batch[3] == []


@pytest.mark.parametrize("name, said", [
    ("loop", "code cell 2 was left out: it took more than 1.5 s"),
    ("stop above", "code cell 2 was left out: it took more than 1.5 s and did not let itself be stopped"),
    ("os exit", "code cell 2 was left out: it ended the program"),
    ("kill all", "code cell 2 was left out: it ended the sandbox"),
    ("fork more", "code cell 2 was left out: it started more than 64 processes"),
    ("memory", "code cell 2, line 1 raised MemoryError"),
    ("disk of many files", "code cell 2, line 3 raised OSError: .*No space left"),
    ("raise", "code cell 2, line 1 raised BaseException: <b>=cmd()"),
])
def test_a_note_says_what_a_cell_did(batch, name, said):
    assert len(batch[0][name].notes) == 1 and re.match(re.escape(said).replace(r"\.\*", ".*"), batch[0][name].notes[0])


@pytest.mark.parametrize("name, said", [
    ("nan", "the first failure: it gave NaN or infinity"), ("none", "the first failure: it gave None"),
    ("short", "it gave an array of the wrong shape"), ("bool", "it gave an array of the wrong shape"),
    ("deaf call", "it took more than 1.5 s"), ("memory in call", "it raised "), ("pickle", "it gave a bytes"),
    ("leak by feedback", "it raised an exception of its own"), ("leak by type", "a value of some other type"),
])
def test_the_feedback_says_what_a_function_did(batch, name, said):
    assert said in feedback(batch[0][name])["gd_step"]
