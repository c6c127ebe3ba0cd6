"""The table of Coelho, Shariff and Murphy (ISBI 2009) once more, with SciPy and scikit-image instead of foci.

    python tools/coelho2009.py ../shared/data/coelho2009                       (segments and scores, every reading)
    python tools/coelho2009.py ../shared/data/coelho2009 --pred FOLDER         (scores label images of FOLDER)

numpy 2.4, scipy 1.17, scikit-image 0.26. It shares no line with foci, so where both print the same cell, both are right or
both wrong in the same way. What the paper leaves open is a reading here: each is computed, and the cells say which of them
the published ones come from. docs/results/coelho2009.md tells what came out.
"""

import argparse
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage import io
from skimage.filters import threshold_otsu
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

COLLECTIONS = {"U2OS": "gnf-", "NIH3T3": "ic100-"}
CROSS = ndimage.generate_binary_structure(2, 1)


def ridler_calvard(image):
    """The lowest grey level that is no less than the mean of the means on its two sides."""
    counts = np.bincount(image.ravel()).astype(float)
    levels = np.arange(len(counts))
    below, sum_below = np.cumsum(counts), np.cumsum(counts * levels)
    t = 0
    result = float(len(counts) - 1)
    while t < min(len(counts) - 1, result):
        low = sum_below[t] / below[t] if below[t] else 0.0
        high = (sum_below[-1] - sum_below[t]) / (below[-1] - below[t])
        result = (low + high) / 2
        t += 1
    return result


THRESHOLDS = {"otsu": threshold_otsu, "ridler-calvard": ridler_calvard, "mean-threshold": np.mean}


def without_small(labels, smallest):
    keep = np.bincount(labels.ravel()) >= smallest
    keep[0] = False
    numbers = np.zeros(len(keep), int)
    numbers[keep] = np.arange(1, keep.sum() + 1)
    return numbers[labels]


def by_threshold(image, method, sigma=0.0, majority=5, smallest=2500):
    if sigma:
        image = ndimage.gaussian_filter(image, sigma)
    mask = image > THRESHOLDS[method](image)
    if majority:
        count = ndimage.convolve(mask.astype(int), np.ones((majority, majority), int), mode="constant")
        mask = count > majority**2 / 2
    labels, _ = ndimage.label(mask, CROSS)
    return without_small(labels, smallest)


def by_watershed(image, relief, sigma=12.0, threshold="mean-threshold", smallest=2500, inverted=False):
    smooth = ndimage.gaussian_filter(image, sigma)
    seeds, _ = ndimage.label(local_maxima(smooth, connectivity=1), CROSS)
    height = image.astype(int)
    if relief == "gradient":
        height = ndimage.grey_dilation(height, footprint=CROSS) - ndimage.grey_erosion(height, footprint=CROSS)
    if relief == "direct" or inverted:
        height = height.max() - height
    labels = watershed(height, seeds, connectivity=1)
    if threshold:
        labels = np.where(smooth >= THRESHOLDS[threshold](smooth), labels, 0)
    return without_small(labels, smallest)


SEGMENTATIONS = {
    "ridler-calvard": lambda i: by_threshold(i, "ridler-calvard"),
    "ridler-calvard, no majority filter": lambda i: by_threshold(i, "ridler-calvard", majority=0),
    "ridler-calvard, sigma 5": lambda i: by_threshold(i, "ridler-calvard", sigma=5),
    "otsu": lambda i: by_threshold(i, "otsu"),
    "otsu, no majority filter": lambda i: by_threshold(i, "otsu", majority=0),
    "otsu, sigma 5": lambda i: by_threshold(i, "otsu", sigma=5),
    "mean-threshold": lambda i: by_threshold(i, "mean-threshold"),
    "mean-threshold, no majority filter": lambda i: by_threshold(i, "mean-threshold", majority=0),
    "mean-threshold, sigma 5": lambda i: by_threshold(i, "mean-threshold", sigma=5),
    "watershed": lambda i: by_watershed(i, "direct"),
    "watershed, otsu": lambda i: by_watershed(i, "direct", threshold="otsu"),
    "watershed, no threshold": lambda i: by_watershed(i, "direct", threshold=None),
    "watershed, sigma 6": lambda i: by_watershed(i, "direct", sigma=6),
    "watershed-gradient": lambda i: by_watershed(i, "gradient"),
    "watershed-gradient, steep first": lambda i: by_watershed(i, "gradient", inverted=True),
    "watershed-gradient, otsu": lambda i: by_watershed(i, "gradient", threshold="otsu"),
}


def largest_overlap(joint):
    """For each column the row that it shares most pixels with, the first of equals."""
    return joint.argmax(0)


def several(assigned, first_bin=0, last_bins_joined=False):
    """How many values are assigned more than once; joined, the two largest values count as one, as in numpy.histogram
    when the last edge is the largest value."""
    if not len(assigned):
        return 0
    counts = np.bincount(assigned)
    if last_bins_joined:
        counts = np.histogram(assigned, np.arange(assigned.max() + 1))[0] if assigned.max() else np.zeros(0)
    return int((counts[first_bin:] > 1).sum())


def distances(mask):
    """Of each pixel from the other side of the object's border."""
    framed = np.pad(mask, 1)
    inside = ndimage.distance_transform_edt(framed)[1:-1, 1:-1] if mask.all() else ndimage.distance_transform_edt(mask)
    return np.maximum(inside, ndimage.distance_transform_edt(~mask))


def score(truth, predicted):
    """All measures of a pair of label images: as foci defines them, then what the published program counts differently."""
    rows, columns = truth.max() + 1, predicted.max() + 1
    joint = np.bincount(truth.ravel() * columns + predicted.ravel(), minlength=rows * columns).reshape(rows, columns)
    pairs = lambda counts: float((counts.astype(float) * (counts - 1) / 2).sum())
    together, n = pairs(joint), truth.size
    b, c = pairs(joint.sum(0)) - together, pairs(joint.sum(1)) - together
    d = n * (n - 1) / 2 - together - b - c
    by_predicted, by_true = largest_overlap(joint), largest_overlap(joint.T)
    sums, sums_cropped, farthest, farthest_cropped = [], [], [], []
    for label in range(1, columns):
        partner = by_predicted[label]
        if partner == 0:
            sums.append(1.0)
            sums_cropped.append(1.0)
            continue
        s, r = predicted == label, truth == partner
        where = np.nonzero(s | r)
        top, left = where[0].min(), where[1].min()
        bottom, right = where[0].max() + 1, where[1].max() + 1
        for margin, sum_list, far_list in ((1, sums, farthest), (0, sums_cropped, farthest_cropped)):
            part = np.s_[max(top - margin, 0) : bottom + margin, max(left - margin, 0) : right + margin]
            away = distances(r[part])
            wrong, either = s[part] != r[part], s[part] | r[part]
            sum_list.append(away[wrong].sum() / away[either].sum())
            far_list.append((away * wrong).max())
    mean = lambda values, otherwise: float(np.mean(values)) if values else otherwise
    return {
        "Rand %": 100 * (together + d) / (n * (n - 1) / 2),
        "Jaccard": (together + d) / (b + c + d),
        "Hausdorff": mean(farthest, 128.0),
        "NSD x10": 10 * mean(sums, 1.0),
        "Split": several(by_predicted[1:], 1),
        "Merged": several(by_true[1:], 1),
        "Spurious": int((by_predicted[1:] == 0).sum()),
        "Missing": int((by_true[1:] == 0).sum()),
        "Hausdorff, cropped": mean(farthest_cropped, 128.0),
        "NSD x10, cropped": 10 * mean(sums_cropped, 1.0),
        "Split, with background": several(by_predicted, 0),
        "Split, program": several(by_predicted, 0, True),
        "Merged, program": several(by_true, 2, True),
        "Merged, from 2": several(by_true, 2),
    }


def one(job):
    image, mask, predicted, names = job
    truth = io.imread(mask).astype(int)
    if predicted is not None:
        return {"predicted": score(truth, io.imread(predicted).astype(int))}
    field = io.imread(image)
    return {name: score(truth, SEGMENTATIONS[name](field)) for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pred", type=Path)
    parser.add_argument("--only", default="", help="readings whose name holds this")
    flags = parser.parse_args()
    names = [name for name in SEGMENTATIONS if flags.only in name]
    tables = {}
    for collection, prefix in COLLECTIONS.items():
        masks = sorted((flags.data / "masks").glob(f"{prefix}*.png"))
        jobs = [(flags.data / "images" / m.name, m, flags.pred and flags.pred / f"{m.stem}.tif", names) for m in masks]
        with Pool(2) as pool:
            scores = pool.map(one, jobs, chunksize=2)
        tables[collection] = {n: {k: np.mean([s[n][k] for s in scores]) for k in scores[0][n]} for n in scores[0]}
    for name in next(iter(tables.values())):
        print(name)
        for key in tables["U2OS"][name]:
            print(f"    {key:26}" + " / ".join(f"{tables[c][name][key]:8.2f}" for c in COLLECTIONS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
