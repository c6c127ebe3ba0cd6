"""A net alone, in a process of its own: for each line on its input it computes all images once and answers with the seconds.

Started by outlines.py, which asks in turns with everything else; libraries that do not load into one process run side by side
so, but never at the same time. Weights have learnt nothing, as trained ones need a download: how long a net computes does
not depend on them.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
from picture import read

# What Cellpose's net is shown at a time: the side of its tiles in pixels, and how many of them, as each takes seconds.
TILE, TILES = 256, 2


# Each of the following gives: what the net is shown of an image, the net, the pixels in that, and how many images it is asked
# for (all, if None).


def stardist(threads):
    """StarDist's default net on whole images."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow
    from stardist.models import Config2D, StarDist2D

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    net = StarDist2D(Config2D(), name=None, basedir=None).keras_model

    def prepared(image):
        # Sides must be multiples of 16.
        pad = [(0, -side % 16) for side in image.shape]
        return np.pad(image, pad, mode="reflect")[None, ..., None]

    return prepared, lambda x: net(x, training=False), lambda image: image.size, None


def cellpose(threads):
    """Cellpose 4's net on a few tiles. The tiles of a whole image overlap; here they do not, in its favour."""
    import torch
    from cellpose.vit import CPSAM

    torch.set_num_threads(threads)
    net = CPSAM().eval()

    def prepared(image):
        tile = image[:TILE, :TILE]
        tile = np.pad(tile, [(0, TILE - side) for side in tile.shape], mode="wrap")
        return torch.from_numpy(tile).expand(1, 3, TILE, TILE).contiguous()

    def compute(x):
        with torch.inference_mode():
            net(x)

    return prepared, compute, lambda _: TILE * TILE, TILES


# What each is called in the table.
NETS = {
    "stardist": (stardist, "StarDist's default net alone"),
    "cellpose": (cellpose, "Cellpose 4's net alone, two tiles"),
}


def main():
    name, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    # What libraries say while they load must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    prepared, compute, pixels, most = NETS[name][0](threads)
    paths = sorted(path for path in folder.iterdir() if path.is_file())[:most]
    images = [read(path)[1] for path in paths]
    inputs = [prepared(image) for image in images]
    print(sum(pixels(image) for image in images) / 1e6, file=answers, flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        for x in inputs:
            compute(x)
        print(time.perf_counter() - begin, file=answers, flush=True)


if __name__ == "__main__":
    main()
