"""Against PyTorch and optax: the paths that tests/golden/make_golden.py has recorded, in this package's options."""

import json
from pathlib import Path

import numpy as np
import pytest
from columns import COLUMNS

FILE = Path(__file__).with_name("golden") / "golden.npz"
with np.load(FILE) as stored:
    ARRAYS = {name: stored[name] for name in stored.files}
RECORD = json.loads(str(ARRAYS["cases"]))


def rule_of(column, name, options):
    options = {key: rule_of(column, *value) if key == "rule" else value for key, value in options.items()}
    return getattr(column.optimizers, name)(**options)


def label(case):
    return f"{case['library']}-{case['name']}-{case['rule']}-{case['scale']:g}-{case['key']}"


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("case", RECORD["cases"], ids=label)
def test_the_recorded_path_is_ours(column, case):
    rule = rule_of(column, case["rule"], case["rule_options"])
    theta = column.array(ARRAYS["start"])
    state, path = rule.init(theta), []
    for grad in ARRAYS[f"gradients_{case['scale']:g}"]:
        theta, state = rule.update(column.array(grad), state, theta)
        path.append(np.asarray(theta))
    expected = ARRAYS[case["key"]]
    difference = np.linalg.norm(path - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert difference.max() <= 1e-12
    moved = np.abs(np.subtract(path, expected)).max() / np.abs(expected - ARRAYS["start"]).max()
    assert moved <= 1e-8  # also as a share of the way: a step of 1e-9 must not hide behind a theta of 1


def test_the_record_is_complete():
    assert set(RECORD["versions"]) == {"torch", "optax", "jax", "numpy"}
    recorded = {(case["library"], case["rule"]) for case in RECORD["cases"]}
    rules = {"GradientDescent", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AMSGrad", "AdamW"}
    assert recorded >= {(library, rule) for library in ("torch", "optax") for rule in rules}
    assert {case["scale"] for case in RECORD["cases"]} == {1e-8, 1.0, 1e8}
    for case in RECORD["cases"]:
        path = ARRAYS[case["key"]]
        assert path.shape == (50, 4) and path.dtype == np.float64 and np.isfinite(path).all()
        assert np.abs(path[-1] - ARRAYS["start"]).max() > 0
