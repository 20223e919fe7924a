r"""Any rule of ``labkit.tf.optimizers`` as a Keras optimizer, for ``model.compile`` and all that goes with it."""

import copy
import dataclasses

import keras
import tensorflow as tf

from labkit import _checks
from labkit.tf import optimizers, schedules

__all__ = ["as_keras"]


def as_keras(rule, **options):
    r"""Return a Keras optimizer that makes the updates of a rule.

    .. math:: \theta_t = \mathrm{update}\big(\nabla f(\theta_{t-1}),\, \theta_{t-1}\big)
              \quad \text{for each variable } \theta \text{ of a model}

    It goes where a Keras optimizer goes: ``model.compile`` and ``fit``, callbacks that set the learning rate,
    ``.keras`` files with the optimizer's state, ``tf.distribute``, ``mixed_float16`` and ``LossScaleOptimizer``.

    Parameters
    ----------
    rule : update rule
        A value of ``labkit.tf.optimizers`` with one learning rate, a number or a schedule. ``ClipByNorm`` becomes
        Keras's own ``global_clipnorm``; it must see the gradient as it comes, so only ``PolyakAverage`` and
        ``WeightDecay`` may stand around it.
    **options
        Of ``keras.optimizers.Optimizer``, such as ``name``, ``use_ema``, ``gradient_accumulation_steps``.

    Returns
    -------
    keras.optimizers.Optimizer
        It has two things besides Keras's: ``rule``, and ``rule_state(variable)``, the rule's state for a variable
        of the model, as in ``rule.average(optimizer.rule_state(variable))``.

    Raises
    ------
    ValueError
        If ``rule`` is not such a rule: ``Flattened`` needs all variables at once, which Keras never shows; an array of
        rates counts runs, and Keras has one.

    Notes
    -----
    Keras keeps a number that is the learning rate in a variable of its default type (``keras.config.floatx()``). The
    other numbers stay exact. Under ``tf.distribute``, Keras clips the gradient of each replica, before they are added.

    To load a file, ``labkit.tf`` must have been imported. A schedule of ``labkit.tf.schedules`` or of Keras is saved
    with the model; any other callable must be registered with Keras.

    References
    ----------
    The contract is that of ``keras.optimizers.Optimizer``, Keras 3.

    Examples
    --------
    >>> import keras
    >>> from labkit.tf import as_keras, optimizers
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(as_keras(optimizers.Adam(learning_rate=0.01)), loss="mse")
    """
    return RuleOptimizer(rule, **options)


@keras.saving.register_keras_serializable(package="labkit")
class RuleOptimizer(keras.optimizers.Optimizer):
    """The optimizer that ``as_keras`` returns."""

    def __init__(self, rule, **options):
        _checks.rule("rule", rule, "labkit.tf.optimizers", tensorflow=True)
        limit, by_entry = _without_norm(rule)
        if not getattr(by_entry, "elementwise", False):
            _checks.fail("rule", rule, "one that updates each entry of theta by itself, or a ClipByNorm of such a rule")
        rate = rule.learning_rate
        if callable(rate):
            rate = rate if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) else RuleSchedule(rate)
        elif getattr(rate, "ndim", 0):
            _checks.fail("learning_rate", rate, "one number, or a schedule")
        if limit is not None:
            if options.get("global_clipnorm") is not None:
                _checks.fail("global_clipnorm", options["global_clipnorm"], "None where the rule clips by norm")
            options["global_clipnorm"] = limit
        super().__init__(learning_rate=rate, **options)
        self.rule, self._by_entry = rule, by_entry

    def build(self, variables):
        """Make a variable for each part of the rule's state that is not the count, which Keras keeps."""
        if self.built:
            return
        super().build(variables)
        names = list(_names(self._blank_state()))
        self._states = [
            [self.add_variable_from_reference(variable, name=name, initializer=self._initializer(variable, k))
             for k, name in enumerate(names) if name is not None]
            for variable in variables
        ]

    def _blank_state(self):
        return self._by_entry.init(tf.zeros(()))

    def _initializer(self, variable, k):
        def initialize(shape, dtype=None):
            return tf.cast(tf.nest.flatten(self._by_entry.init(tf.convert_to_tensor(variable)))[k], dtype)

        return initialize

    def rule_state(self, variable):
        """Return the state of the rule for one variable of the model."""
        variable = variable.value if isinstance(variable, keras.Variable) else variable
        kept = iter(self._states[self._get_variable_index(variable)])
        count = tf.cast(tf.convert_to_tensor(self.iterations), tf.int64)
        blank = self._blank_state()
        parts = [count if name is None else tf.convert_to_tensor(next(kept)) for name in _names(blank)]
        return tf.nest.pack_sequence_as(blank, parts)

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable, and the state that belongs to it."""
        theta = tf.convert_to_tensor(variable)
        grad = tf.cast(tf.convert_to_tensor(gradient), theta.dtype)
        rule = _with_rate(self._by_entry, tf.convert_to_tensor(learning_rate))
        theta, state = rule.update(grad, self.rule_state(variable), theta)
        parts = [part for name, part in zip(_names(state), tf.nest.flatten(state)) if name is not None]
        for kept, part in zip(self._states[self._get_variable_index(variable)], parts):
            self.assign(kept, part)
        self.assign(variable, theta)

    def get_config(self):
        """Return what ``from_config`` needs: the rule, and Keras's options."""
        config = super().get_config()
        del config["learning_rate"]  # the rule has it
        if _without_norm(self.rule)[0] is not None:
            del config["global_clipnorm"]
        return {"rule": _to_config(self.rule), **config}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make the optimizer that ``get_config`` has described."""
        config = dict(config)
        return cls(_from_config(config.pop("rule"), custom_objects), **config)


@keras.saving.register_keras_serializable(package="labkit")
class RuleSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A callable of the step, as a Keras schedule."""

    def __init__(self, schedule):
        self.schedule = schedule

    def __call__(self, step):
        return self.schedule(tf.convert_to_tensor(step))

    def get_config(self):
        """Return what ``from_config`` needs."""
        return {"schedule": _to_config(self.schedule)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make the schedule that ``get_config`` has described."""
        return cls(_from_config(config["schedule"], custom_objects))


def _without_norm(rule):
    """Take a ClipByNorm that sees the raw gradient out of a rule: return its limit (None without) and the rest."""
    if isinstance(rule, optimizers.ClipByNorm):
        return rule.limit, rule.rule
    if isinstance(rule, (optimizers.PolyakAverage, optimizers.WeightDecay)):  # they hand the gradient on as it is
        limit, inner = _without_norm(rule.rule)
        return limit, dataclasses.replace(rule, rule=inner)
    return None, rule


def _with_rate(rule, rate):
    """Return a copy of a rule with another learning rate, a tensor."""
    changed = copy.copy(rule)
    if isinstance(rule, optimizers.Wrapper):
        object.__setattr__(changed, "rule", _with_rate(rule.rule, rate))
    else:
        object.__setattr__(changed, "learning_rate", rate)
    return changed


def _names(state, prefix=""):
    """A name for each tensor in a state, in the order of tf.nest; None for the counts."""
    for field, part in zip(state._fields, state):
        if isinstance(part, tuple):
            yield from _names(part, f"{prefix}{field}_") if part else ()
        else:
            yield None if field == "count" else prefix + field


def _known():
    return {name: getattr(module, name) for module in (optimizers, schedules) for name in module.__all__}


def _to_config(value):
    """Describe a rule or a schedule in plain words and numbers; anything else is Keras's affair."""
    name = type(value).__name__
    if _known().get(name) is type(value):
        return {"labkit": name, **{f.name: _to_config(getattr(value, f.name)) for f in dataclasses.fields(value)}}
    return keras.saving.serialize_keras_object(value) if callable(value) else value


def _from_config(config, custom_objects):
    """Make what ``_to_config`` has described."""
    if not isinstance(config, dict):
        return config
    if "labkit" not in config:
        return keras.saving.deserialize_keras_object(config, custom_objects=custom_objects)
    kind = _known().get(config["labkit"])
    if kind is None:
        _checks.fail("rule", config["labkit"], f"one of {', '.join(sorted(_known()))}")
    return kind(**{name: _from_config(part, custom_objects) for name, part in config.items() if name != "labkit"})
