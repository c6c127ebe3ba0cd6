"""Times foci's nets against PyTorch and ONNX Runtime on the same cores. Started by bench/run; see README.md."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import table
from columns import BY_NAME, COLUMNS
from comparison import Comparison, Row

HERE = Path(__file__).resolve().parent
NETS = ["fcn", "atrous", "unet", "atrous-unet"]
WEIGHTS = [30_000, 120_000]
SHAPES = ["1x512x672", "4x512x672", "8x256x256"]
QUICK = {"shapes": ["1x512x672"], "rounds": 5, "seconds": 0.3}


def choose(options):
    """The rows and columns asked for."""
    shapes = [tuple(int(part) for part in shape.split("x")) for shape in options.shapes]
    rows = [
        Row(*row)
        for row in (
            (net, weights, shape) for shape in shapes for weights in options.weights for net in options.nets
        )
    ]
    return rows, [BY_NAME[name] for name in options.columns]


def run(options):
    """Measures cell by cell; what is measured is written at once."""
    comparison = Comparison(options)
    rows, columns = choose(options)
    results = {"setup": comparison.versions(rows[0]), "rows": []}
    for row in rows:
        macs = json.loads(comparison.net(row).read_text())["macs_per_pixel"]
        entry = {"net": row.net, "weights": row.weights, "shape": row.shape, "macs_per_pixel": macs}
        results["rows"].append(entry)
        for task in options.tasks:
            if task == "memory":
                entry["memory"] = comparison.memory(row)
                told = entry["memory"]
                report(results, options.out, f"{row.name} memory: {table.cell_text(told)}")
                continue
            entry[task] = {}
            for column in columns:
                if task in column.tasks:
                    told = entry[task][column.name] = comparison.cell(row, task, column)
                    report(results, options.out, f"{row.name} {task} {column.name}: {table.cell_text(told)}")
    print()
    print(table.text(results))


def report(results, out, line):
    """Tells of one more cell, and writes all there are."""
    print(line, file=sys.stderr, flush=True)
    for name, text in (("results.json", json.dumps(results, indent=1)), ("results.md", table.text(results))):
        part = out / f"{name}.part"
        part.write_text(text)
        part.replace(out / name)


def words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one image of 512x672 only, fewer and shorter rounds"
    )
    parser.add_argument("--nets", type=words, default=NETS, help="default: " + ",".join(NETS))
    parser.add_argument(
        "--weights",
        type=lambda text: [int(word) for word in words(text)],
        default=WEIGHTS,
        help="default: 30000,120000",
    )
    parser.add_argument("--shapes", type=words, help="NxHxW,... [default: " + ",".join(SHAPES) + "]")
    parser.add_argument("--columns", type=words, default=list(BY_NAME), help="default: " + ",".join(BY_NAME))
    parser.add_argument(
        "--tasks",
        type=words,
        default=["training", "memory", "inference"],
        help="default: training,memory,inference",
    )
    parser.add_argument("--rounds", type=int, help="pairs for each ratio [default: 9]")
    parser.add_argument("--seconds", type=float, help="length of a turn, about [default: 0.5]")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="of every program [default: all cores]"
    )
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: time on a core, for one thread on a machine that others keep busy [default: wall]",
    )
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds until a silent worker is given up [default: 600]"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE / "out",
        help="folder for results.json and results.md [default: bench/out]",
    )
    parser.add_argument("--foci", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    normal = {"shapes": SHAPES, "rounds": 9, "seconds": 0.5}
    for name, value in (normal | (QUICK if options.quick else {})).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.clock == "cpu" and options.threads != 1:
        parser.error(
            "--clock cpu needs --threads 1: threads that wait for each other also use up time on cores"
        )
    unknown = [name for name in options.columns if name not in BY_NAME]
    if unknown:
        parser.error(
            f"no such column: {', '.join(unknown)}; there are {', '.join(column.name for column in COLUMNS)}"
        )
    given = sys.argv[1:]
    options.command = " ".join(["bench/run"] + given[: given.index("--foci")])
    return options


if __name__ == "__main__":
    # An end from outside shall also end the workers, some of which are halted at any moment.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run(arguments())
