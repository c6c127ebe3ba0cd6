"""A worker: another program that computes on command, and that may crash without taking the comparison along."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

# Settings of the caller's shell that would change how a worker computes.
FOREIGN = (
    "MALLOC_",
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "DNNL_",
    "ONEDNN_",
    "TORCH",
    "FOCI_",
    "LD_PRELOAD",
    "GLIBC_TUNABLES",
)


class WorkerFailed(Exception):
    """The worker ended, answered with an error, or took too long; `kind` is crash, failed or timeout."""

    def __init__(self, kind, reason):
        super().__init__(reason)
        self.kind = kind


class Worker:
    """A child process with one line of JSON for each line of commands; it is stopped while others have their turn."""

    def __init__(self, command, environment, log, timeout):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.timeout = timeout
        self.log_path = log
        self.buffer = b""
        with open(log, "wb") as log_file:
            # A session of its own, so that pausing and ending also reach processes that the worker starts.
            self.process = subprocess.Popen(
                [str(part) for part in command],
                env=clean | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                start_new_session=True,
            )
        try:
            self.ready = self.read()["ready"]
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, command):
        """Sends one command to a running worker and returns its answer."""
        try:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # The worker is gone; reading says why.
        answer = self.read()
        if "error" in answer:
            raise WorkerFailed("failed", answer["error"])
        return next(iter(answer.values()))

    def turn(self, command):
        """As `ask`, for a worker that is paused before and after; adds its time on cores, and how many it had."""
        self.signal(signal.SIGCONT)
        start, before = time.monotonic(), self.cpu_seconds()
        answer = self.ask(command)
        cpu = self.cpu_seconds() - before
        cores = cpu / (time.monotonic() - start)
        self.pause()
        return answer | {"cpu": cpu, "cores": cores}

    def cpu_seconds(self):
        """Time on a core so far, of all threads; nothing of a worker that is gone."""
        nanoseconds = 0
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            # A thread may end while the list is read.
            with contextlib.suppress(OSError):
                nanoseconds += int(task.read_text().split()[0])
        return nanoseconds / 1e9

    def pause(self):
        """Halts the worker and all its threads, so that none of them spins in another program's turn."""
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def read(self):
        deadline = time.monotonic() + self.timeout
        out = self.process.stdout.fileno()
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise WorkerFailed("timeout", f"no answer within {self.timeout} seconds")
            piece = os.read(out, 1 << 16)
            if not piece:
                raise WorkerFailed("crash", self.last_words())
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def last_words(self):
        """How the worker ended, and the end of what it wrote on standard error."""
        code = self.process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        words = self.log_path.read_text(errors="replace").strip().splitlines()
        return ": ".join([how] + words[-1:])

    def memory(self):
        """Bytes held now, and at most since the start (VmRSS and VmHWM)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        return tuple(int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))

    def close(self):
        """Ends the worker: politely, then by force."""
        self.signal(signal.SIGCONT)
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # It is gone already.
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
