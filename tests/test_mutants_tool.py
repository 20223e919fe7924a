"""tools/mutants.py: which tests a mutant meets and in which order, where it belongs, and what explains it."""

import subprocess
import sys

import mutants
import pytest

SOURCE = '''import a

LIMIT = 3


class Rule:
    size: int = 2

    @property
    def twice(self):
        def inner(x: float | None):
            return x * 2
        return inner(self.size)


def double(x):
    return x * LIMIT
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    (tmp_path / "rules.py").write_text(SOURCE)
    return mutants.Module("rules.py")


def test_a_line_belongs_to_its_function_or_class(module):
    owners = {line: module.definition(line) for line in (3, 6, 7, 9, 12, 17)}
    assert module.called == {11, 12, 13, 17}  # when it is called, and not at the import
    assert owners == {3: "", 6: "Rule", 7: "Rule", 9: "Rule.twice", 12: "Rule.twice", 17: "double"}


def test_a_fingerprint_is_that_of_the_function_or_of_a_line_outside_of_one(module, tmp_path):
    (tmp_path / "rules.py").write_text("# new\n" + SOURCE.replace("LIMIT = 3", "LIMIT = 4").replace("x * 2", "x * 3"))
    after = mutants.Module("rules.py")
    changed = [line for line in range(1, 19) if module.digest(line) != after.digest(line + 1)]
    assert changed == [3, 9, 10, 11, 12, 13]  # the constant, and the method


def test_the_tests_that_call_a_function_come_quickest_first_and_those_that_killed_before():
    def called(seconds, *names):
        return {"seconds": seconds, "calls": [f"labkit/rules.py {name}" for name in names]}

    tests = {
        "tests/test_rules.py": called(0), "tests/test_rules.py::slow": called(5, "Rule.twice"),
        "tests/test_rules.py::quick": called(1, "Rule.twice"), "tests/test_rules.py::other": called(1, "double"),
        "tests/test_a.py": called(0), "tests/test_a.py::quick": called(0.1, "Rule.twice", "double"),
        "tests/test_b.py": called(0, "Rule.twice"), "tests/test_b.py::made_at_import": called(1, "double"),
        "tests/test_docstrings.py": called(0), "tests/test_docstrings.py::reads": called(0.1),
    }

    def plan(definition, killers=(), budget=60, called=True):
        found = mutants.plan({"file": "labkit/rules.py", "definition": definition, "called": called}, tests,
                             killers, budget)
        assert all(name.startswith(f"{path}::") for path, names in found.items() for name in names)
        return [name.removeprefix("tests/test_").replace(".py::", " ") for names in found.values() for name in names]

    everyone = ["rules quick", "rules slow", "a quick", "docstrings reads", "b made_at_import"]
    assert plan("Rule.twice") == everyone
    assert plan("Rule") == everyone  # its body runs at the import
    assert plan("Rule", called=False) == ["docstrings reads", *(name for name in everyone if "reads" not in name)]
    assert plan("") == ["rules quick", "rules other", "rules slow", "a quick", "b made_at_import", "docstrings reads"]
    assert plan("Rule.twice", ["tests/test_a.py::quick"]) == ["a quick", "rules quick", "rules slow", *everyone[3:]]
    assert plan("Rule.twice", budget=6.05) == everyone[:2]


def test_a_changed_module_is_imported_in_the_place_of_the_file_with_its_source(tmp_path):
    changed = tmp_path / "changed.py"
    changed.write_text("def piecewise():\n    return 'changed'\n")
    code = ("import sys, inspect, types; sys.path.insert(0, 'tools'); import mutants\n"
            "module = types.SimpleNamespace(name='labkit.reference.schedules', path='labkit/reference/schedules.py')\n"
            f"sys.meta_path.insert(0, mutants.Instead(module, {str(changed)!r}))\n"
            "from labkit.reference import schedules, losses\n"
            "print(schedules.piecewise(), 'changed' in inspect.getsource(schedules.piecewise), losses.__all__ != [])")
    shown = subprocess.run([sys.executable, "-c", code], cwd=mutants.ROOT, capture_output=True, text=True)
    assert shown.stdout.split() == ["changed", "True", "True"], shown.stderr


def test_children_answer_and_are_ended_when_they_take_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "OUT", tmp_path)

    def endless():
        while True:
            pass

    jobs = [("quick", lambda x: {"outcome": x}, "killed"), ("endless", endless)]
    found = {label: answer["outcome"] for label, answer, _ in mutants.side_by_side(jobs, 2, 0.3)}
    assert found == {"quick": "killed", "endless": "timeout"}
    with pytest.raises(SystemExit, match="ZeroDivisionError"):  # a fault of the tool is no killed mutant
        list(mutants.side_by_side([("broken", lambda: 1 / 0)], 1, 10))


def test_what_is_explained_is_still_in_the_code():
    reasons = mutants.explained()
    assert reasons and all(len(why) > 10 for why in reasons.values())
    for file, definition, was, becomes in reasons:
        module = mutants.Module(file)
        names = {owner[0] for owner in module.owner.values()} | {""}
        assert definition in names, (file, definition)
        assert was in " ".join(module.source.split()) and becomes != was, (file, was)


def test_the_report_names_survivors_and_stale_explanations(capsys, monkeypatch):
    def mutant(outcome, line, becomes):
        return {"file": "labkit/rules.py", "definition": "double", "line": line, "was": "x * 2", "becomes": becomes,
                "outcome": outcome, "seconds": 1.0}

    reasons = {("labkit/rules.py", "double", "x * 2", becomes): "why" for becomes in ("2 * x", "x * 3")}
    monkeypatch.setattr(mutants, "explained", lambda: reasons)
    mutants.report([mutant("survived", 7, "x + 2"), mutant("survived", 7, "2 * x"), mutant("killed", 7, "x * 3"),
                    mutant("timeout", 7, "x / 2"), mutant("invalid", 7, "x 2")])
    shown = capsys.readouterr().out
    assert "labkit/rules.py:7: - x * 2  + x + 2\n" in shown and "2 * x" not in shown
    assert "explains what was killed: labkit/rules.py | double | x * 2 | x * 3" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("all")] == [
        ["all", "4", "2", "1", "1", "1", "50.0%"]]
