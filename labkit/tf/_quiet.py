"""Import TensorFlow, and compile for the first time, without their start-up lines.

Before TensorFlow's logging exists, its libraries write lines such as "Could not find cuda drivers" straight to file
descriptor 2, and up to TensorFlow 2.20 XLA greets its first program there too. No setting turns them off, and in a
notebook they would be stored as errors. Whatever fails still shows everything.
"""

import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def quiet_stderr():
    """Hold back what is written to file descriptor 2; show it after all if the block raises."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def import_tensorflow():
    """Import TensorFlow with numbers that repeat between processor types, unless the user chose otherwise."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN sums in an order of its own
    if "tensorflow" not in sys.modules:
        with quiet_stderr():
            import tensorflow  # noqa: F401


def call(program, *inputs):
    """Call a compiled program; the first call in a process is the one that XLA talks about."""
    global _greeted
    if _greeted:
        return program(*inputs)
    _greeted = True
    with quiet_stderr():
        return program(*inputs)


_greeted = False
