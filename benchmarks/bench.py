"""How fast labkit is, beside its peers: ``make bench`` prints the table and writes ``benchmarks/results.md``.

All that is compared runs in one process, in turn (A B A B ...), pinned to one core, after a warm-up, and what counts is
processor time: the ratio of two medians then holds on a busy machine too. ``README.md`` says what each row measures.
Peers that are not installed are named and left out. ``bench.py mlp adam`` runs the rows whose names contain a word.
"""

import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if hasattr(os, "sched_setaffinity"):  # before any library counts the cores
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import labkit.tf  # noqa: E402 I001  before TensorFlow, whose first lines it keeps quiet
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import labkit.reference  # noqa: E402
from labkit import data  # noqa: E402

try:
    import torch
    torch.set_num_threads(1)
except ImportError:
    torch = None
try:
    import jax
    import optax
except ImportError:
    jax = optax = None

RESULTS = Path(__file__).with_name("results.md")
MILLION = 10**6


@dataclass(frozen=True)
class Row:
    """One comparison: our time over the time of a peer, and the most that it should be."""

    what: str
    peer: str
    target: float
    ours: float | None = None
    theirs: float | None = None
    unit: str = "s"

    def cells(self):
        if self.ours is None:
            return self.what, self.peer, _ratio(self.target), "not installed", "", "", ""
        reached = self.ours / self.theirs
        return (self.what, self.peer, _ratio(self.target), _ratio(reached),
                "yes" if reached <= self.target else "**no**",
                _amount(self.ours, self.unit), _amount(self.theirs, self.unit))


def _ratio(x):
    return f"1/{1 / x:,.0f}" if x <= 0.2 else f"{x:.2f}"


def _amount(x, unit):
    if unit != "s":
        return f"{x:.1f} {unit}"
    scale, name = next((s, n) for s, n in ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")) if x >= s or n == "ns")
    return f"{x / scale:.3g} {name}"


def measure(*functions, repeats=9):
    """Median processor time of each function; they run in turn, after a warm-up."""
    for function in functions:
        function()
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, record in zip(functions, times):
            start = time.process_time()
            function()
            record.append(time.process_time() - start)
    return [statistics.median(record) for record in times]


def repeated(function, count):
    """A function so short that the clock would not see it, called several times."""

    def run():
        for _ in range(count):
            function()

    return run


# Whole runs


def linear_regression():
    """10,016 steps of gradient descent on mini-batches of 32 out of 1,000 samples with 10 features, float32."""
    X, y, _ = (part.astype("f") for part in data.synthetic_regression(1000, 10))
    model, rule = labkit.tf.models.LinearRegression(10), labkit.tf.optimizers.GradientDescent(learning_rate=0.01)
    network = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(0.01), "mse")
    column = y[:, None]
    ours, theirs = measure(
        lambda: labkit.tf.training.fit(model, rule, X, y, epochs=313),
        lambda: network.fit(X, column, batch_size=32, epochs=313, verbose=0), repeats=3)
    # The short run once more, since three repeats of it are few.
    [ours] = measure(lambda: labkit.tf.training.fit(model, rule, X, y, epochs=313), repeats=15)
    return [Row("linear regression, 10k steps: TensorFlow", "Model.fit", 1 / 1000, ours, theirs)]


def mlp(epochs=20):
    """A perceptron 64-128-10 with tanh on 1,348 digits, Adam, mini-batches of 32, 20 epochs (860 steps), float32."""
    digits = data.digits()
    X, y = digits.X.astype("f"), digits.y
    start = labkit.tf.models.MultilayerPerceptron().init(0).astype("f")

    def fit(column):
        model, rule = column.models.MultilayerPerceptron(), column.optimizers.Adam()
        return lambda: column.training.fit(model, rule, X, y, epochs=epochs, theta0=start)

    network = keras.Sequential([keras.Input((64,)), keras.layers.Dense(128, "tanh"), keras.layers.Dense(10)])
    network.compile(keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    peers = {
        "Model.fit": (1 / 35, lambda: network.fit(X, y, batch_size=32, epochs=epochs, verbose=0)),
        "NumPy reference": (0.45, fit(labkit.reference)),
        "torch, eager": (1 / 7, torch and _torch_fit(X, y, epochs)),
        "JAX, scan": (1.1, jax and _jax_fit(X, y, start, epochs)),
    }
    there = {name: run for name, (_, run) in peers.items() if run}
    ours, *theirs = measure(fit(labkit.tf), *there.values(), repeats=5)
    found = dict(zip(there, theirs))
    return [Row("digits MLP 64-128-10, Adam, batch 32: TensorFlow", name, target,
                ours if name in found else None, found.get(name)) for name, (target, _) in peers.items()]


def _torch_fit(X, y, epochs):
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def run():
        network = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Tanh(), torch.nn.Linear(128, 10))
        optimizer, loss = torch.optim.Adam(network.parameters()), torch.nn.CrossEntropyLoss()
        history = []
        for batches in data.minibatches(len(X), 32, epochs):
            for batch in batches:
                optimizer.zero_grad()
                loss(network(X[batch]), y[batch]).backward()
                optimizer.step()
            with torch.no_grad():
                history.append(loss(network(X), y).item())

    return run


def _jax_fit(X, y, start, epochs):
    """The program of ``labkit.tf.training.fit``, written with scan."""
    n, rest = len(X), len(X) % 32
    target, rule = np.eye(10, dtype="f")[y], optax.adam(1e-3)
    sizes = [(64, 128), (128,), (128, 10), (10,)]
    ends = np.cumsum([np.prod(size) for size in sizes])[:-1]

    def loss(theta, X, target):
        w1, b1, w2, b2 = (part.reshape(size) for part, size in zip(jax.numpy.split(theta, ends), sizes))
        return optax.softmax_cross_entropy(jax.numpy.tanh(X @ w1 + b1) @ w2 + b2, target).mean()

    def step(carry, batch):
        theta, state = carry
        change, state = rule.update(jax.grad(loss)(theta, *batch), state)
        return (theta + change, state), None

    @jax.jit
    def program(theta, orders, X, target):
        def epoch(carry, order):
            shuffled = X[order], target[order]
            full = [part[:n - rest].reshape(-1, 32, part.shape[1]) for part in shuffled]
            carry, _ = jax.lax.scan(step, carry, tuple(full))
            carry, _ = step(carry, [part[n - rest:] for part in shuffled])
            return carry, loss(carry[0], X, target)

        before = loss(theta, X, target)
        (theta, _), losses = jax.lax.scan(epoch, (theta, rule.init(theta)), orders)
        return theta, before, losses

    def run():
        rng = np.random.default_rng(0)
        orders = np.array([rng.permutation(n) for _ in range(epochs)], np.int32)
        for part in program(start, orders, X, target):
            np.asarray(part)

    return run


def rates(epochs=30):
    """64 learning rates at once and one after another: mini-batches of 32, 1,000 samples, 10 features, 960 steps."""
    X, y, _ = (part.astype("f") for part in data.synthetic_regression(1000, 10))
    grid, rows = np.geomspace(1e-4, 0.1, 64), []
    for column, target, name in ((labkit.reference, 1 / 35, "NumPy"), (labkit.tf, 1 / 8, "TensorFlow")):
        def run(rate, column=column):
            rule = column.optimizers.GradientDescent(learning_rate=rate)
            return column.training.fit(column.models.LinearRegression(10), rule, X, y, epochs=epochs)

        ours, theirs = measure(lambda: run(grid), lambda: [run(rate) for rate in grid], repeats=5)
        rows.append(Row(f"64 learning rates at once: {name}", "one after another", target, ours, theirs))
    return rows


# Single steps


def floor(parameters):
    """Time to move 28 bytes per parameter: Adam reads four numbers and writes three, of four bytes each.

    The fastest way to move them is a copy, which reads and writes four bytes a number: three and a half copies.
    """
    source, target = np.ones(parameters, "f"), np.empty(parameters, "f")
    return repeated(lambda: np.copyto(target, source), 7), 2  # a function, and the floors that it takes as long as


def adam(parameters=10 * MILLION, steps=100):
    """Adam on 10 million float32 parameters: a step in a compiled run of 100 in TensorFlow, a single one in NumPy."""
    rng = np.random.default_rng(0)
    theta, grad = rng.normal(size=parameters).astype("f"), rng.normal(size=parameters).astype("f")
    copy, floors = floor(parameters)
    name = "Adam, 1e7 parameters: TensorFlow"
    ours, theirs, bare = measure(_tf_steps(labkit.tf.optimizers.Adam(), theta, grad, steps),
                                 _keras_steps([theta], [grad], steps, jit=True), copy, repeats=3)
    rows = [Row(name, "Keras, compiled with XLA", 1.0, ours / steps, theirs / steps),
            Row(name, "bandwidth floor", 2.0, ours / steps, bare / floors)]

    plain = labkit.reference.optimizers.Adam()
    fast = labkit.reference.optimizers.in_blocks(plain)
    state = plain.update(grad, plain.init(theta), theta)[1]
    ours, theirs, bare = measure(lambda: fast.update(grad, state, theta), lambda: plain.update(grad, state, theta),
                                 copy, repeats=5)
    return rows + [Row("Adam, 1e7 parameters: NumPy in blocks", "the plain expression", 0.25, ours, theirs),
                   Row("Adam, 1e7 parameters: NumPy in blocks", "bandwidth floor", 3.0, ours, bare / floors)]


def many_tensors(tensors=200, size=50_000, steps=20):
    """Adam on 200 tensors of 50,000 float32 parameters: a step in a compiled run of 20.

    Ours are one vector, as in the models of labkit; the gradient comes as 200 tensors and is joined at every step.
    """
    rng = np.random.default_rng(0)
    theta, grad = ([rng.normal(size=size).astype("f") for _ in range(tensors)] for _ in range(2))
    ours, *theirs = measure(_tf_steps(labkit.tf.optimizers.Adam(), np.concatenate(theta), grad, steps),
                            *(_keras_steps(theta, grad, steps, jit) for jit in (False, True)), repeats=3)
    return [Row("Adam, 200 tensors of 50k, flattened: TensorFlow", f"Keras, compiled {how} XLA", 0.6, ours / steps,
                time_ / steps) for how, time_ in zip(("without", "with"), theirs)]


def _tf_steps(rule, theta, grad, steps):
    """Steps of a rule in one compiled program; the gradient, which may come in pieces, is always the same."""
    theta, grad = tf.constant(theta), tf.nest.map_structure(tf.constant, grad)

    @tf.function(jit_compile=True)
    def program(theta, state, grad):
        for _ in tf.range(steps):
            joined = tf.concat(grad, axis=0) if isinstance(grad, list) else grad
            theta, state = rule.update(joined, state, theta)
        return theta, state

    state = rule.init(theta)
    return lambda: program(theta, state, grad)[0][:1].numpy()


def _keras_steps(theta, grad, steps, jit):
    variables, grad = [tf.Variable(leaf) for leaf in theta], [tf.constant(leaf) for leaf in grad]
    optimizer = keras.optimizers.Adam()
    optimizer.build(variables)

    @tf.function(jit_compile=jit)
    def program():
        for _ in tf.range(steps):
            optimizer.apply(grad, variables)

    def run():
        program()
        variables[0][:1].numpy()

    return run


def small_adam(parameters=1000, steps=2000):
    """One step of Adam on 1,000 float32 parameters: what the calls themselves cost."""
    rng, name = np.random.default_rng(0), "NumPy Adam, 1,000 parameters"
    theta, grad = rng.normal(size=parameters).astype("f"), rng.normal(size=parameters).astype("f")
    if torch is None:
        return [Row(name, "torch, fused Adam", 0.33)]
    rule = labkit.reference.optimizers.Adam()

    def ours():
        here, state = theta, rule.init(theta)
        for _ in range(steps):
            here, state = rule.update(grad, state, here)

    parameter = torch.nn.Parameter(torch.from_numpy(theta.copy()))
    parameter.grad = torch.from_numpy(grad)
    theirs = repeated(torch.optim.Adam([parameter], fused=True).step, steps)
    ours, theirs = measure(ours, theirs)
    return [Row(name, "torch, fused Adam", 0.33, ours / steps, theirs / steps)]


# The import


def imports(repeats=21):
    """``import labkit`` and ``import numpy``, each in a fresh Python."""
    # The peak of a child counts its parent's memory in getrusage, so on Linux it comes from /proc.
    code = ("import os, resource, sys, {}; r = resource.getrusage(resource.RUSAGE_SELF); peak = r.ru_maxrss\n"
            "if os.path.exists('/proc/self/status'):\n"
            "    peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
            "print(r.ru_utime + r.ru_stime, peak)")
    found = {"numpy": [], "labkit": []}
    for _ in range(repeats):
        for name, record in found.items():
            shown = subprocess.run([sys.executable, "-c", code.format(f"numpy, {name}" if name == "labkit" else name)],
                                   capture_output=True, text=True, check=True).stdout
            record.append([float(number) for number in shown.split()])
    (numpy_time, numpy_memory), (time_, memory) = (map(statistics.median, zip(*found[name]))
                                                   for name in ("numpy", "labkit"))
    mebi = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kibibytes
    return [Row("import labkit: time", "import numpy", 1.1, time_, numpy_time),
            Row("import labkit: memory", "import numpy", 1.05, memory / mebi, numpy_memory / mebi, "MiB")]


# Cost as the work grows


def flat():
    """Time per unit of work at three sizes; flat means that there is no hidden cost that grows."""
    X, y, _ = (part.astype("f") for part in data.synthetic_regression(1000, 10))
    rows = []
    for column, name, sizes in ((labkit.tf, "TensorFlow", (31, 310, 3100)), (labkit.reference, "NumPy", (3, 31, 310))):
        model, rule = column.models.LinearRegression(10), column.optimizers.GradientDescent(learning_rate=0.01)
        runs = [lambda epochs=epochs, c=column, m=model, r=rule: c.training.fit(m, r, X, y, epochs=epochs)
                for epochs in sizes]
        times = measure(*runs, repeats=5)
        rows.append((f"linear regression, {name}: per step", [f"{32 * epochs:,} steps" for epochs in sizes],
                     [t / (32 * epochs) for t, epochs in zip(times, sizes)]))
    sizes = (10**5, MILLION, 10 * MILLION)
    rng = np.random.default_rng(0)
    leaves = [[rng.normal(size=size).astype("f") for _ in range(2)] for size in sizes]
    steps = [10**8 // size for size in sizes]
    runs = [_tf_steps(labkit.tf.optimizers.Adam(), *leaf, count) for leaf, count in zip(leaves, steps)]
    times = measure(*runs, repeats=3)
    shown = [f"{size:,} parameters" for size in sizes]
    rows.append(("Adam, TensorFlow: per step and parameter", shown, [t / 10**8 for t in times]))
    rule = labkit.reference.optimizers.in_blocks(labkit.reference.optimizers.Adam())
    states = [rule.init(theta) for theta, _ in leaves]
    runs = [repeated(lambda theta=theta, grad=grad, state=state: rule.update(grad, state, theta), count // 5)
            for (theta, grad), state, count in zip(leaves, states, steps)]
    times = measure(*runs, repeats=3)
    rows.append(("Adam, NumPy in blocks: per step and parameter", shown,
                 [t / (size * (count // 5)) for t, size, count in zip(times, sizes, steps)]))
    return rows


def versions():
    """What was compared, and where."""
    names = ["labkit", "numpy", "tensorflow", "keras", "torch", "jax", "optax"]
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return f"Python {platform.python_version()}, {', '.join(found)}; {platform.system()} {platform.machine()}{_model()}"


def _model():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((f", {line.split(':')[1].strip()}" for line in lines if line.startswith("model name")), "")


def table(header, rows):
    """A Markdown table whose columns line up, so that it reads well in a terminal too."""
    rows = [header, *rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


BENCHMARKS = (linear_regression, mlp, rates, adam, many_tensors, small_adam, imports, flat)


def main(words):
    chosen = [run for run in BENCHMARKS if not words or any(word in run.__name__ for word in words)]
    compared, growing = [], []
    for run in chosen:
        print(f"{run.__name__} ...", file=sys.stderr, flush=True)
        (growing if run is flat else compared).extend(run())
    header = ("what", "against", "at most", "reached", "met", "ours", "theirs")
    text = [table(header, [row.cells() for row in compared])]
    if growing:
        cells = [(what, *(f"{_amount(cost, 's')} ({size})" for size, cost in zip(sizes, costs)))
                 for what, sizes, costs in growing]
        text.append(table(("cost as the work grows", "small", "medium", "large"), cells))
    text.append(versions())
    print("\n\n".join(text))
    if not words:
        RESULTS.write_text("# Results of `make bench`\n\n" + "\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
