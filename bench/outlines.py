"""Times the whole way from image files to outlined objects: foci, and PyTorch with scikit-image for the same net.

Started by bench/outlines; see README.md. What is timed is said by the functions: `foci` is a whole process, `pytorch` works
in a process that has everything loaded and has seen the images once, `Alone` are nets alone, each in a process of its own.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
import torch
from outlines_alone import NETS
from picture import read
from PIL import Image
from skimage.feature import peak_local_max
from skimage.filters import gaussian
from skimage.measure import label, regionprops_table
from skimage.morphology import remove_small_objects
from skimage.segmentation import find_boundaries, watershed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from foci_torch import FociNet  # noqa: E402

COLUMNS = ["label", "area", "centroid", "perimeter", "eccentricity", "solidity", "mean_intensity"]


class Watch:
    """Adds up seconds by name."""

    def __init__(self):
        self.seconds = {}

    def time(self, name, work):
        begin = time.perf_counter()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
        return result


def objects(maps, smallest):
    """Objects from maps of background, inside and contact, and depth, as foci makes them, but with the peaks of scikit-image."""
    background, inside, contact, depth = maps
    largest = np.maximum(inside, contact)
    foreground = np.exp(inside - largest) + np.exp(contact - largest) > np.exp(background - largest)
    height = 0.5 * (np.clip(depth, 0, 1) + 1 / (1 + np.exp(contact - inside))) * foreground
    height = gaussian(height, 1.4)
    peaks = peak_local_max(height, min_distance=5, labels=label(foreground))
    seeds = np.zeros(height.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return remove_small_objects(watershed(-height, seeds, mask=foreground), max_size=smallest - 1)


def write(folder, name, grey, labels):
    """What foci writes: label image, picture with outlines, table."""
    tifffile.imwrite(folder / f"{name}.tif", labels.astype(np.uint32))
    light = np.clip(grey / max(float(grey.max()), 1.0) * 255, 0, 255).astype(np.uint8)
    picture = np.repeat(light[..., None], 3, axis=2)
    picture[find_boundaries(labels)] = (255, 190, 40)
    Image.fromarray(picture).save(folder / f"{name}.png", compress_level=1)
    table = regionprops_table(labels, grey, properties=COLUMNS)
    with open(folder / f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values()))


def pytorch(net, images, smallest):
    """Seconds of each part, and the number of objects."""
    watch, count = Watch(), 0
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for path in images:
            grey, scaled = watch.time("reading", lambda: read(path))
            x = torch.from_numpy(scaled)[None, None].contiguous(memory_format=torch.channels_last)
            maps = watch.time("net", lambda: net(x)[0].numpy())
            labels = watch.time("objects", lambda: objects(maps, smallest))
            watch.time("writing", lambda: write(Path(folder), path.stem, grey, labels))
            count += len(np.unique(labels)) - 1
    return watch.seconds, count


def foci(program, model, folder, threads):
    """Seconds of the whole process, and the number of objects."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        command = [program, "predict", model, folder, "--threads", str(threads), "--out", out]
        begin = time.perf_counter()
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        tables = (out / "objects").glob("*.csv")
        return seconds, sum(len(table.read_text().splitlines()) - 1 for table in tables)


class Alone:
    """A net alone, in a process of its own (outlines_alone.py), which computes when it is asked and waits otherwise."""

    def __init__(self, net, folder, threads):
        self.name = NETS[net][1]
        script = Path(__file__).with_name("outlines_alone.py")
        command = [sys.executable, str(script), net, str(folder), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.megapixels = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} has ended before its answer; what it said stands above")
        return float(line)

    def seconds(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.answer()


def main():
    parser = argparse.ArgumentParser(prog="bench/outlines", description=__doc__)
    parser.add_argument("model", type=Path, help="a model that foci train --task instances has written")
    parser.add_argument("images", type=Path, help="a folder of images")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--beside", nargs="*", choices=list(NETS), default=[], help="nets alone to time in the same turns")
    parser.add_argument("--foci", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = sorted(path for path in options.images.iterdir() if path.is_file())
    megapixels = sum(np.prod(Image.open(path).size) for path in images) / 1e6
    net = FociNet.from_model(options.model).to(memory_format=torch.channels_last).eval()
    smallest = json.loads((options.model / "recipe.json").read_text())["objects"]["smallest"]
    beside = [Alone(name, options.images, options.threads) for name in options.beside]

    # By name: megapixels, and seconds of all rounds.
    rows, counts = {}, {}

    def note(name, seconds, size=megapixels):
        rows.setdefault(name, (size, []))[1].append(seconds)

    for number in range(options.rounds + 1):
        whole, counts["foci"] = foci(options.foci, options.model, options.images, options.threads)
        parts, counts["PyTorch and scikit-image"] = pytorch(net, images, smallest)
        taken = [(alone, alone.seconds()) for alone in beside]
        if number == 0:
            continue  # the first turn reads files and compiles what is compiled when first used
        note("foci, all included", whole)
        note("PyTorch and scikit-image, all included", sum(parts.values()))
        for part, seconds in parts.items():
            note(f"  of it {part}", seconds)
        for alone, seconds in taken:
            note(alone.name, seconds, alone.megapixels)
    print(f"{len(images)} images, {megapixels:.2f} megapixels, {options.threads} threads, {options.rounds} rounds in turns")
    print("objects: " + ", ".join(f"{count} by {name}" for name, count in counts.items()))
    print(f"\n{'':42}{'megapixels/s':>14}{'seconds, median':>18}{'least':>8}{'most':>8}")
    for name, (size, seconds) in rows.items():
        median = statistics.median(seconds)
        print(f"{name:42}{size / median:14.3g}{median:18.2f}{min(seconds):8.2f}{max(seconds):8.2f}")


if __name__ == "__main__":
    main()
