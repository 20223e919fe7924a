"""Makes every pytest run strict about notebooks, a run of one notebook included."""

import pytest

pytest_plugins = ["notebook_plugin"]


@pytest.fixture
def float64():
    """Keras in double precision: its type of numbers, and the type of layers, which it may have settled before."""
    import keras

    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
