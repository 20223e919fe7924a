"""Data: what is real about them, what is drawn and from which seed, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from labkit import data


def rows(X, y):
    """Every image with its class, in an order that does not depend on how they were split."""
    return sorted(map(tuple, np.column_stack([X, y])))


def test_digits_are_those_of_scikit_learn():
    digits, loaded = data.digits(), load_digits()
    assert digits.X.shape == (1348, 64) and digits.X_test.shape == (449, 64)
    assert digits.y.shape == (1348,) and digits.y_test.shape == (449,)
    assert digits.X.min() == 0 and digits.X.max() == 1 and digits.X.dtype == np.float64
    together = rows(np.vstack([digits.X, digits.X_test]), np.concatenate([digits.y, digits.y_test]))
    assert together == rows(loaded.data / 16, loaded.target)


def test_the_seed_draws_the_split():
    first, again, other = (data.digits(seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.y_test, again.y_test)
    assert not np.array_equal(first.y_test, other.y_test)
    assert len(data.digits(test=0.5).y) == 899


def test_synthetic_regression_is_its_formula():
    rng = np.random.default_rng(4)
    X, weights = rng.normal(size=(20, 3)), rng.normal(size=3)
    y = X @ weights + 0.5 * rng.normal(size=20)
    made = data.synthetic_regression(20, 3, seed=4)
    for ours, theirs in zip(made, (X, y, weights)):
        np.testing.assert_array_equal(ours, theirs)
    exact = data.synthetic_regression(20, 3, noise=0)
    np.testing.assert_array_equal(exact.y, exact.X @ exact.weights)


@settings(deadline=None)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), epochs=st.integers(1, 4), seed=st.integers(0, 99))
def test_minibatches_visit_every_sample_once_an_epoch(n, batch_size, epochs, seed):
    found = list(data.minibatches(n, batch_size, epochs, seed))
    assert len(found) == epochs
    for batches in found:
        assert sorted(np.concatenate(batches)) == list(range(n))
        assert all(len(batch) == min(batch_size, n) for batch in batches[:-1])
        assert 1 <= len(batches[-1]) <= batch_size


def test_minibatches_are_cut_from_the_generators_permutations():
    rng = np.random.default_rng(2)
    for batches in data.minibatches(10, 4, 3, seed=2):
        order = rng.permutation(10)
        for batch, expected in zip(batches, (order[:4], order[4:8], order[8:]), strict=True):
            np.testing.assert_array_equal(batch, expected)


def test_a_batch_of_all_samples_is_not_shuffled():
    for batch_size in (5, 6, 500):
        assert [[batch.tolist() for batch in batches] for batches in data.minibatches(5, batch_size, 2)] == [
            [[0, 1, 2, 3, 4]]] * 2


@pytest.mark.parametrize(("call", "message"), [
    (lambda: data.minibatches(0, 1, 1), "n must be a whole number of at least 1, got 0"),
    (lambda: data.minibatches(5, 0, 1), "batch_size must be a whole number of at least 1, got 0"),
    (lambda: data.minibatches(5, 2.0, 1), "batch_size must be a whole number of at least 1, got 2.0"),
    (lambda: data.minibatches(5, 2, True), "epochs must be a whole number of at least 1, got True"),
    (lambda: data.minibatches(5, 2, 1, -1), "seed must be a whole number that is zero or positive, got -1"),
    (lambda: data.synthetic_regression(0, 2), "n must be a whole number of at least 1, got 0"),
    (lambda: data.synthetic_regression(2, -1), "d must be a whole number of at least 1, got -1"),
    (lambda: data.synthetic_regression(2, 2, noise=-0.1), "noise must be a number that is zero or positive"),
    (lambda: data.synthetic_regression(2, 2, seed="a"), "seed must be a whole number that is zero or .* got 'a'"),
    (lambda: data.digits(test=0), "test must be a number that is positive and finite, got 0"),
    (lambda: data.digits(test=1.0), "test must be a share that leaves some of the 1797 images on either side, got 1.0"),
    (lambda: data.digits(test=1e-9), "test must be a share that leaves some of the 1797 images"),
    (lambda: data.digits(seed=None), "seed must be a whole number that is zero or positive, got None"),
    (lambda: data.standardize(np.ones((3, 2))), "X must be free of constant columns; column 0 is constant"),
    (lambda: data.with_intercept(np.ones(3)), "X.ndim must be 2"),
])
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_diabetes_and_its_helpers():
    loaded = data.diabetes()
    assert loaded.X.shape == (442, 10) and loaded.y.shape == (442,) and len(loaded.names) == 10
    standard = data.standardize(loaded.X)
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(standard.std(axis=0), 1)
    np.testing.assert_array_equal(data.with_intercept(standard), np.column_stack([np.ones(442), standard]))
