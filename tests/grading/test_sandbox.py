"""The sandbox itself: when it refuses to start, what is in it, what its filter says, and what ``none`` leaves open."""
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import sandboxed
from sandboxed import ASSIGNMENT, GOOD, notebook

import labkit
from labkit.grading import sandbox
from labkit.grading.assignment import DEFAULT_HIDDEN
from labkit.grading.engine import grade
from labkit.grading.results import GradingError
from labkit.grading.sandbox import Gone, Limits, Sandboxes, syscall_filter, unprotected


@pytest.fixture(scope="module")
def box():
    """A batch, and one sandbox of it."""
    sandboxed.need_bubblewrap()
    with Sandboxes("bwrap", Limits(cell=2, call=2)) as batch, batch.start([], False, ["x"]) as one:
        yield batch, one


def value(one, source):
    """What a cell leaves in x."""
    answer = one.ask({"do": "cell", "number": 1, "source": source}, 20)
    assert "ran" in answer, answer
    return one.ask({"do": "value", "name": "x"}, 5)["value"]


# ---- it is never left out silently


def test_without_bubblewrap_nothing_is_graded(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GradingError, match=r"there is no bwrap(.|\n)*apt install(.|\n)*dnf install(.|\n)*pacman"):
        grade(ASSIGNMENT, [], notebook(tmp_path / "solution.ipynb", *GOOD))


def test_where_bubblewrap_does_not_work_nothing_is_graded(tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(GradingError, match=r"bwrap does not work(.|\n)*Permission denied(.|\n)*AppArmor"):
        grade(ASSIGNMENT, [], notebook(tmp_path / "solution.ipynb", *GOOD))


@pytest.mark.parametrize("kind", ["", "docker", None])
def test_there_are_two_kinds(tmp_path, kind):
    with pytest.raises(GradingError, match="sandbox must be bwrap or none"):
        grade(ASSIGNMENT, [], notebook(tmp_path / "solution.ipynb", *GOOD), sandbox=kind)


def test_a_secret_where_all_can_read_is_refused():
    sandboxed.need_bubblewrap()
    with pytest.raises(GradingError, match="which every submission can read; move it elsewhere"):
        with Sandboxes("bwrap", Limits(), secret=[Path("/usr/share/solution.ipynb")]):
            pass


def test_a_slip_in_hidden_is_refused():
    with pytest.raises(GradingError, match="hidden names labkit/reference/optimisers.py, which labkit does not have"):
        with Sandboxes("bwrap", Limits(), hidden=["labkit/reference/optimisers.py"]):
            pass


# ---- what is in it


def test_the_copy_of_labkit_holds_no_answers(box):
    copy, source = box[0].folder / "lib" / "labkit", Path(labkit.__file__).parent
    for name in DEFAULT_HIDDEN:
        assert not (copy.parent / name).is_dir()
        stand_in = (copy.parent / name).with_suffix(".py")
        assert stand_in.read_text() == sandbox.STAND_IN
    kept = {path.relative_to(copy) for path in copy.rglob("*.py")}
    hidden = [Path(name).relative_to("labkit") for name in DEFAULT_HIDDEN]
    for path in source.rglob("*.py"):
        name = path.relative_to(source)
        assert (name in kept) or any(name.is_relative_to(each) for each in hidden)
    assert {path.stem.partition(".")[0] for path in copy.rglob("*.pyc")} <= {path.stem for path in copy.rglob("*.py")}


def test_the_rest_of_labkit_can_be_imported_and_an_answer_refuses_to_be_called(box):
    assert value(box[1], """
import labkit.reference, labkit.problems, labkit.data, labkit.reference.losses, labkit.reference.training
from labkit.reference.optimizers import Adam
import labkit.exercises, labkit.grading
x = []
for name, call in (("Adam", Adam), ("check", labkit.exercises.check), ("grade", labkit.grading.grade)):
    try:
        call(0.1)
    except ImportError as error:
        x.append(str(error))
""") == {"list": [f"{name} is not here while a submission is graded: it holds answers" for name in (
        "labkit.reference.optimizers.Adam", "labkit.exercises.check", "labkit.grading.grade")]}


def test_the_sandbox_is_empty_but_for_python(box):
    found = value(box[1], "import os\nx = sorted(os.listdir('/'))\n")["list"]
    assert set(found) <= {"bin", "dev", "etc", "grading", "lib", "lib32", "lib64", "libx32", "nix", "proc", "sbin",
                          "tmp", "usr", Path(sys.base_prefix).resolve().parts[1]}
    assert set(value(box[1], "x = sorted(os.listdir('/etc'))")["list"]) <= {"alternatives", "fonts", "ld.so.cache"}
    assert value(box[1], "import sys\nx = [p for p in sys.path if not os.path.exists(p)][1:]") == {"list": []}


def test_the_numbers_of_processes_and_users_are_the_sandboxs_own(box):
    assert value(box[1], "x = os.getppid() < 10 and len([p for p in os.listdir('/proc') if p.isdigit()]) < 6") is True
    status = value(box[1], "x = open('/proc/self/status').read()")
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status or line == "Seccomp:\t2" and syscall_filter() is None


def test_a_killed_child_takes_along_what_it_started(box):
    value(box[1], "import os, time\nx = 0\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n"
                  "        time.sleep(99)")
    with pytest.raises(Gone, match="it took more than 0.2 s"):
        box[1].ask({"do": "cell", "number": 2, "source": "while True: pass"}, 0.2)
    box[1].fork()
    assert value(box[1], "import os\nx = len([p for p in os.listdir('/proc') if p.isdigit()])") <= 3


def test_asking_a_sandbox_that_is_gone_says_so(box):
    with box[0].start([], False) as one:
        one.kill("it was enough")
        for _ in range(2):
            with pytest.raises(Gone, match="it was enough"):
                one.ask({"do": "value", "name": "x"}, 1)


def test_a_batch_that_is_stopped_starts_nothing_more():
    sandboxed.need_bubblewrap()
    with Sandboxes("bwrap", Limits()) as batch, batch.start([], False) as one:
        batch.stop()
        with pytest.raises(Gone, match="stopped"):
            one.ask({"do": "value", "name": "x"}, 1)
        with pytest.raises(Gone, match="stopped"):
            batch.start([], False)
    assert not batch.folder.exists()


def test_a_sandbox_that_does_not_start_says_why(monkeypatch):
    sandboxed.need_bubblewrap()
    with Sandboxes("bwrap", Limits()) as batch:
        monkeypatch.setattr(sandbox, "START", "raise SystemExit('no start today')")
        with pytest.raises(Gone, match="the sandbox did not start: it ended the sandbox .no start today"):
            batch.start([], False)
        assert not batch.running


def test_memory_has_a_default_and_tensorflow_more():
    assert Limits().memory_for(False) == 2 << 30 and Limits().memory_for(True) == 4 << 30
    assert Limits(memory=1 << 30).memory_for(True) == 1 << 30


# ---- the filter of system calls


def answer(program, architecture, number, argument=0):
    """What the kernel would do with the program, by the rules of its filters."""
    data, at, held = struct.pack("<IIQQ", number, architecture, 0, argument), 0, 0
    steps = [struct.unpack("HBBI", program[i:i + 8]) for i in range(0, len(program), 8)]
    while True:
        code, yes, no, k = steps[at]
        at += 1
        if code == 0x20:
            held = struct.unpack_from("<I", data, k)[0]
        elif code == 0x06:
            return k
        else:
            at += yes if {0x15: held == k, 0x35: held >= k, 0x45: held & k}[code] else no


@pytest.mark.parametrize("machine", sandbox.SYSCALLS)
def test_the_filter_refuses_what_is_listed_and_nothing_else(machine):
    program, (architecture, numbers) = syscall_filter(machine), sandbox.SYSCALLS[machine]
    allow, deny = 0x7FFF0000, 0x00050000 | 38
    for number in range(500):
        listed = number in numbers.values() and number not in (numbers["clone"], numbers["socket"])
        assert answer(program, architecture, number, 1) == (deny if listed else allow)
    for family in range(50):
        assert answer(program, architecture, numbers["socket"], family) == (allow if family in (1, 2, 10) else deny)
    for flags in (0, 17, 0x003D0F00, 0x01200011):  # fork, threads
        assert answer(program, architecture, numbers["clone"], flags) == allow
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer(program, architecture, numbers["clone"], 17 | flag) == deny
    assert answer(program, architecture, 0x40000000 + 1) == answer(program, 0x40000003, 1) == deny


def test_another_processor_has_no_filter():
    assert syscall_filter("riscv64") is None


# ---- without a sandbox


def test_it_says_what_is_not_protected():
    said = unprotected()
    for what in ("network", "hidden tests", "other submissions", "change and delete", "end every other program"):
        assert what in said


def test_nothing_is_run_as_root_without_a_sandbox(monkeypatch):
    def refused(*args, **kwargs):
        raise PermissionError("nobody may not")

    monkeypatch.setattr(sandbox.os, "getuid", lambda: 0)
    monkeypatch.setattr(sandbox.subprocess, "run", refused)
    with pytest.raises(GradingError, match="nothing is run as root"):
        with Sandboxes("none", Limits()):
            pass


INSIDE = """
import sys, tempfile
from pathlib import Path
sys.path[:0] = sys.argv[1:]
from sandboxed import *
from labkit.grading.engine import grade
folder = Path(tempfile.mkdtemp())
table = {"good": GOOD, "loop": [GD, "while True: pass", ADAM, BEST, WHY],
         "exit": [GD, "import os; os._exit(0)", ADAM, BEST],
         "hungry": [GD, "b = bytearray(12 << 30)", ADAM, BEST], "wrong": [GD.replace("-", "+"), ADAM, BEST],
         "daemon": [*GOOD, "import os, time\\nif os.fork() == 0:\\n    os.setsid()\\n    time.sleep(999)"],
         "environment": [*GOOD[:3], "import os\\nwhy = os.environ.get('SECRET', 'nothing') + str(os.listdir('.'))"]}
reports = grade(ASSIGNMENT, submissions(folder, table), notebook(folder / "solution.ipynb", *GOOD), sandbox="none",
                limits=Limits(cell=2))
for report in reports:
    print(report.submission.student, report.total, report.marks[3].answer, sep="|")
left = [p for p in Path("/proc").iterdir() if p.name.isdigit() and b"work" + b"er.py" in (p / "cmdline").read_bytes()]
print("left", left, list(folder.parent.glob("labkit-*")), sep="|")
"""


def test_without_a_sandbox_limits_and_marks_still_hold(tmp_path):
    """In a sandbox of the test's own, since what is graded without one is not held back."""
    sandboxed.need_bubblewrap()
    here = [str(Path(__file__).parent), str(Path(labkit.__file__).parent.parent)]
    command = [shutil.which("bwrap"), "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000",
               "--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
               "--bind", str(tmp_path), str(tmp_path), "--chdir", "/", sys.executable, "-c", INSIDE, *here]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "SECRET": "mine"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "good|6.0|It is 1 / L.", "loop|6.0|It is 1 / L.", "exit|6.0|None", "hungry|6.0|None", "wrong|4.0|None",
        "daemon|6.0|It is 1 / L.", "environment|6.0|nothing[]", "left|[]|[]"]
