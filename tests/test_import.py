"""What an import costs, and what it leaves alone."""

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


def test_unknown_submodule_is_named():
    import labkit

    with pytest.raises(AttributeError, match="no attribute 'optimisers'"):
        labkit.optimisers  # noqa: B018
    assert {"reference", "tf", "problems"} <= set(dir(labkit))


def test_a_device_is_named():
    from labkit.tf import devices

    assert devices.default() in ("/CPU:0", "/GPU:0")
    assert devices.default() in devices.describe()
