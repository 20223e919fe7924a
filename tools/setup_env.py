"""Make or refresh the environment `.venv`: the locked packages, and labkit itself in editable form.

`setup_env.py colab` makes `.venv-colab` instead: Colab's versions, and no labkit. The portable notebooks run there.

It runs with whatever `python3` the machine has, so it uses the standard library only and no syntax newer than
Python 3.6. It does nothing when the lock and pyproject.toml have not changed since the last time.
What a fresh machine may lack (a supported Python, the venv module, the network) is said in one line.
"""
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLAB = sys.argv[1:] == ["colab"]
NAME, LOCK = (".venv-colab", "requirements-colab.txt") if COLAB else (".venv", "requirements.txt")
VENV = os.path.join(ROOT, NAME)
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed")
LOG = os.path.join(VENV, "install.log")
OLDEST, NEWEST = (3, 11), (3, 13)
SIGNS_OF_NO_NETWORK = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError",
                       "ReadTimeoutError", "Max retries exceeded", "Temporary failure in name resolution",
                       "Failed to establish a new connection", "Network is unreachable", "ConnectionError",
                       "connection broken by", "Connection refused")


def stop(line):
    """Say in one line what is wrong and what to do, and end."""
    sys.exit(line)


def digest():
    """A fingerprint of what the environment is made from."""
    fingerprint = hashlib.sha256()
    for name in (LOCK,) if COLAB else (LOCK, "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            fingerprint.update(file.read())
    fingerprint.update(ROOT.encode("utf-8"))          # an environment that was moved does not work
    return fingerprint.hexdigest()


def version_of(program):
    """The version of another Python as a pair, or None when it does not run (an empty launcher)."""
    try:
        output = subprocess.check_output([program, "-c", "import sys; print('%d %d' % sys.version_info[:2])"],
                                         stderr=subprocess.DEVNULL)
        return tuple(int(part) for part in output.split())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def can_make_environments(program):
    """Whether `program` has the modules that make an environment with pip in it."""
    return subprocess.call([program, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL) == 0


def choose_python():
    """This Python if it is of a supported version, else another one on the PATH."""
    mine = tuple(sys.version_info[:2])
    if OLDEST <= mine <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        program = shutil.which(f"python3.{minor}")
        if program and version_of(program) == (3, minor):
            print(f"This is Python {mine[0]}.{mine[1]}; using python3.{minor} instead.")
            return program
    return stop(f"Python {mine[0]}.{mine[1]} cannot run this book: install Python 3.11, 3.12 or 3.13 and run "
                "the command again (if it is not on the PATH: make PYTHON=/path/to/python3.12 ...).")


def make_environment():
    """Make `.venv`, or keep the one there if its Python works and is of a supported version."""
    present = version_of(PYTHON) if os.path.exists(PYTHON) else None
    if present and OLDEST <= present <= NEWEST and can_run_pip():
        return
    program = choose_python()
    if not can_make_environments(program):
        minor = version_of(program)[1]
        stop("This Python lacks the venv module: install it (Debian, Ubuntu: sudo apt install "
             f"python3.{minor}-venv) and run the command again.")
    print("Making the environment " + NAME + " ...")
    made = subprocess.Popen([program, "-m", "venv", "--clear", VENV], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    output = made.communicate()[0].decode("utf-8", "replace").strip()
    if made.returncode:
        stop("The environment " + NAME + " could not be made: " + (output.splitlines() or ["no reason given"])[-1])


def can_run_pip():
    """Whether the environment has a working pip."""
    return subprocess.call([PYTHON, "-m", "pip", "--version"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL) == 0


def pip_install(*arguments):
    """Run pip; its output goes to a log, and a failure becomes one line."""
    # --compile: TensorFlow starts five times slower from files that are not byte-compiled.
    command = [PYTHON, "-m", "pip", "install", "--compile", "--disable-pip-version-check", "--no-input"]
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    environment.pop("PIP_NO_COMPILE", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    seen = 0
    lines = []
    pip = subprocess.Popen(command + list(arguments), cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    with open(LOG, "ab") as log:
        for raw in pip.stdout:
            log.write(raw)
            line = raw.decode("utf-8", "replace").rstrip()
            lines.append(line)
            if line.startswith("Collecting ") and sys.stdout.isatty():
                seen += 1
                print(f"\r  {seen:4d}  {line.split()[1]:60.60}", end="")
                sys.stdout.flush()
    if seen:
        print()
    if pip.wait() == 0:
        return
    text = "\n".join(lines)
    if "No space left on device" in text:
        stop("The disk is full: the environment needs about 3 GB; make room and run the command again.")
    if any(sign in text for sign in SIGNS_OF_NO_NETWORK):
        stop("No network: pip cannot reach the package index; connect this machine (behind a proxy, set "
             "HTTPS_PROXY; for a mirror, set PIP_INDEX_URL) and run the command again.")
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["pip gave no reason"]
    stop(f"pip could not install the packages: {errors[0]} (all of it: {NAME}/install.log)")


def main():
    os.chdir(ROOT)
    wanted = digest()
    if os.path.exists(PYTHON) and os.path.exists(STAMP):
        with open(STAMP) as file:
            if file.read().strip() == wanted:
                return
    make_environment()
    if os.path.exists(LOG):
        os.remove(LOG)
    print("Installing " + LOCK + " into " + NAME + " (the first time some minutes and about 3 GB) ...")
    sys.stdout.flush()
    pip_install("-r", LOCK)
    if not COLAB:
        # setuptools stands in the lock, so this needs neither the network nor an environment of its own.
        pip_install("--no-deps", "--no-build-isolation", "--editable", ".")
    with open(STAMP, "w") as file:
        file.write(wanted + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("Interrupted; run the command again to go on.")
