"""Trains StarDist on the training images of a data folder, chooses its thresholds on the validation images, and writes label
images of the test images, to be measured by `foci evaluate` beside foci's own.

Started by bench/train-stardist; see README.md. The net is that of StarDist's own example (32 rays, a grid of 2 x 2), the batches
its default (four patches of 256 x 256), and so are augmentation (mirrors, quarter turns, gain, offset, noise) and learning rate. That falls
along a cosine over the minutes, because the rule that it comes with would not fall once in so few steps.
"""

import argparse
import csv
import math
import os
import time
from pathlib import Path

BEGIN = time.monotonic()
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tifffile  # noqa: E402
from picture import read  # noqa: E402
from PIL import Image  # noqa: E402
from stardist.models import Config2D, StarDist2D  # noqa: E402


def minutes():
    """Since the start, imports included."""
    return (time.monotonic() - BEGIN) / 60


def images(data, split):
    """Names, images with their 1st and 99.8th percentile at 0 and 1, and labels of a split."""
    with open(data / "images.csv", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file) if row["split"] == split]
    planes = [read(path)[1] for path in files(data / "images", names)]
    return names, planes, [labels(path) for path in files(data / "masks", names)]


def files(folder, names):
    """The file of each name, whatever its ending."""
    found = {}
    for path in folder.iterdir():
        found.setdefault(path.stem, []).append(path)
    for name in names:
        if len(found.get(name, [])) != 1:
            raise SystemExit(f"{folder} has {len(found.get(name, []))} files for {name}; one is needed")
    return [found[name][0] for name in names]


def labels(path):
    pixels = tifffile.imread(path) if path.suffix.startswith(".tif") else np.asarray(Image.open(path))
    return pixels.astype(np.int32)


def augment(x, y):
    """Another view of an image and its labels, as StarDist's example makes them."""
    turns, mirrored = np.random.randint(4), np.random.rand() < 0.5
    x, y = (np.rot90(values, turns) for values in (x, y))
    if mirrored:
        x, y = x[:, ::-1], y[:, ::-1]
    x = x * np.random.uniform(0.6, 2.0) + np.random.uniform(-0.2, 0.2)
    return x + 0.02 * np.random.rand() * np.random.normal(size=x.shape), y


class ForMinutes(tf.keras.callbacks.Callback):
    """Ends the training after so many minutes; until then the learning rate falls along half a cosine."""

    def __init__(self, limit):
        super().__init__()
        self.limit, self.steps, self.begin = limit, 0, minutes()

    def on_train_batch_begin(self, batch, logs=None):
        if self.steps == 0:
            self.first = float(self.model.optimizer.learning_rate)
        done = (minutes() - self.begin) / (self.limit - self.begin)
        self.model.optimizer.learning_rate = self.first * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if minutes() >= self.limit:
            self.model.stop_training = True


def main():
    parser = argparse.ArgumentParser(prog="bench/train-stardist", description=__doc__)
    parser.add_argument("data", type=Path, help="a data folder with images, masks and images.csv with splits")
    parser.add_argument("out", type=Path, help="where the label images go")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.keras.utils.set_random_seed(options.seed)

    _, x, y = images(options.data, "train")
    _, x_val, y_val = images(options.data, "val")
    config = Config2D(n_rays=32, grid=(2, 2), train_tensorboard=False, train_reduce_lr=None)
    model = StarDist2D(config, name="model", basedir=str(options.out))
    model.prepare_for_training()
    clock = ForMinutes(options.minutes)
    model.callbacks.append(clock)
    # The last epoch ends with a look at the validation images; what it takes is not counted, in StarDist's favour.
    model.train(x, y, validation_data=(x_val, y_val), augmenter=augment, seed=options.seed, epochs=100_000)
    print(f"{clock.steps} steps, {minutes():.1f} minutes from the start, images read and the last validation included")
    model.optimize_thresholds(x_val, y_val)
    print(f"{minutes():.1f} minutes with the choice of thresholds")

    found = options.out / "found"
    found.mkdir(parents=True, exist_ok=True)
    names, x_test, _ = images(options.data, "test")
    begin = minutes()
    for name, plane in zip(names, x_test):
        tifffile.imwrite(found / f"{name}.tif", model.predict_instances(plane)[0].astype(np.uint32))
    megapixels = sum(plane.size for plane in x_test) / 1e6
    print(f"{len(names)} test images outlined, {megapixels / (minutes() - begin) / 60:.2f} megapixels a second")


if __name__ == "__main__":
    main()
