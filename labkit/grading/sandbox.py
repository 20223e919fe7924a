"""Where a submission runs: bubblewrap gives it no network, no files but Python's, and nobody else's processes.

``Sandboxes`` is what one batch shares (a copy of labkit without the answers, a font cache, a thread that watches memory
and processes); its ``start`` gives one ``Sandbox``, which answers requests until it is closed or dies.
"""
import compileall
import errno
import json
import os
import platform
import pwd
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import labkit
from labkit.grading.assignment import DEFAULT_HIDDEN
from labkit.grading.results import GradingError

MIB = 2**20
WORKER = Path(__file__).with_name("worker.py")
PYTHON = Path(sys._base_executable).resolve()  # without a virtual environment, whose .pth files lead to a checkout
START = "import runpy, sys; sys.path[:0] = sys.argv[2:]; runpy.run_path(sys.argv[1], run_name='__main__')"
GRACE = 2.0  # seconds that a worker has to say that a time limit was reached, before the sandbox is killed
OWN = 3  # the last of the folders that are shown are made by us: labkit's copy, the worker, the fonts
WATCHED = 0.05  # seconds between two looks at memory and processes

INSTALL = """\
Bubblewrap runs each submission without network, files and processes of this machine. To install it:
    Debian, Ubuntu:  apt install bubblewrap
    Fedora:          dnf install bubblewrap
    Arch:            pacman -S bubblewrap
Ubuntu 24.04 and later allow user namespaces only to programs with an AppArmor profile: apt install apparmor-profiles,
and copy /usr/share/apparmor/extra-profiles/bwrap-userns-restrict to /etc/apparmor.d/, then systemctl reload apparmor.
In a container it needs --security-opt seccomp=unconfined, or a machine of its own. --sandbox none does without it."""

STAND_IN = '''\
"""Holds answers of this assignment, so it is not here while a submission is graded."""


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    def __init__(self, *args, **kwargs):
        raise ImportError(f"{__name__}.{name} is not here while a submission is graded: it holds answers")

    return type(name, (), {"__init__": __init__, "__module__": __name__})
'''


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes
    ----------
    cell, call, total, preload : float
        Seconds for one cell, one call of a function, everything, and for loading the libraries beforehand.
    memory : int, optional
        Bytes. Default: 2 GiB, and 4 GiB with TensorFlow.
    disk, answer : int
        Bytes of files, and of one answer as JSON.
    processes : int
        How many at once.
    """

    cell: float = 10.0
    call: float = 5.0
    total: float = 120.0
    memory: int | None = None
    disk: int = 64 * MIB
    answer: int = 4 * MIB
    processes: int = 64
    preload: float = 60.0

    def __post_init__(self):
        for name in ("cell", "call", "total", "memory", "disk", "answer", "processes", "preload"):
            value = getattr(self, name)
            if not (name == "memory" and value is None) and not (isinstance(value, (int, float)) and 0 < value < 2**50):
                raise ValueError(f"{name} must be a positive number, got {value!r}")

    def memory_for(self, tensorflow):
        """Bytes for a submission with or without TensorFlow."""
        return int(self.memory or (4096 if tensorflow else 2048) * MIB)


def unprotected():
    """What ``--sandbox none`` leaves open, for whoever chooses it."""
    user = "the user nobody" if os.getuid() == 0 else "you"
    return f"""\
Without a sandbox a submission runs as an ordinary program of {user}. Limits of time, memory, file size and processes
still hold, and marks are still decided outside of it. Nothing else is held back. A submission can
  - use the network;
  - read every file that {user} can read: the hidden tests, the solution, other submissions, keys;
  - change and delete every file that {user} can change: the gradebook, other submissions, the grader;
  - end every other program of {user}, leave programs behind that go on running, and fill the disk with many files.
Use it only inside of something that holds one submission and is thrown away afterwards, such as Gradescope's
container, or for submissions that you trust."""


class Gone(Exception):
    """There will be no answer; the text says why in plain words, and ``dead`` whether the sandbox is gone too."""

    def __init__(self, why, dead):
        super().__init__(why)
        self.dead = dead


# ---- what is not allowed in the sandbox

# Memory that no process owns, so that the watch does not see it; other processes' memory; the machine's keys; more
# namespaces; and the parts of the kernel with a history of holes that no notebook has a use for.
SYSCALLS = {
    "x86_64": (0xC000003E, {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "memfd_create": 319, "memfd_secret": 447,
        "bpf": 321, "userfaultfd": 323, "perf_event_open": 298, "add_key": 248, "request_key": 249, "keyctl": 250,
        "io_uring_setup": 425, "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240, "unshare": 272, "setns": 308,
        "mount": 165, "fsopen": 430, "open_tree": 428, "move_mount": 429, "clone3": 435, "clone": 56, "socket": 41}),
    "aarch64": (0xC00000B7, {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "memfd_create": 279, "memfd_secret": 447,
        "bpf": 280, "userfaultfd": 282, "perf_event_open": 241, "add_key": 217, "request_key": 218, "keyctl": 219,
        "io_uring_setup": 425, "shmget": 194, "msgget": 186, "semget": 190, "mq_open": 180, "unshare": 97, "setns": 268,
        "mount": 40, "fsopen": 430, "open_tree": 428, "move_mount": 429, "clone3": 435, "clone": 220,
        "socket": 198}),
}
NAMESPACES = 0x7E020000  # the flags of clone that make one; clone3 hides its flags, and without it libraries use clone
FAMILIES = (1, 2, 10)  # unix, IPv4, IPv6: those that a network namespace holds back


def syscall_filter(machine=None):
    """The program for the kernel's filter that answers ``ENOSYS`` to ``SYSCALLS``; None for another processor."""
    if (machine or platform.machine()) not in SYSCALLS:
        return None
    architecture, numbers = SYSCALLS[machine or platform.machine()]
    load, equal, at_least, any_bit, back = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, deny = 0x7FFF0000, 0x00050000 | errno.ENOSYS

    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (back, 0, 0, deny),  # not the processor's 32-bit calls
               (load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (back, 0, 0, deny)]
    for name, number in numbers.items():
        if name not in ("clone", "socket"):
            program += [(equal, 0, 1, number), (back, 0, 0, deny)]
    program += [(equal, 0, 4, numbers["clone"]), (load, 0, 0, 16), (any_bit, 0, 1, NAMESPACES), (back, 0, 0, deny),
                (back, 0, 0, allow)]
    program += [(equal, 0, 2 + len(FAMILIES), numbers["socket"]), (load, 0, 0, 16)]
    for left, family in reversed(list(enumerate(reversed(FAMILIES)))):
        program.append((equal, left + 1, 0, family))
    program += [(back, 0, 0, deny), (back, 0, 0, allow)]
    return b"".join(struct.pack("HBBI", *step) for step in program)


# ---- the command


def _packages():
    """The folders of installed packages, of this environment and of the user."""
    found = [Path(p) for p in sys.path if Path(p).name in ("site-packages", "dist-packages") and Path(p).is_dir()]
    return list(dict.fromkeys(path.resolve() for path in found))


def _system():
    """The folders of the system and of Python's own installation that a sandbox can read."""
    folders = [Path("/usr") / name for name in ("bin", "lib", "lib32", "lib64", "libx32", "share")]
    for prefix in (sys.base_prefix, sys.base_exec_prefix):
        folders += [Path(prefix).resolve() / name for name in ("bin", "lib", "lib64")]
    folders.append(Path(os.__file__).resolve().parent)  # where the standard library lies elsewhere
    folders += [Path("/nix/store"), *(Path("/etc") / name for name in ("ld.so.cache", "alternatives", "fonts"))]
    kept = []
    for folder in dict.fromkeys(f for f in folders if f.exists()):
        if not any(folder.is_relative_to(other) for other in kept):
            kept.append(folder)
    return kept


def _installed_labkits(folder):
    """Each labkit, with all its answers, that was installed in a folder which a sandbox can read."""
    patterns = ("labkit", "python3*/*-packages/labkit") if folder.is_dir() else ()
    return [found for pattern in patterns for found in folder.glob(pattern) if found.is_dir()]


def _environment(home):
    """All of the environment variables that a submission sees."""
    return {"HOME": home, "TMPDIR": home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "student",
            "LOGNAME": "student", "MPLBACKEND": "Agg", "MPLCONFIGDIR": f"{home}/.matplotlib",
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}


def _bubblewrap(program, limits, binds, confined):
    """The command up to Python's; ``confined`` also takes from the sandbox the right to make namespaces."""
    command = [program, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
               "--hostname", "sandbox"]
    command += ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"] if confined else []
    # Nothing that can be written but two folders of a fixed size. /proc too: to the kernel, root in here is root.
    command += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for folder in ("/dev/shm", "/tmp"):
        command += ["--size", str(int(limits.disk)), "--tmpfs", folder]
    for folder in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(folder):
            command += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            command += ["--ro-bind", folder, folder]
    for host, inside in binds:
        command += ["--ro-bind", str(host), str(inside)]
    for host, inside in binds[:-OWN]:
        for found in _installed_labkits(host):
            hidden = str(Path(inside) / found.relative_to(host))
            command += ["--tmpfs", hidden, "--remount-ro", hidden]
    command += ["--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in _environment("/tmp").items():
        command += ["--setenv", name, value]
    return command


def nobody():
    """The user to become where there is no sandbox; None unless we are root, as which no submission is ever run.

    Root's program could end every other one of the machine with one call.
    """
    if os.getuid() != 0:
        return None
    command = [PYTHON, "-I", "-S", "-c", "import sys; sys.path += sys.argv[1:]; import numpy", *_packages()]
    try:
        user = pwd.getpwnam("nobody")
        subprocess.run(command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", capture_output=True,
                       timeout=60, check=True)
    except (KeyError, OSError, subprocess.SubprocessError) as error:
        raise GradingError(f"without a sandbox nothing is run as root, and the user nobody cannot run {PYTHON} with "
                           f"NumPy: run this as another user, or install Python where all can read it") from error
    return user


class Sandboxes:
    """What the sandboxes of one batch share; a context manager.

    Parameters
    ----------
    kind : str
        ``"bwrap"`` or ``"none"``; nothing falls back from the one to the other.
    limits : Limits
    hidden : sequence of str
        The files and folders of labkit that a submission must not see.
    secret : sequence of path
        Files, their paths absolute, that no submission may read; a GradingError says so if the sandbox would show one.
    """

    def __init__(self, kind, limits, hidden=DEFAULT_HIDDEN, secret=()):
        if kind not in ("bwrap", "none"):
            raise GradingError(f"sandbox must be bwrap or none, got {kind!r}")
        self.kind, self.limits, self.hidden, self.secret = kind, limits, tuple(hidden), tuple(secret)
        self.running, self.lock, self.stopped = set(), threading.Lock(), threading.Event()
        self.fonts = None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="labkit-grading-"))
        try:
            self.folder.chmod(0o755)  # for nobody; what is in it is no secret
            self._copy_labkit()
            shutil.copy(WORKER, self.folder / "worker.py")
            (self.folder / "fonts").mkdir()
            if self.kind == "bwrap":
                self._find_bubblewrap()
            else:
                self.user = nobody()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.watch = threading.Thread(target=self._watch, daemon=True)
        self.watch.start()
        return self

    def stop(self):
        """End every sandbox there is; none can be started afterwards."""
        self.stopped.set()
        with self.lock:
            running = list(self.running)
        for sandbox in running:
            sandbox.kill("the grading was stopped")

    def __exit__(self, *_):
        self.stop()
        for sandbox in list(self.running):
            sandbox.close()
        self.watch.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _copy_labkit(self):
        source, copy = Path(labkit.__file__).resolve().parent, self.folder / "lib" / "labkit"
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for name in self.hidden:
            target = copy.parent / name
            if target.is_dir():
                shutil.rmtree(target)
            elif target.is_file():
                target.unlink()
            elif name not in DEFAULT_HIDDEN:
                raise GradingError(f"hidden names {name}, which labkit does not have; a slip there would show answers")
            if target.suffix in ("", ".py"):
                target.with_suffix(".py").write_text(STAND_IN, "utf-8")
        compileall.compile_dir(copy, quiet=2)

    def _find_bubblewrap(self):
        program = shutil.which("bwrap")
        if program is None:
            raise GradingError(f"there is no bwrap on this machine, and nothing is graded without it.\n{INSTALL}")
        shared = [(path, f"/grading/packages{i}") for i, path in enumerate(_packages())]
        self.binds = [*((path, path) for path in _system()), *shared, (self.folder / "lib", "/grading/lib"),
                      (self.folder / "worker.py", "/grading/worker.py"), (self.folder / "fonts", "/grading/fonts")]
        self._refuse_readable_secrets()
        said = ""
        for confined in (True, False):  # an older kernel or bwrap may not know the one thing that differs
            self.command = _bubblewrap(program, self.limits, self.binds, confined)
            try:
                done = subprocess.run([*self.command, str(PYTHON), "-I", "-S", "-c", "print('runs')"], text=True,
                                      capture_output=True, stdin=subprocess.DEVNULL, timeout=self.limits.preload)
            except (OSError, subprocess.TimeoutExpired) as error:
                said = said or str(error)[-500:]
                continue
            if done.stdout == "runs\n":
                return
            said = said or done.stderr.strip()[:500]
        raise GradingError(f"bwrap does not work on this machine, and nothing is graded without it: {said}\n{INSTALL}")

    def _refuse_readable_secrets(self):
        shown = [folder for folder, _ in self.binds[:-OWN]]
        covered = [found for folder in shown for found in _installed_labkits(folder)]
        for secret in (*self.secret, Path(labkit.__path__[0]).resolve()):
            for folder in shown:
                if secret.is_relative_to(folder) and secret not in covered:
                    raise GradingError(f"{secret} lies in {folder}, which every submission can read; move it elsewhere")

    def make_fonts(self):
        """Let matplotlib list the fonts once, for all sandboxes; without this each takes seconds over it."""
        if self.fonts is not None:
            return
        made, self.fonts = self.folder / "fonts", True
        with self.start(preload=["matplotlib.font_manager"], tensorflow=False) as sandbox:
            code = ("import glob, os\ncache = [(os.path.basename(p), open(p).read()) "
                    "for p in glob.glob(os.environ['MPLCONFIGDIR'] + '/*.json')]")
            sandbox.ask({"do": "cell", "number": 0, "source": code}, 30)
            found = sandbox.ask({"do": "value", "name": "cache"}, 30).get("value")
        for entry in found["list"] if isinstance(found, dict) and "list" in found else []:
            name, text = entry["tuple"]
            (made / Path(name).name).write_text(text, "utf-8")

    def start(self, preload, tensorflow, questions=(), stubs=()):
        """A sandbox in which the libraries are loaded and a first child waits; it raises Gone if it does not start."""
        if self.stopped.is_set():
            raise Gone("the grading was stopped", dead=True)
        sandbox = Sandbox(self, preload, tensorflow, questions, stubs)
        with self.lock:
            self.running.add(sandbox)
        try:
            sandbox.begin()
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    def _watch(self):
        while not self.stopped.wait(WATCHED):
            with self.lock:
                running = [(each, each.process.pid) for each in self.running if each.process is not None]
            try:
                parents = _parents() if running else {}
                for sandbox, pid in running:
                    sandbox.look(_descendants(pid, parents))
            except OSError:  # something ended between two looks; the next one is soon
                continue


class Sandbox:
    """One submission's sandbox; a context manager."""

    def __init__(self, batch, preload, tensorflow, questions, stubs):
        self.batch, self.limits = batch, batch.limits
        self.memory = batch.limits.memory_for(tensorflow)
        self.setting = {"preload": list(preload), "questions": list(questions), "stubs": list(stubs),
                        "answer": batch.limits.answer, "memory": self.memory, "disk": int(batch.limits.disk),
                        "alone": batch.kind == "bwrap",
                        "fonts": None}
        self.process, self.home, self.held, self.number, self.why = None, None, b"", 0, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def begin(self):
        """Start the program, and wait until the libraries are there."""
        batch, fonts = self.batch, any((self.batch.folder / "fonts").iterdir())
        if batch.kind == "bwrap":
            packages = [inside for _, inside in batch.binds if str(inside).startswith("/grading/packages")]
            command, paths = list(batch.command), ["/grading/worker.py", "/grading/lib", *packages]
            self.setting["fonts"] = "/grading/fonts" if fonts else None
            program, options = syscall_filter(), {}
            if program is not None:
                read = _filled_pipe(program)
                command[1:1], options = ["--seccomp", str(read)], {"pass_fds": (read,)}
        else:
            self.home = tempfile.mkdtemp(prefix="labkit-submission-")
            command, paths = [], [batch.folder / "worker.py", batch.folder / "lib", *_packages()]
            self.setting["fonts"] = str(batch.folder / "fonts") if fonts else None
            options, program = {"cwd": self.home, "env": _environment(self.home)}, None
            if batch.user:
                os.chown(self.home, batch.user.pw_uid, batch.user.pw_gid)
                options |= {"user": batch.user.pw_uid, "group": batch.user.pw_gid, "extra_groups": []}
        command += [str(PYTHON), "-I", "-S", "-B", "-c", START, *map(str, paths)]
        try:
            pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            self.process = subprocess.Popen(command, bufsize=0, start_new_session=True, **pipes, **options)
        finally:
            if program is not None:
                os.close(read)
        for pipe in (self.process.stdin, self.process.stderr):
            os.set_blocking(pipe.fileno(), False)
        try:
            self._exchange(json.dumps(self.setting).encode() + b"\n", self.limits.preload, 0)
            self.fork()
        except Gone as error:
            raise Gone(f"the sandbox did not start: {error}{self._said()}", dead=True) from None

    def _said(self):
        said = (self.process.stderr.read(2000) or b"").decode("utf-8", "replace").strip()
        return f" ({said})" if said else ""

    def fork(self):
        """End the child there is, and make a fresh one, in which no cell was run."""
        return self.ask({}, 5.0, fork=True)

    def ask(self, request, seconds, fork=False):
        """Hand a request to the child and return its answer, a dict whose content nobody has checked.

        Raises
        ------
        Gone
            If there is none: the child took too long, ended, or wrote too much.
        """
        self.number += 1
        line = json.dumps({**request, "id": self.number, "seconds": seconds, "fork": fork}).encode("ascii") + b"\n"
        answer = self._exchange(line, seconds + GRACE, self.number)
        self.look(_descendants(self.process.pid, _parents()))  # now: it counts against this request
        if self.why:
            self._fail(self.why)
        if type(answer) is not dict:
            self._fail("it interfered with the grader")
        if "gone" in answer:
            why = {"late": f"it took more than {seconds:g} s", "long": "its answer is too large"}
            raise Gone(why.get(str(answer["gone"]), "it ended the program"), dead=False)
        return answer

    def _exchange(self, data, seconds, number):
        if self.process is None or self.why:
            self._fail("the sandbox is gone")
        deadline, limit = time.monotonic() + seconds, self.limits.answer + 1000
        inside, outside = self.process.stdin.fileno(), self.process.stdout.fileno()
        poll = select.poll()
        poll.register(outside, select.POLLIN)
        poll.register(inside, select.POLLOUT)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                self._fail(f"it took more than {max(seconds - GRACE, 0):g} s and did not let itself be stopped")
            for fd, _ in poll.poll(left * 1000):
                if fd == inside:
                    try:
                        data = data[os.write(inside, data[:1 << 16]):]
                    except BlockingIOError:
                        continue
                    except OSError:
                        self._fail("it ended the sandbox")
                    if not data:
                        poll.unregister(inside)
                    continue
                chunk = os.read(outside, 1 << 16)
                if not chunk:
                    self._fail("it ended the sandbox")
                self.held += chunk
                line, end, rest = self.held.partition(b"\n")
                if end:
                    self.held = rest
                    return self._reply(line, number)
                if len(self.held) > limit:
                    self._fail("its answer is too large")

    def _reply(self, line, number):
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if type(message) is not dict or message.get("id") != number or "reply" not in message:
            self._fail("it interfered with the grader")
        return message["reply"]

    def _fail(self, why):
        self.kill(why)
        raise Gone(self.why, dead=True)

    def look(self, tree):
        """Kill the sandbox if it has too many processes or too much memory; called by the watch with what is in it."""
        if self.why:
            return
        if len(tree) > self.limits.processes + 4:  # two of bubblewrap, the supervisor, the child
            self.kill(f"it started more than {self.limits.processes} processes")
        elif _resident(tree) > self.memory and _proportional(tree) > self.memory:
            self.kill(f"it used more than {self.memory / 2**30:.3g} GiB of memory")

    def kill(self, why):
        """End all that runs in the sandbox, and remember the first reason."""
        self.why = self.why or why
        process = self.process
        if process is None or process.returncode is not None:
            return
        inside = [pid for pid in _descendants(process.pid, _parents()) if pid != process.pid]
        # The first below bubblewrap is the first process of the sandbox: with it the kernel ends all the others.
        for pid in inside[:1] if inside and self.batch.kind == "bwrap" else [*inside, process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def close(self):
        """End the sandbox and wait until nothing of it is left."""
        process = self.process
        if process is not None:
            self.kill("the sandbox was closed")
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()
            with self.batch.lock:
                self.process = None
        if self.home:
            shutil.rmtree(self.home, ignore_errors=True)
        with self.batch.lock:
            self.batch.running.discard(self)


def _filled_pipe(data):
    """The reading end of a pipe that holds some bytes, for bubblewrap to read."""
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    return read


# ---- processes


def _parents():
    """The parent of every process of the machine."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):  # it ended meanwhile
                pass
    return parents


def _descendants(root, parents):
    """A process and all below it, nearest first."""
    children = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += sorted(children.get(pid, []))
    return found


def _resident(tree):
    """Bytes of memory of some processes, what they share counted in each."""
    return sum(_field(f"/proc/{pid}/statm", rb"^\d+ (\d+)") for pid in tree) * os.sysconf("SC_PAGE_SIZE")


def _proportional(tree):
    """Bytes of memory of some processes, what they share counted once; slow, so only asked where ``_resident`` is."""
    return sum(_field(f"/proc/{pid}/smaps_rollup", rb"(?m)^Pss:\s+(\d+)") * 1024 or _resident([pid]) for pid in tree)


def _field(path, pattern):
    try:
        with open(path, "rb") as file:
            found = re.search(pattern, file.read())
    except OSError:
        return 0
    return int(found[1]) if found else 0
