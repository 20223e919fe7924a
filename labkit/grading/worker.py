"""What runs inside of a sandbox: a supervisor, and a child that it forks for the notebook.

The file is given to the sandbox alone, so it imports nothing of labkit. The supervisor loads the libraries, then waits
for requests on its standard input, one JSON text a line. ``fork`` makes a fresh child; anything else is handed to the
child, whose answer is handed back as it is. When the child dies, or takes longer than the request allows, the answer
says so, and the grader asks for a fresh one. Nothing here is trusted: a notebook may change all of it, and then gets
wrong what it is asked next, in its own sandbox. What is right is decided by the grader, outside.
"""
import ast
import builtins
import ctypes
import importlib
import inspect
import json
import linecache
import os
import re
import resource
import select
import shutil
import signal
import sys
import time
import types

import numpy as np

DEEPEST = 20  # lists inside of lists
NUMBERS = {"bool": (bool,), "float16": (float,), "float32": (float,), "float64": (float,),
           **{f"{sign}int{bits}": (int,) for sign in ("", "u") for bits in (8, 16, 32, 64)}}
ADOPT = 36  # PR_SET_CHILD_SUBREAPER: what a notebook leaves running stays below us, where the grader finds it
TRIED_AGAIN = (NameError, ImportError)  # a cell that stands before the cell that it needs

# ---- values as JSON


class Unsupported:
    """Stands for a value that is none of those that may be an answer; ``kind`` names its type."""

    def __init__(self, kind):
        self.kind = kind


def encode(value, depth=0):
    """A value as JSON: exact builtin types, arrays and scalars of NumPy, tensors; of the rest only the type's name.

    No method of the value is called unless its type is one of NumPy's or TensorFlow's own.
    """
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return value
    if kind is int:
        return value if value.bit_length() <= 1024 else {"unsupported": "huge integer"}
    if kind in (list, tuple, dict) and depth >= DEEPEST:
        return {"unsupported": "deeply nested list"}
    if kind in (list, tuple):
        return {kind.__name__: [encode(each, depth + 1) for each in value]}
    if kind is dict and all(type(key) is str for key in value):
        return {"dict": [[key, encode(each, depth + 1)] for key, each in value.items()]}
    array = _array(value)
    if array is None or array.dtype.name not in NUMBERS:
        return {"unsupported": kind.__name__ if array is None else f"array of {array.dtype.name}"}
    return {"array": array.ravel().tolist(), "shape": list(array.shape), "dtype": array.dtype.name}


def _array(value):
    """The plain array in a value of NumPy, TensorFlow or Keras, or None."""
    kind = type(value)
    if kind is np.ndarray:
        array = value
    elif issubclass(kind, np.generic) and kind.__module__ == "numpy":
        array = np.asarray(value)
    elif kind.__module__.split(".")[0] in ("tensorflow", "keras") and hasattr(kind, "numpy"):
        try:
            array = np.asarray(value.numpy())
        except Exception:  # a tensor of a graph has no numbers
            return None
    else:
        return None
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def decode(message, depth=0):
    """The value that ``encode`` wrote; a ValueError where it cannot have written this."""
    if message is None or type(message) in (bool, int, float, str):
        return message
    if type(message) is not dict or depth > DEEPEST:
        raise ValueError("not a value")
    keys = sorted(message)
    if keys == ["array", "dtype", "shape"]:
        return _decode_array(message["array"], message["shape"], message["dtype"])
    if keys == ["unsupported"] and type(message["unsupported"]) is str:
        return Unsupported(message["unsupported"][:100])
    parts = message[keys[0]] if len(keys) == 1 else None
    if type(parts) is not list or keys[0] not in ("list", "tuple", "dict"):
        raise ValueError("not a value")
    if keys[0] == "dict":
        if not all(type(pair) is list and len(pair) == 2 and type(pair[0]) is str for pair in parts):
            raise ValueError("not a dict")
        return {key: decode(each, depth + 1) for key, each in parts}
    return (list if keys[0] == "list" else tuple)(decode(each, depth + 1) for each in parts)


def _decode_array(flat, shape, dtype):
    if type(dtype) is not str or dtype not in NUMBERS or type(flat) is not list or type(shape) is not list:
        raise ValueError("not an array")
    if len(shape) > 32 or not all(type(length) is int and 0 <= length <= 2**31 for length in shape):
        raise ValueError("not a shape")
    if not set(map(type, flat)) <= set(NUMBERS[dtype]):
        raise ValueError("not numbers of one type")
    try:
        return np.array(flat, dtype).reshape(shape)
    except (OverflowError, MemoryError) as error:
        raise ValueError("a number outside of its type") from error


# ---- the cells of a notebook

LINE_MAGIC = re.compile(r"^(?P<indent>\s*)(?:(?P<name>[\w.]+(?:\s*,\s*[\w.]+)*)\s*=\s*)?"
                        r"(?P<magic>%(?=\w)|[!?])(?P<rest>.*)$")
KEPT = re.compile(r"^(?:%?(?:time|prun|timeit))\s+(?!-)(?P<code>.+)$")  # %time f(x) runs f(x)
CELL_MAGICS = ("time", "timeit", "capture", "prun")  # what stands below these is Python


def python_of(source):
    """The Python of a cell: magics and shell lines are left out, each in place, so that line numbers stay."""
    first = source.lstrip()
    if first.startswith("%%"):
        magic = first[2:].split(None, 1)[0] if first[2:].strip() else ""
        return "\n" + source.partition("%%")[2].partition("\n")[2] if magic in CELL_MAGICS else ""
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        return "\n".join(_without_magic(line) for line in source.split("\n"))


def _without_magic(line):
    found = LINE_MAGIC.match(line)
    if found is None:
        return re.sub(r"^(\s*)[\w.]+\?{1,2}\s*$", r"\1pass", line)
    if found["name"]:
        return f"{found['indent']}{found['name']} = None"
    kept = KEPT.match(found["rest"]) if found["magic"] == "%" else None
    return found["indent"] + (kept["code"] if kept else "pass")


def without_stubs(tree, defined, stubs):
    """Take out of a cell what would only put an empty stub in the place of an answer that is ``defined`` already.

    ``stubs`` are the definitions as the students were given them, comments left out.
    """
    tree.body = [node for node in tree.body
                 if not (_stub_of(node) in defined
                         or getattr(node, "name", None) in defined and ast.unparse(node) in stubs)]
    return tree


def _stub_of(node):
    """The name that a statement leaves empty, or None: a function without a body, or ``name = ...``."""
    if isinstance(node, ast.FunctionDef):
        return node.name if all(_says_nothing(statement) for statement in node.body) else None
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id if _is_ellipsis(node.value) else None
    return None


def _says_nothing(statement):
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)  # a docstring, or ...
    if isinstance(statement, ast.Return):
        return statement.value is None or isinstance(statement.value, ast.Constant) and statement.value.value is None
    if isinstance(statement, ast.Raise):
        raised = getattr(statement.exc, "func", statement.exc)
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    if isinstance(statement, ast.Assign):
        return _is_ellipsis(statement.value)
    return isinstance(statement, ast.Pass)


def _is_ellipsis(node):
    return isinstance(node, ast.Constant) and node.value is ...


class _Harmless:
    """What ``get_ipython()`` gives: every attribute of it can be called and does nothing."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


class Notebook:
    """The module that the cells run in."""

    def __init__(self, questions, stubs):
        self.questions, self.stubs = questions, stubs
        self.module = types.ModuleType("__main__")
        self.names = self.module.__dict__
        self.names.update(__builtins__=builtins, get_ipython=_Harmless, display=lambda *args, **kwargs: None)
        sys.modules["__main__"] = self.module

    def cell(self, number, source):
        """Run a cell; say what it raised, if it did."""
        name = f"<cell {number}>"
        try:
            source = python_of(source)
            # Where inspect.getsource, and with it TensorFlow's AutoGraph, finds the text of a function.
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            answered = {q for q in self.questions if self.names.get(q, ...) is not ...}
            tree = without_stubs(ast.parse(source, name), answered, self.stubs)
            exec(compile(tree, name, "exec", dont_inherit=True), self.names)
        except BaseException as error:
            return _raised(error, name)
        finally:
            signal.alarm(0)
            sys.settrace(None)
            sys.setprofile(None)
        return {"ran": True}

    def value(self, name):
        """The value of a variable, as JSON."""
        return {"value": encode(self.names[name])} if name in self.names else {"missing": True}

    def call(self, name, arguments):
        """What the notebook's function gives for these arguments, as JSON."""
        if name not in self.names:
            return {"missing": True}
        function = self.names[name]
        if not callable(function):
            return {"not callable": True}
        arguments = decode(arguments)
        try:
            inspect.signature(function).bind(**arguments)
        except TypeError:
            return {"arguments": True}
        except BaseException:
            pass  # it has no signature that can be read; the call will show
        try:
            return {"value": encode(function(**arguments))}
        except BaseException as error:
            return _raised(error)
        finally:
            signal.alarm(0)
            sys.settrace(None)
            sys.setprofile(None)


def _raised(error, filename=None):
    """What was raised, in plain strings; where the error's own methods fail, its type alone."""
    answer = {"raised": type(error).__name__, "text": "", "line": 0, "again": isinstance(error, TRIED_AGAIN)}
    try:
        answer["text"] = str(error)[:500]
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == filename:
                answer["line"] = trace.tb_lineno
            trace = trace.tb_next
        if isinstance(error, SyntaxError):
            answer["text"], answer["line"] = str(error.msg)[:500], error.lineno or 0
    except BaseException:
        pass
    return answer


def serve(requests, answers, setting):
    """The child's life: read a request, answer it, until the supervisor goes away."""
    notebook, reader = Notebook(setting["questions"], setting["stubs"]), Lines(requests, None)
    while (line := reader.line(None)) is not None:
        request = json.loads(line)
        do = request["do"]
        try:
            if do == "cell":
                answer = notebook.cell(request["number"], request["source"])
            elif do == "value":
                answer = notebook.value(request["name"])
            else:
                answer = notebook.call(request["name"], request["arguments"])
            text = json.dumps(answer).encode("ascii")
        except BaseException as error:
            text = json.dumps({"raised": type(error).__name__, "text": "", "line": 0, "again": False}).encode("ascii")
        if len(text) > setting["answer"]:
            text = b'{"value": {"unsupported": "answer that is too large"}}'
        write_all(answers, text + b"\n")


# ---- the supervisor


class Lines:
    """Reads lines from a pipe, none longer than ``limit``, up to a time."""

    def __init__(self, fd, limit):
        self.fd, self.limit, self.held, self.late, self.long = fd, limit, b"", False, False

    def forget(self):
        """Drop what came without being asked for."""
        self.held = b""
        while select.select([self.fd], [], [], 0)[0] and os.read(self.fd, 1 << 16):
            pass

    def line(self, deadline, alive=lambda: True):
        """The next line; None at the end of the pipe, after the deadline (then ``late``), or if it is too long."""
        self.late = self.long = False
        while True:
            text, end, rest = self.held.partition(b"\n")
            if end:
                self.held = rest
                return text
            if self.limit and len(self.held) > self.limit:
                self.long = True
                return None
            if deadline is not None and time.monotonic() > deadline:
                self.late = True
                return None
            pause = None if deadline is None else 0.05
            if not select.select([self.fd], [], [], pause)[0]:
                if not alive():
                    return None
                continue
            chunk = os.read(self.fd, 1 << 16)
            if not chunk:
                return None
            self.held += chunk


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


class Child:
    """A forked process that has the libraries and not yet anything of the notebook."""

    def __init__(self, setting, private):
        requests, self.requests = os.pipe()
        answers, write = os.pipe()
        self.reader = Lines(answers, setting["answer"] + 100)
        self.pid, self.setting, self.status = os.fork(), setting, None
        if self.pid == 0:
            try:
                for fd in (self.requests, answers, *private):
                    os.close(fd)
                os.setsid()
                serve(requests, write, setting)
            finally:
                os._exit(0)
        os.close(requests)
        os.close(write)

    def alive(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is None

    def ask(self, line, seconds):
        """The child's answer as it wrote it, or None and why there is none."""
        try:
            self.reader.forget()
            write_all(self.requests, line + b"\n")
            answer = self.reader.line(time.monotonic() + seconds, self.alive)
        except OSError:
            answer = None
        if answer is not None:
            return answer, None
        return None, "late" if self.reader.late else "long" if self.reader.long else "ended"

    def kill(self):
        """End the child and whatever it started."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        try:
            # In a sandbox of its own this reaches every process but the caller; without one only the child's session.
            if self.setting["alone"] and os.getpid() < 10 and os.getppid() == 1:
                os.kill(-1, signal.SIGKILL)
            else:
                os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if self.status is None:
            os.waitpid(self.pid, 0)
        os.close(self.requests)
        os.close(self.reader.fd)


def limit_resources(setting):
    """What the kernel holds for us; a process cannot raise it again."""
    for name, most in (("AS", setting["memory"]), ("DATA", setting["memory"]), ("FSIZE", setting["disk"]),
                       ("CORE", 0), ("NOFILE", 256), ("NPROC", 4096)):
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def preload(setting):
    """Import what every fork shall have; what cannot be imported fails in the cell that wants it."""
    if setting["fonts"]:
        shutil.copytree(setting["fonts"], os.environ["MPLCONFIGDIR"])
    for name in setting["preload"]:
        try:
            importlib.import_module(name)
        except Exception:
            pass


def supervise():
    private = [os.dup(0), os.dup(1)]
    null = os.open(os.devnull, os.O_RDWR)
    requests = Lines(private[0], None)
    setting = json.loads(requests.line(None))
    limit_resources(setting)
    if not setting["alone"]:
        ctypes.CDLL(None).prctl(ADOPT, 1, 0, 0, 0)
    os.dup2(null, 0)
    os.dup2(null, 1)
    preload(setting)
    os.dup2(null, 2)
    write_all(private[1], b'{"id": 0, "reply": {"ready": true}}\n')
    child = None
    while (line := requests.line(None)) is not None:
        number, seconds, fork = (json.loads(line)[key] for key in ("id", "seconds", "fork"))
        if fork:
            if child:
                child.kill()
            child = Child(setting, private)
            answer, why = b'{"forked": true}', None
        elif child is None:
            answer, why = None, "ended"
        else:
            answer, why = child.ask(line, seconds)
        if why:
            if child:
                child.kill()
            child, answer = None, json.dumps({"gone": why}).encode()
        write_all(private[1], b'{"id": %d, "reply": %s}\n' % (number, answer))


if __name__ == "__main__":
    supervise()
