"""One cell of the comparison: both sides checked, then timed in turns, or their memory measured."""

import itertools
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from columns import BY_NAME
from processes import Worker, WorkerFailed
from widen import widened

HERE = Path(__file__).resolve().parent
# How far results may lie from foci's (norm of the difference, relative), and how often that is looked at: of a kernel
# that reads memory it never wrote, the result may be right by chance.
TOLERANCE = {
    "f32": {"output": 1e-4, "gradients": 1e-3, "loss": 1e-3},
    "bf16": {"output": 0.05, "gradients": 0.15, "loss": 0.05},
}
CHECKS = 3
PEAK_MILLISECONDS = 30
MOST_STEPS = 50
MEMORY_STEPS = 2
WARM_SIDE = 16
MEMORY_COLUMN = "channels_last"


@dataclass(frozen=True)
class Row:
    """A net at a number of weights and a shape."""

    net: str
    weights: int
    shape: tuple

    @property
    def name(self):
        return f"{Path(self.net).stem}-{self.weights}-{'x'.join(map(str, self.shape))}"


class Comparison:
    """Everything that the rows share."""

    def __init__(self, options):
        self.options = options
        self.work = options.out / "work"
        # Nothing is taken over from another build of foci.
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.logs = itertools.count()

    def worker(self, command, environment=None):
        log = self.work / f"worker-{next(self.logs)}.log"
        threads = {"OMP_NUM_THREADS": str(self.options.threads)}
        return Worker(command, threads | (environment or {}), log, self.options.timeout)

    def foci(self, row, task, environment=None):
        n, h, w = row.shape
        command = [self.options.foci, "bench", "--net", row.net, "--size", f"{h}x{w}", "--batch", n]
        if not (Path(row.net) / "net.json").exists():
            command += ["--weights", row.weights]
        command += ["--threads", self.options.threads, "--worker", task]
        return self.worker(command, environment)

    def opponent(self, row, task, column):
        if column.program == "foci":
            return self.foci(row, task, column.environment)
        program = HERE / f"{column.program}_worker.py"
        command = [sys.executable, program, "--net", self.net(row), "--reference", self.reference(row)]
        command += ["--threads", self.options.threads]
        if column.program == "torch":
            command += ["--mode", task, "--settings", json.dumps(column.settings)]
        return self.worker(command, column.environment)

    def net(self, row):
        """The path of the row's net.json."""
        if (Path(row.net) / "net.json").exists():
            return Path(row.net) / "net.json"
        path = self.work / f"{Path(row.net).stem}-{row.weights}.json"
        if not path.exists():
            command = [self.options.foci, "inspect", row.net, "--weights", str(row.weights), "--json"]
            path.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return path

    def widened(self, row):
        """The same row with every layer's channels rounded up to multiples of 16."""
        record = widened(json.loads(self.net(row).read_text()))
        folder = self.work / f"{Path(row.net).stem}-{row.weights}-wide"
        folder.mkdir(exist_ok=True)
        (folder / "net.json").write_text(json.dumps(record))
        return Row(str(folder), record["weights"], row.shape)

    def reference(self, row):
        """The path of what foci computed: weights, input, output, target, gradients."""
        path = self.work / f"{row.name}.safetensors"
        if not path.exists():
            with self.foci(row, "training") as foci:
                foci.ask(f"record {path}")
        return path

    def checked(self, row, task, column):
        """A worker that has shown that it computes the same as foci, and by how much it differs."""
        worker = self.opponent(row, task, column)
        try:
            if column.program == "foci":
                return worker, None
            errors = worker.ask(f"check {CHECKS}")
            limits = TOLERANCE[column.precision]
            wrong = [
                f"{name} differ by {error:.2g}" for name, error in errors.items() if not error <= limits[name]
            ]
            if wrong:
                raise WorkerFailed("wrong", ", ".join(wrong))
        except BaseException:
            worker.close()
            raise
        return worker, errors

    def cell(self, row, task, column):
        """What one column says to one row: measured, or why not."""
        load = os.getloadavg()[0]
        cell = {}
        try:
            try:
                worker, errors = self.checked(row, task, column)
            except WorkerFailed as failure:
                # Gradients of dilated convolutions in bf16 are known to fail unless channels fill blocks of 16.
                if column.precision != "bf16" or failure.kind not in ("wrong", "crash"):
                    raise
                row = self.widened(row)
                cell["first"] = {"status": failure.kind, "reason": str(failure)}
                cell["timed_weights"] = row.weights
                worker, errors = self.checked(row, task, column)
            cell["errors"] = errors
            with worker, self.foci(row, task) as foci:
                cell |= self.pairs(foci, worker, column)
        except WorkerFailed as failure:
            cell |= {"status": failure.kind, "reason": str(failure)}
        return cell | {"load": [load, os.getloadavg()[0]]}

    def pairs(self, foci, other, column):
        """Both in turn, round after round."""
        if column.program == "foci" and foci.ready["simd"] == other.ready["simd"]:
            return {"status": "absent", "reason": f"this CPU has nothing better than {foci.ready['simd']}"}
        foci.pause()
        other.pause()
        first = [worker.turn("run 1") for worker in (foci, other)]
        self.compare_losses(first, column)
        slowest = max(answer["seconds"][-1] for answer in first)
        steps = max(1, min(MOST_STEPS, math.ceil(self.options.seconds / slowest)))
        rounds = []
        for number in range(self.options.rounds):
            by_cpu = self.options.clock == "cpu"
            peak, seconds = foci.turn(f"peak {PEAK_MILLISECONDS}"), {}
            pair = {"peak": peak["gigaflops"] / (min(1, peak["cores"]) if by_cpu else 1)}
            order = [("foci", foci), ("other", other)]
            for name, worker in order if number % 2 == 0 else reversed(order):
                answer = worker.turn(f"run {steps}")
                if answer["loss"] is not None and not math.isfinite(answer["loss"]):
                    raise WorkerFailed("wrong", f"the loss of {name} became {answer['loss']}")
                # A turn has one step more than those that are timed.
                seconds[name] = answer["cpu"] / (steps + 1) if by_cpu else sum(answer["seconds"]) / steps
                seconds[f"{name}_cores"] = answer["cores"]
            rounds.append(pair | seconds | {"ratio": seconds["other"] / seconds["foci"]})
        ratios = [pair["ratio"] for pair in rounds]
        return {
            "status": "measured",
            "ratio": statistics.median(ratios),
            "quartiles": [statistics.quantiles(ratios)[i] for i in (0, 2)] if len(ratios) > 1 else ratios * 2,
            "steps": steps,
            "rounds": rounds,
        }

    @staticmethod
    def compare_losses(answers, column):
        """After a step from the same weights the losses must agree: this holds the optimisers to each other."""
        ours, theirs = (answer["loss"] for answer in answers)
        if ours is None or theirs is None:
            return
        if not abs(theirs - ours) <= TOLERANCE[column.precision]["loss"] * abs(ours):
            raise WorkerFailed("wrong", f"after a step the loss is {theirs:.6g}, foci's {ours:.6g}")

    def memory(self, row):
        """Peak memory of training steps, each above its own process before it had the net."""
        peaks = {}
        try:
            makers = {
                "foci": lambda: self.foci(row, "training"),
                "other": lambda: self.opponent(row, "training", BY_NAME[MEMORY_COLUMN]),
            }
            for name, make in makers.items():
                with make() as worker:
                    if name == "other":
                        # PyTorch loads much of itself with its first step; that is not the net's memory.
                        worker.ask(f"warm {WARM_SIDE}")
                    idle, _ = worker.memory()
                    worker.ask(f"run {MEMORY_STEPS}")
                    peaks[name] = worker.memory()[1] - idle
        except WorkerFailed as failure:
            return {"status": failure.kind, "reason": str(failure)} | peaks
        return {"status": "measured", "ratio": peaks["foci"] / peaks["other"]} | peaks

    def versions(self, row):
        """Who is compared, on what."""
        with self.foci(row, "inference") as foci:
            ready = foci.ready
        command = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
        commit = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
        installed = [sys.executable, "-m", "pip", "list", "--format=json"]
        packages = json.loads(subprocess.run(installed, check=True, capture_output=True, text=True).stdout)
        versions = {package["name"]: package["version"] for package in packages}
        cpu = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
        return {
            "cpu": cpu[0] if cpu else platform.machine(),
            "threads": ready["threads"],
            "simd": ready["simd"],
            "foci": ready["version"],
            "commit": commit,
            "python": platform.python_version(),
            "torch": versions["torch"],
            "onnxruntime": versions["onnxruntime"],
            "started": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
            "load": os.getloadavg()[0],
            "rounds": self.options.rounds,
            "turn_seconds": self.options.seconds,
            "command": self.options.command,
        }
