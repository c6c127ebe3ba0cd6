"""The results as tables in Markdown: ratios, share of the peak, memory, and the goals beside them."""

import json
import statistics
import sys
from pathlib import Path

from columns import COLUMNS

F32 = {
    task: [c.name for c in COLUMNS if c.precision == "f32" and c.program != "foci" and task in c.tasks]
    for task in ("training", "inference")
}
BF16 = [column.name for column in COLUMNS if column.precision == "bf16"]
AVX2 = "foci-avx2"
# Operations for each multiply-add of the net: forward, and in training also the gradients by input and by weights.
OPERATIONS = {"training": 6, "inference": 2}
# What is measured, the goal, what to reach for; at most where smaller is better.
GOALS = [
    (
        "training step against channels_last f32",
        lambda row: ratio(row, "training", "channels_last"),
        2.5,
        4,
        False,
    ),
    (
        "training step against the best f32 form",
        lambda row: best(row, "training", F32["training"]),
        1.7,
        2.5,
        False,
    ),
    ("training step against the best bf16 form", lambda row: best(row, "training", BF16), 1.0, 1.5, False),
    (
        "inference against the best f32 of PyTorch and ONNX Runtime",
        lambda row: best(row, "inference", F32["inference"]),
        1.5,
        2.5,
        False,
    ),
    (
        "memory of a training step against channels_last f32",
        lambda row: row.get("memory", {}).get("ratio"),
        0.55,
        0.35,
        True,
    ),
    ("AVX2 against AVX-512, training step", lambda row: avx2(row, "training"), 0.75, 0.9, False),
    ("AVX2 against AVX-512, inference", lambda row: avx2(row, "inference"), 0.75, 0.9, False),
]


def ratio(row, task, column):
    """How many times faster foci is than a column; None where that was not measured."""
    return row.get(task, {}).get(column, {}).get("ratio")


def best(row, task, columns):
    """The same against the fastest of several columns."""
    found = [value for value in (ratio(row, task, column) for column in columns) if value is not None]
    return min(found, default=None)


def avx2(row, task):
    """Speed with AVX2 as a part of that with AVX-512."""
    value = ratio(row, task, AVX2)
    return None if value is None else 1 / value


def cell_text(cell):
    """A cell for a table: the ratio, marked where another net had to be timed, or what went wrong."""
    if cell is None:
        return ""
    if cell["status"] == "measured":
        return f"{cell['ratio']:.2f}" + ("*" if "timed_weights" in cell else "")
    return cell["status"]


def milliseconds(row, task):
    """foci's time, the median over all rounds of the task."""
    cells = [cell for cell in row.get(task, {}).values() if "timed_weights" not in cell]
    seconds = [pair["foci"] for cell in cells for pair in cell.get("rounds", [])]
    return statistics.median(seconds) * 1e3 if seconds else None


def share(row, task, side, column=None):
    """Share of the peak measured in the same round, of `side` (foci or other), over one column or all."""
    cells = [row.get(task, {}).get(column, {})] if column else list(row.get(task, {}).values())
    n, h, w = row["shape"]
    cells = [cell for cell in cells if "timed_weights" not in cell]
    operations = OPERATIONS[task] * row["macs_per_pixel"] * n * h * w
    shares = [
        operations / pair[side] / (pair["peak"] * 1e9) for cell in cells for pair in cell.get("rounds", [])
    ]
    return f"{statistics.median(shares):.0%}" if shares else ""


def row_name(row):
    n, h, w = row["shape"]
    return f"{row['net']}, {row['weights'] // 1000}k | {n} x {h} x {w}"


def markdown(head, body):
    """A table, or nothing where it would have no rows."""
    if not body:
        return ""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in body])


def speed(results, task):
    """The table of one task: foci's time and how many times longer each column takes."""
    rows = [row for row in results["rows"] if row.get(task)]
    names = [c.name for c in COLUMNS if c.name != AVX2 and any(c.name in row[task] for row in rows)]
    body = []
    for row in rows:
        time = milliseconds(row, task)
        shares = [share(row, task, "foci"), share(row, task, "other", "channels_last")]
        cells = [cell_text(row[task].get(name)) for name in names]
        body.append([row_name(row), f"{time:.1f}" if time else "", *shares, *cells])
    return markdown(["net, weights", "images", "foci, ms", "foci, peak", "channels_last, peak", *names], body)


def memory(results):
    def size(cell, name):
        return f"{cell[name] / 2**20:.0f}" if name in cell else ""

    rows = [row for row in results["rows"] if "memory" in row]
    body = [
        [row_name(row), size(row["memory"], "foci"), size(row["memory"], "other"), cell_text(row["memory"])]
        for row in rows
    ]
    return markdown(["net, weights", "images", "foci, MiB", "channels_last, MiB", "ratio"], body)


def wide_vectors(results):
    rows = [
        row for row in results["rows"] if AVX2 in row.get("training", {}) or AVX2 in row.get("inference", {})
    ]

    def text(row, task):
        value = avx2(row, task)
        return f"{value:.2f}" if value else cell_text(row.get(task, {}).get(AVX2))

    body = [[row_name(row), text(row, "training"), text(row, "inference")] for row in rows]
    return markdown(["net, weights", "images", "training", "inference"], body)


def goals(results):
    """Each goal, how many rows reach it, and the row that is farthest from it."""
    body = []
    for name, measure, goal, reach, at_most in GOALS:
        found = [(value, row) for row in results["rows"] if (value := measure(row)) is not None]
        if not found:
            continue
        values = [value for value, _ in found]
        reached = sum(value <= goal if at_most else value >= goal for value in values)
        worst, row = (max if at_most else min)(found, key=lambda pair: pair[0])
        sign = "at most" if at_most else "at least"
        body.append(
            [
                name,
                f"{sign} {goal:g}",
                f"{reach:g}",
                f"{statistics.median(values):.2f}",
                f"{worst:.2f} ({row_name(row).replace(' |', ',')})",
                f"{reached} of {len(values)}",
            ]
        )
    return markdown(
        ["figure", "goal on every row", "reach for", "median row", "worst row", "rows that reach the goal"],
        body,
    )


def failures(results):
    """What could not be measured, or only on another net, and why."""
    lines = []
    for row in results["rows"]:
        cells = [
            (f"{task}, {name}", cell)
            for task in ("training", "inference")
            for name, cell in row.get(task, {}).items()
        ]
        cells += [("memory", row["memory"])] if "memory" in row else []
        for name, cell in cells:
            where = f"- {row_name(row).replace(' |', ',')}, {name}"
            told = []
            if "first" in cell:
                told.append(f"{cell['first']['status']} ({cell['first']['reason']})")
                told.append(
                    f"with all channels rounded up to multiples of 16, {cell['timed_weights']} weights"
                )
            if "first" in cell or cell["status"] != "measured":
                how = (
                    "measured, on both sides"
                    if cell["status"] == "measured"
                    else f"{cell['status']} ({cell['reason']})"
                )
                lines.append(f"{where}: {': '.join(told + [how])}")
    return "\n".join(lines) or "None."


def text(results):
    """Everything, for a person to read."""
    setup = results["setup"]
    about = (
        f"`{setup['command']}`, {setup['started']}: {setup['cpu']}, {setup['threads']} threads, {setup['simd']}; "
        f"foci {setup['commit']}, PyTorch {setup['torch']}, ONNX Runtime {setup['onnxruntime']}. Each ratio is the median of "
        f"{setup['rounds']} pairs of turns. {disturbance(results)}"
    )
    parts = [about]
    sections = [
        ("Goals", goals(results)),
        ("Training step: how many times faster foci is", speed(results, "training")),
        ("Inference: how many times faster foci is", speed(results, "inference")),
        ("Peak memory of a training step, above the idle process", memory(results)),
        ("Speed with AVX2 as a part of that with AVX-512", wide_vectors(results)),
        ("Not measured as it should be (marked * above, or by a word)", failures(results)),
    ]
    parts += [f"## {title}\n\n{body}" for title, body in sections if body]
    return "\n\n".join(parts) + "\n"


def disturbance(results):
    """How much other programs wanted of the machine, and what foci and its opponents got of it."""
    cells = [
        cell
        for row in results["rows"]
        for task in ("training", "inference")
        for cell in row.get(task, {}).values()
    ]
    loads = [value for cell in cells for value in cell["load"]] or [results["setup"]["load"]]
    told = f"Load of the machine: {min(loads):.1f} to {max(loads):.1f}."
    rounds = [pair for cell in cells for pair in cell.get("rounds", [])]
    if rounds:
        cores = [statistics.median(pair[side] for pair in rounds) for side in ("foci_cores", "other_cores")]
        told += f" In their turns foci had {cores[0]:.1f} cores and the others {cores[1]:.1f} (medians)."
    return told


def merged(parts):
    """Several results as one: later ones add rows, tasks and columns to earlier ones, or replace them."""
    rows = {}
    for part in parts:
        for row in part["rows"]:
            known = rows.setdefault((row["net"], row["weights"], tuple(row["shape"])), {})
            tasks = {
                task: known.get(task, {}) | row[task] for task in ("training", "inference") if task in row
            }
            known.update(row | tasks)
    commands = "`, `".join(dict.fromkeys(part["setup"]["command"] for part in parts))
    return {"setup": parts[-1]["setup"] | {"command": commands}, "rows": list(rows.values())}


if __name__ == "__main__":
    print(text(merged([json.loads(Path(name).read_text()) for name in sys.argv[1:]])), end="")
