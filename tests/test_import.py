"""What an import costs, and what it leaves alone."""

import importlib.util
import os
import subprocess
import sys

import pytest


def modules_after(code):
    shown = subprocess.run([sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
                           capture_output=True, text=True, check=True)
    assert shown.stderr == ""
    return set(shown.stdout.split())


def test_import_labkit_loads_neither_tensorflow_nor_matplotlib():
    loaded = modules_after("import labkit")
    assert not {"tensorflow", "keras", "matplotlib", "sklearn"} & loaded


def test_reference_column_loads_numpy_only():
    loaded = modules_after("import labkit; labkit.reference.training.minimize; labkit.problems.ravine()")
    assert "numpy" in loaded
    assert not {"tensorflow", "keras", "matplotlib", "sklearn"} & loaded


@pytest.mark.parametrize("onednn", ["0", "1"])
def test_tensorflow_column_prints_nothing_to_stderr(onednn, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    assert "tensorflow" in modules_after("import labkit; labkit.tf.devices.default()")


def test_a_failing_import_still_shows_what_was_held_back():
    code = ("import importlib.util, os, labkit, pathlib\n"
            "file = pathlib.Path(labkit.__file__).parent / 'tf' / '_quiet.py'\n"
            "spec = importlib.util.spec_from_file_location('quiet', file)\n"
            "quiet = importlib.util.module_from_spec(spec); spec.loader.exec_module(quiet)\n"
            "with quiet.quiet_stderr():\n    os.write(2, b'library message')\n    raise ImportError('broken')\n")
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.returncode == 1
    assert "library message" in shown.stderr and "broken" in shown.stderr


def test_what_is_written_to_stderr_is_held_back_until_something_fails(capfd):
    from labkit.tf._quiet import quiet_stderr

    with quiet_stderr():
        os.write(2, b"held back")
    os.write(2, b"shown")
    assert capfd.readouterr() == ("", "shown")
    with pytest.raises(KeyboardInterrupt), quiet_stderr():
        os.write(2, b"why")
        raise KeyboardInterrupt
    os.write(2, b", and on")
    assert capfd.readouterr() == ("", "why, and on")


def test_only_the_first_call_of_a_program_is_quiet(capfd):
    from labkit.tf import _quiet

    spec = importlib.util.spec_from_file_location("quiet", _quiet.__file__)
    fresh = importlib.util.module_from_spec(spec)  # as at the start of a process
    spec.loader.exec_module(fresh)

    def program(*inputs):
        os.write(2, b"greeting")
        return inputs

    assert fresh.call(program, 1, 2) == (1, 2) and capfd.readouterr().err == ""
    assert fresh.call(program, 3) == (3,) and capfd.readouterr().err == "greeting"


def test_unknown_submodule_is_named():
    import labkit

    with pytest.raises(AttributeError, match="no attribute 'optimisers'"):
        labkit.optimisers  # noqa: B018
    assert {"reference", "tf", "problems"} <= set(dir(labkit))


def test_a_device_is_named():
    from labkit.tf import devices

    assert devices.default() in ("/CPU:0", "/GPU:0")
    assert devices.default() in devices.describe()
