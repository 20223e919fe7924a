"""Change labkit in small ways, one at a time, and see whether a test notices: `make mutants`.

Cosmic-ray says which changes there are. Its own way to try one, a fresh process that imports TensorFlow and runs the
tests, takes a quarter of a minute, and there are thousands. So this process imports everything but labkit once, and
forks for each mutant: the child imports the changed module from a copy, and runs the tests that call the changed
function, quickest first. The files of labkit are never touched.

Which tests those are, and how long they take, is recorded first. What comes out is kept in `_build/mutants`; a run that
was interrupted goes on where it was. Mutants are taken in an order drawn once from a seed, so what is there after some
time is a random sample of all.
"""
import argparse
import ast
import gc
import hashlib
import importlib
import importlib.abc
import importlib.util
import json
import os
import random
import re
import resource
import signal
import sys
import time
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "_build" / "mutants"
FILES = [path.relative_to(ROOT).as_posix() for part in ("reference", "tf")
         for path in sorted((ROOT / "labkit" / part).glob("*.py"))]
EXPLAINED = ROOT / "tests" / "equivalent_mutants.toml"
PRELOADED = ("tensorflow", "keras", "sklearn.datasets", "scipy.special", "matplotlib.pyplot", "hypothesis.strategies",
             "hypothesis.internal.conjecture.engine", "nbval.plugin", "nbformat", "xdist.plugin")
PYTEST = ["-x", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-o", "addopts="]
# Arithmetic by bits is a TypeError for floats: such mutants die at once and would only flatter the score.
BITS = re.compile(r"ReplaceBinaryOperator_(Add|Sub|Mul|Div|FloorDiv|Mod|Pow)_(BitOr|BitAnd|BitXor|LShift|RShift)$")
READERS = "tests/test_docstrings.py"  # its tests call nothing, and read signatures
MEMORY = 12 * 2**30  # bytes: a mutant may ask for all there is


# ---- the mutants


def definitions(tree, prefix=""):
    """First line, first of the body, last line and name of each class, function and method.

    What is nested inside of a function belongs to it.
    """
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first, kind = min([node.lineno, *(d.lineno for d in node.decorator_list)]), type(node)
            body = node.body[0].lineno if kind is ast.FunctionDef else node.end_lineno + 1
            yield first, body, node.end_lineno, prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from definitions(node, f"{prefix}{node.name}.")


class Module:
    """A file of labkit: its source, and which definition a line belongs to."""

    def __init__(self, path):
        self.path, self.source = path, (ROOT / path).read_text("utf-8")
        self.name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.lines, tree = self.source.split("\n"), ast.parse(self.source)
        self.owner, self.called = {}, set()
        for first, body, last, name in definitions(tree):  # inner ones come later, and win
            self.owner.update(dict.fromkeys(range(first, last + 1), (name, first, last)))
            self.called.update(range(body, last + 1))
        parts = [getattr(n, field, None) for n in ast.walk(tree) for field in ("annotation", "returns")]
        self.annotations = [((p.lineno, p.col_offset), (p.end_lineno, p.end_col_offset)) for p in parts if p]

    def definition(self, line):
        return self.owner.get(line, ("", line, line))[0]

    def digest(self, line):
        """A fingerprint of the function around a line; in the body of a class or a module, of the line."""
        name, first, last = self.owner.get(line, ("", line, line))
        inner = [1 for other, *_ in self.owner.values() if other.startswith(f"{name}.")]
        first, last = (line, line) if inner or not name else (first, last)
        return hashlib.sha256("\n".join(self.lines[first - 1:last]).encode()).hexdigest()[:16]


def mutants_of(module):
    """Each change that cosmic-ray makes to a file, less those in annotations and those by bits."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    nodes, seen = list(ast_nodes(get_ast(module.source))), Counter()
    for name in sorted(operator_names()):
        operator = get_operator(name)
        if operator.arguments() or BITS.search(name):
            continue
        places = [place for node in nodes for place in operator().mutation_positions(node)]
        for occurrence, (start, _) in enumerate(places):
            if any(first <= start < last for first, last in module.annotations):
                continue
            key = f"{module.path} {module.definition(start[0])} {module.digest(start[0])} {name}"
            seen[key] += 1
            yield {"key": f"{key} {seen[key]}", "file": module.path, "line": start[0], "operator": name,
                   "occurrence": occurrence, "definition": module.definition(start[0]),
                   "called": start[0] in module.called}


def controls_of(module):
    """The unchanged code, once for each definition: whatever kills one of these is a fault of ours."""
    for name, line in {definition: line for line, (definition, *_) in reversed(module.owner.items())}.items():
        yield {"key": f"{module.path} {name} {module.digest(line)}", "file": module.path, "line": line,
               "operator": None, "occurrence": 0, "definition": name, "called": True}


def mutate(module, mutant):
    """The changed source, and the lines that differ as one line of text each."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    if not mutant["operator"]:  # a control
        return module.source, "", ""
    changed = mutate_code(module.source, get_operator(mutant["operator"])(), mutant["occurrence"])
    was, becomes = module.source.split("\n"), changed.split("\n")
    while was and becomes and was[0] == becomes[0]:
        del was[0], becomes[0]
    while was and becomes and was[-1] == becomes[-1]:
        del was[-1], becomes[-1]
    return changed, *(" ".join(" ".join(lines).split()) for lines in (was, becomes))


class Instead(importlib.abc.MetaPathFinder):
    """Imports one module from another file: AutoGraph reads the source once more, and must find the changed one."""

    def __init__(self, module, file):
        self.name, self.file = module.name, str(file)
        self.folders = [str((ROOT / module.path).parent)] if module.path.endswith("__init__.py") else None

    def find_spec(self, fullname, path=None, target=None):
        if fullname == self.name:
            return importlib.util.spec_from_file_location(fullname, self.file, submodule_search_locations=self.folders)


# ---- which tests call what


class Recorder:
    """A pytest plugin that notes what each test calls and how much processor time it takes."""

    def __init__(self, modules):
        self.modules = {str(ROOT / module.path): module for module in modules}
        self.calls, self.tests, self.failed = set(), {}, []

    def note(self, frame, event, arg):
        code = frame.f_code
        if code.co_name == "_convert_actual":  # AutoGraph runs a copy of the function, which has no file
            code = getattr(getattr(frame.f_locals.get("entity"), "__func__", frame.f_locals.get("entity")),
                           "__code__", code)
        module = self.modules.get(code.co_filename)
        if module:
            self.calls.add(f"{module.path} {module.definition(code.co_firstlineno)}")

    def forget(self):
        """Empty the caches of labkit, so that each test calls all it needs by itself."""
        for name, module in list(sys.modules.items()):
            if name.startswith("labkit"):
                for value in vars(module).values():
                    if hasattr(value, "cache_clear"):
                        value.cache_clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.forget()
        self.calls, start = set(), time.process_time()
        sys.settrace(self.note)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            seconds = round(time.process_time() - start, 4)
            self.tests[item.nodeid] = {"seconds": seconds, "calls": sorted(self.calls)}

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.append(report.nodeid)


def record(path, modules):
    """Run one file of tests; what its import calls stands under its own name."""
    recorder = Recorder(modules)
    sys.settrace(recorder.note)
    collected = pytest.main([path, *PYTEST, "--collect-only"])
    sys.settrace(None)
    start = sorted(recorder.calls)
    status = pytest.main([path, *PYTEST], plugins=[recorder])
    if collected or status:
        raise SystemExit(f"The tests must pass before they can be tested: {path} {recorder.failed}")
    return {path: {"seconds": 0, "calls": start}, **recorder.tests}


def plan(mutant, tests, killers, budget):
    """The tests to run, by file: those that call the function, quickest first, up to a sum of seconds.

    The body of a class or a module runs at the import. There any test that calls something of the class, or of the
    module, may notice; and so may the tests that read signatures. First come the tests that killed others of the
    function, then those of the file of that name; for a line that runs at the import, those that read signatures.
    """
    place = f"{mutant['file']} {mutant['definition']}"
    called = {name: any(call == place for call in test["calls"]) for name, test in tests.items()}
    if not any(called.values()):
        place = f"{place}." if mutant["definition"] else place
        called = {name: any(call.startswith(place) for call in test["calls"]) for name, test in tests.items()}
    if not any(called.values()):
        called = {name: any(call.startswith(mutant["file"]) for call in test["calls"])
                  for name, test in tests.items()}
    own, word = Path(mutant["file"]).stem, mutant["definition"].split(".")[0] or "?"
    readers = {READERS, *(name for name in called if "::" not in name and called[name])}

    def rank(name):
        reads = name.startswith(READERS) and not mutant["called"]
        return (not reads, name not in killers, f"_{own}.py" not in name, not called[name], word not in name,
                tests[name]["seconds"])

    chosen, total = defaultdict(list), 0.0
    for name in sorted((n for n in tests if "::" in n and (called[n] or n.split("::")[0] in readers)), key=rank):
        total += tests[name]["seconds"]
        if total > budget and chosen:
            break
        chosen[name.split("::")[0]].append(name)
    return dict(chosen)


# ---- one mutant


class Chosen:
    """A pytest plugin that runs the tests of a plan in its order, each within a limit of processor time."""

    def __init__(self, names, tests):
        self.names, self.tests = {name: i for i, name in enumerate(names)}, tests
        self.killer, self.parent = None, os.getppid()

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((item for item in items if item.nodeid in self.names), key=lambda i: self.names[i.nodeid])

    def pytest_runtest_logstart(self, nodeid):
        if os.getppid() != self.parent:  # nobody waits for the answer
            os._exit(1)
        signal.setitimer(signal.ITIMER_PROF, 5 + 10 * self.tests[nodeid]["seconds"])

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.killer = report.nodeid


def judge(mutant, module, tests, chosen):
    """Put the mutant in place and run the tests: what became of it, and by which test."""
    text, was, becomes = mutate(module, mutant)
    found = {"was": was, "becomes": becomes, "killer": None}
    try:
        compile(text, module.path, "exec")
    except (SyntaxError, ValueError):
        return {**found, "outcome": "invalid"}
    changed = OUT / f"changed-{os.getpid()}.py"
    changed.write_text(text, "utf-8")
    sys.dont_write_bytecode = True  # of the changed file; what is stored of the others is used
    sys.meta_path.insert(0, Instead(module, changed))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, in the midst of a compiled loop too
    signal.setitimer(signal.ITIMER_PROF, 20)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    for path, names in chosen.items():
        plugin = Chosen(names, tests)
        status = pytest.main([path, *PYTEST], plugins=[plugin])
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
            raise RuntimeError(f"pytest ended with {status} on {path} for {mutant}")
        if status:
            return {**found, "outcome": "killed", "killer": plugin.killer or path}
    return {**found, "outcome": "survived"}


class Child:
    """A forked process that calls a function and leaves its answer, and its words, in files."""

    def __init__(self, function, *arguments):
        self.start, self.pid = time.monotonic(), os.fork()
        pid = self.pid or os.getpid()
        self.answer, self.words, self.changed = (OUT / f"{kind}-{pid}.py" for kind in ("answer", "words", "changed"))
        if not self.pid:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent: an interrupted test kills nothing
            os.closerange(3, 1024)  # a mutant that writes to a wrong descriptor must not reach the results
            with open(self.words, "wb") as words:
                os.dup2(words.fileno(), 1)
                os.dup2(words.fileno(), 2)
            try:
                self.answer.write_text(json.dumps(function(*arguments)))
            except BaseException as error:
                self.answer.write_text(json.dumps({"error": repr(error)}))
            finally:
                os._exit(0)

    def end(self, status):
        """The answer; a process that a signal has ended has none: it took too long, or crashed."""
        if os.WIFSIGNALED(status):
            answer = {"outcome": "timeout" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGKILL) else "crash"}
        else:
            answer = json.loads(self.answer.read_text())
        if "error" in answer:
            sys.exit(f"{answer['error']}\n{self.words.read_text()[-3000:]}")
        for path in (self.answer, self.words, self.changed):
            path.unlink(missing_ok=True)
        return answer


def side_by_side(jobs, workers, limit):
    """Run (label, function, arguments) in forked processes, some at a time; gives label, answer, processor seconds."""
    running, jobs = {}, iter(jobs)
    try:
        while True:
            while len(running) < workers and (job := next(jobs, None)):
                child = Child(*job[1:])
                running[child.pid] = job[0], child
            if not running:
                return
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if pid:
                label, child = running.pop(pid)
                yield label, child.end(status), used.ru_utime + used.ru_stime
                continue
            for pid, (_, child) in running.items():
                if time.monotonic() - child.start > limit:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)


# ---- the whole


def prepare():
    """Import what the tests need, but not labkit. Nothing may be computed: TensorFlow's threads survive no fork."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="",
                      PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")  # looking for plugins takes pytest a second
    OUT.mkdir(parents=True, exist_ok=True)
    for left in OUT.glob("*-*.py"):  # of a run that was interrupted
        left.unlink()
    for name in PRELOADED:
        importlib.import_module(name)
    from hypothesis import Phase, settings
    settings.register_profile("mutants", derandomize=True, database=None, max_examples=20, deadline=None,
                              phases=[Phase.explicit, Phase.generate])  # a counterexample need not be a short one
    settings.load_profile("mutants")
    assert not any(name.startswith("labkit") for name in sys.modules)
    gc.collect()
    gc.freeze()  # else each child would look through all objects of TensorFlow, and so copy their pages


def digest_of(paths):
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def recorded(modules, workers):
    """What each test calls; a file of tests is run again only if it, labkit or what the tests share has changed."""
    paths = sorted((ROOT / "tests").glob("*.py"))
    shared = [*sorted((ROOT / "labkit").rglob("*.py")), *(p for p in paths if not p.name.startswith("test_"))]
    uses = re.compile(r"^\s*(from|import) (labkit|columns|every_problem)\b|\"labkit\.", re.M)
    digests = {f"tests/{p.name}": digest_of([*shared, p]) for p in paths
               if p not in shared and uses.search(p.read_text("utf-8"))}
    store = OUT / "calls.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    todo = [path for path, digest in digests.items() if known.get(path, {}).get("digest") != digest]
    if todo:
        print(f"Recording which tests call what, in {len(todo)} files ...", flush=True)
    for path, tests, _ in side_by_side(((path, record, path, modules) for path in todo), workers, 3600):
        known[path] = {"digest": digests[path], "tests": tests}
        store.write_text(json.dumps(known))
    tests = {name: test for path in digests for name, test in known[path]["tests"].items()}
    return tests, hashlib.sha256("".join(digests.values()).encode()).hexdigest()


def explained():
    """The equivalent mutants and why they are, by file, definition and change."""
    entries = tomllib.loads(EXPLAINED.read_text("utf-8")).get("mutant", []) if EXPLAINED.exists() else []
    return {(e["file"], e["in"], e["was"], becomes): e["why"]
            for e in entries for becomes in (e["becomes"] if isinstance(e["becomes"], list) else [e["becomes"]])}


def place(found):
    return tuple(found[part] for part in ("file", "definition", "was", "becomes"))


def kept(store):
    """The results of earlier runs by mutant, the last one of each."""
    results = {}
    for line in store.read_text("utf-8").splitlines() if store.exists() else ():
        try:
            result = json.loads(line)
            results[result["key"]] = result
        except ValueError:  # half a line, where a run was ended
            continue
    return results


def is_settled(result, digest, budget, reasons):
    """Whether a mutant need not be tried again: killed, or explained, or alive with these tests and these seconds."""
    if result is None:
        return False
    return result["outcome"] != "survived" or place(result) in reasons or (
        result["digest"] == digest and result["budget"] >= budget)


def run(mutants, modules, options):
    """Try the mutants that are not settled, and give the results of all; each is stored as soon as it is there."""
    tests, digest = recorded(modules.values(), options.workers)
    store, reasons = OUT / ("control.jsonl" if options.control else "results.jsonl"), explained()
    results, killers, begin = kept(store), defaultdict(list), time.monotonic()
    todo = [m for m in mutants if not is_settled(results.get(m["key"]), digest, options.budget, reasons)]

    def jobs():
        for mutant in todo:
            recent = killers[mutant["file"], mutant["definition"]][-3:]
            chosen = plan(mutant, tests, recent, options.budget)
            yield mutant, judge, mutant, modules[mutant["file"]], tests, chosen

    with open(store, "a", encoding="utf-8") as file:
        tried = side_by_side(jobs(), options.workers, 600 + 30 * options.budget)
        for done, (mutant, answer, seconds) in enumerate(tried, 1):
            if "was" not in answer:  # it was ended by a signal
                _, was, becomes = mutate(modules[mutant["file"]], mutant)
                answer.update(was=was, becomes=becomes, killer=None)
            result = {**mutant, **answer, "seconds": round(seconds, 2), "digest": digest, "budget": options.budget}
            results[mutant["key"]] = result
            print(json.dumps(result), file=file, flush=True)
            if answer["killer"]:
                killers[mutant["file"], mutant["definition"]].append(answer["killer"])
            if not done % 20:
                print(f"{done} of {len(todo)}, {(time.monotonic() - begin) / done:.2f} s each", file=sys.stderr)
    return [{**results[m["key"]], "line": m["line"]} for m in mutants]


def report(found):
    """A line for each survivor, and a summary for each file."""
    found = [r for r in found if r["outcome"] != "invalid"]
    reasons = explained()
    for r in sorted(found, key=lambda r: (r["file"], r["line"])):
        if r["outcome"] == "survived" and place(r) not in reasons:
            print(f"{r['file']}:{r['line']}: - {r['was']}  + {r['becomes']}")
    for r in found:
        if r["outcome"] != "survived" and place(r) in reasons:
            print(f"{EXPLAINED.name} explains what was killed: {' | '.join(place(r))}")
    print(f"{'file':34}{'mutants':>8}{'killed':>8}{'timeout':>8}{'equal':>8}{'survive':>8}{'score':>8}")
    for name in [*sorted({r["file"] for r in found}), "all"]:
        mine = [r for r in found if name in (r["file"], "all")]
        lived = [r for r in mine if r["outcome"] == "survived"]
        equal = sum(place(r) in reasons for r in lived)
        late = sum(r["outcome"] in ("timeout", "crash") for r in mine)
        print(f"{name:34}{len(mine):8}{len(mine) - len(lived):8}{late:8}{equal:8}{len(lived) - equal:8}"
              f"{1 - len(lived) / max(1, len(mine)):8.1%}")
    print(f"{sum(r['seconds'] for r in found) / max(1, len(found)):.2f} s of processor time for a mutant")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="files of labkit/reference and labkit/tf (all)")
    parser.add_argument("--sample", type=int, help="so many mutants, drawn at random (all)")
    parser.add_argument("--seed", type=int, default=0, help="of the order in which mutants are tried (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (%(default)s)")
    parser.add_argument("--budget", type=float, default=30, help="seconds of tests for a mutant (%(default)s)")
    parser.add_argument("--control", action="store_true", help="try the unchanged code instead: all of it must live")
    options = parser.parse_args()
    prepare()
    modules = {path: Module(path) for path in FILES}
    make = controls_of if options.control else mutants_of
    mutants = [m for path in options.files or FILES for m in make(modules[path])]
    random.Random(options.seed).shuffle(mutants)
    mutants = mutants[:options.sample]
    report(run(mutants, modules, options))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run the command again to go on.")
