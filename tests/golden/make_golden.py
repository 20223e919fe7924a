"""Record what PyTorch and optax do, for tests/test_golden.py. Neither is needed to run the tests.

In an environment of its own, not the package's:

    python -m venv /tmp/golden
    /tmp/golden/bin/pip install torch==2.13.0 optax
    /tmp/golden/bin/python tests/golden/make_golden.py

writes tests/golden/golden.npz: for each case the parameters after each of 50 steps, in float64, on seeded gradients of
three scales, and in "cases" what was run, with versions, as JSON.
"""

import json
from pathlib import Path

import jax
import numpy as np
import optax
import torch

STEPS, SIZE, SCALES = 50, 4, (1e-8, 1.0, 1e8)

# rule of labkit, its options, and the same in the words of the library
TORCH = [
    ("GradientDescent", {"learning_rate": 0.1}, "SGD", {"lr": 0.1}),
    ("Momentum", {"learning_rate": 0.1, "momentum": 0.9, "rate_inside": False}, "SGD", {"lr": 0.1, "momentum": 0.9}),
    ("Nesterov", {"learning_rate": 0.1, "momentum": 0.9, "rate_inside": False},
     "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-10, "epsilon_inside": False},
     "Adagrad", {"lr": 0.1}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.1, "epsilon": 1e-3, "epsilon_inside": False},
     "Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-3}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.99, "epsilon": 1e-8, "epsilon_inside": False, "rate_inside": False},
     "RMSprop", {"lr": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.9, "momentum": 0.8, "epsilon": 1e-3, "epsilon_inside": False,
                 "rate_inside": False},
     "RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.8, "eps": 1e-3}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.99, "momentum": 0.8, "epsilon": 1e-8, "centered": True,
                 "epsilon_inside": False, "rate_inside": False},
     "RMSprop", {"lr": 0.01, "alpha": 0.99, "momentum": 0.8, "centered": True}),
    ("Adam", {"learning_rate": 0.01, "epsilon": 1e-8}, "Adam", {"lr": 0.01}),
    ("Adam", {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3},
     "Adam", {"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-3}),
    ("AMSGrad", {"learning_rate": 0.01, "beta_2": 0.9, "epsilon": 1e-8},
     "Adam", {"lr": 0.01, "betas": [0.9, 0.9], "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.01, "epsilon": 1e-8, "weight_decay": 0.1},
     "AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    ("L2Penalty", {"rule": ["Adam", {"learning_rate": 0.01, "epsilon": 1e-8}], "strength": 0.1},
     "Adam", {"lr": 0.01, "weight_decay": 0.1}),
    ("L2Penalty", {"rule": ["Momentum", {"learning_rate": 0.1, "rate_inside": False}], "strength": 0.1},
     "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
]
OPTAX = [
    ("GradientDescent", {"learning_rate": 0.1}, "sgd", {"learning_rate": 0.1}),
    ("Momentum", {"learning_rate": 0.1, "momentum": 0.9, "rate_inside": False},
     "sgd", {"learning_rate": 0.1, "momentum": 0.9}),
    ("Nesterov", {"learning_rate": 0.1, "momentum": 0.9, "rate_inside": False},
     "sgd", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"learning_rate": 0.1}, "adagrad", {"learning_rate": 0.1}),
    ("RMSprop", {"learning_rate": 0.01, "epsilon": 1e-8}, "rmsprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "epsilon": 1e-3, "epsilon_inside": False, "momentum": 0.8},
     "rmsprop", {"learning_rate": 0.01, "eps": 1e-3, "eps_in_sqrt": False, "momentum": 0.8}),
    ("RMSprop", {"learning_rate": 0.01, "epsilon": 1e-8, "centered": True, "momentum": 0.8},
     "rmsprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.8}),
    ("Adam", {"learning_rate": 0.01, "epsilon": 1e-8}, "adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3},
     "adam", {"learning_rate": 0.01, "b1": 0.8, "b2": 0.99, "eps": 1e-3}),
    ("AMSGrad", {"learning_rate": 0.01, "beta_2": 0.9, "epsilon": 1e-8, "bias_correction": False},
     "amsgrad_of_the_paper", {"learning_rate": 0.01, "b2": 0.9}),
    ("AdamW", {"learning_rate": 0.01, "epsilon": 1e-8, "weight_decay": 0.1},
     "adamw", {"learning_rate": 0.01, "weight_decay": 0.1}),
]


def gradients(scale):
    """The gradients of a case: part signal, part noise, so that centred variances are not all rounding."""
    rng = np.random.default_rng(7)
    return scale * (rng.normal(size=SIZE) + rng.normal(size=(STEPS, SIZE)))


def start():
    """Where each case starts."""
    return np.array([1.0, -2.0, 0.5, 3.0])


def run_torch(name, options, grads):
    """The path that torch.optim takes."""
    theta = torch.tensor(start(), dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([theta], foreach=False, **options)
    path = []
    for grad in grads:
        theta.grad = torch.tensor(grad, dtype=torch.float64)
        optimizer.step()
        path.append(theta.detach().numpy().copy())
    return np.array(path)


def amsgrad_of_the_paper(learning_rate, b2):
    """The rule of optax without its bias corrections; optax.amsgrad itself has a maximum over corrected means."""
    return optax.chain(optax.scale_by_amsgrad(b2=b2, bias_correction_mu=False, bias_correction_nu=False),
                       optax.scale_by_learning_rate(learning_rate))


def run_optax(name, options, grads):
    """The path that optax takes."""
    make = amsgrad_of_the_paper if name == "amsgrad_of_the_paper" else getattr(optax, name)
    rule, theta = make(**options), jax.numpy.asarray(start())
    state, path = rule.init(theta), []
    for grad in grads:
        change, state = rule.update(jax.numpy.asarray(grad), state, theta)
        theta = optax.apply_updates(theta, change)
        path.append(np.asarray(theta))
    assert path[-1].dtype == np.float64
    return np.array(path)


def main():
    """Write the file beside this script."""
    jax.config.update("jax_enable_x64", True)
    arrays, cases = {"start": start()}, []
    for library, run, table in (("torch", run_torch, TORCH), ("optax", run_optax, OPTAX)):
        for rule, ours, name, theirs in table:
            for scale in SCALES:
                key = f"path_{len(cases)}"
                arrays[key] = run(name, theirs, gradients(scale))
                cases.append({"key": key, "library": library, "name": name, "options": theirs, "scale": scale,
                              "rule": rule, "rule_options": ours})
    for scale in SCALES:
        arrays[f"gradients_{scale:g}"] = gradients(scale)
    versions = {"torch": torch.__version__, "optax": optax.__version__, "jax": jax.__version__,
                "numpy": np.__version__}
    arrays["cases"] = np.array(json.dumps({"versions": versions, "cases": cases}))
    np.savez_compressed(Path(__file__).with_name("golden.npz"), **arrays)


if __name__ == "__main__":
    main()
