"""The table of Coelho, Shariff and Murphy (ISBI 2009) once more, with SciPy and scikit-image instead of foci.

    python tools/coelho2009.py ../shared/data/coelho2009                       (segments and scores, every reading)
    python tools/coelho2009.py ../shared/data/coelho2009 --pred FOLDER         (scores label images of FOLDER)
    python tools/coelho2009.py ../shared/data/coelho2009 --evaluated FILE      (cells from `foci evaluate --json`)

numpy 2.4, scipy 1.17, scikit-image 0.26. It shares no line with foci, so where both print the same cell, both are right or
both wrong in the same way. What the paper leaves open is a reading here: each is computed, and the cells say which of them
the published ones come from. docs/results/coelho2009.md tells what came out.
"""

import argparse
import json
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


def ridler_calvard(image, start="mean"):
    """The middle between the means of the two classes that it makes: the lowest, the highest, or the one that is reached
    from the mean of the image."""
    if start == "above":
        return image.max() - ridler_calvard(image.max() - image, "below")
    counts = np.bincount(image.ravel()).astype(float)
    below, sum_below = np.cumsum(counts), np.cumsum(counts * np.arange(len(counts)))
    middle = lambda t: (sum_below[t] / below[t] + (sum_below[-1] - sum_below[t]) / (below[-1] - below[t])) / 2
    if start == "below":
        t = int(image.min())
        while t < middle(t):
            t += 1
        return t
    t, last = image.mean(), None
    while t != last:
        t, last = middle(int(t)), t
    return t


THRESHOLDS = {
    "otsu": threshold_otsu,
    "ridler-calvard": ridler_calvard,
    "ridler-calvard from below": lambda image: ridler_calvard(image, "below"),
    "ridler-calvard from above": lambda image: ridler_calvard(image, "above"),
    "mean-threshold": np.mean,
}


def without_small(labels, smallest):
    keep = np.bincount(labels.ravel()) >= smallest
    keep[0] = False
    numbers = np.zeros(len(keep), int)
    numbers[keep] = np.arange(1, keep.sum() + 1)
    return numbers[labels]


def by_threshold(image, method, sigma=0.0, majority=5, smallest=2500, frame=0):
    if sigma:
        image = ndimage.gaussian_filter(image, sigma)
    mask = image > THRESHOLDS[method](image)
    if majority:
        count = ndimage.convolve(mask.astype(int), np.ones((majority, majority), int), mode="constant")
        mask = count > majority**2 / 2
    if frame:
        mask[:frame] = mask[-frame:] = mask[:, :frame] = mask[:, -frame:] = False
    labels, _ = ndimage.label(mask, CROSS)
    return without_small(labels, smallest)


def by_watershed(image, relief, sigma=12.0, threshold="mean-threshold", smallest=2500, steep_first=False, rounded=False):
    # SciPy gives back what it gets: of 8-bit counts, 8-bit counts, cut off after either direction.
    smooth = ndimage.gaussian_filter(image.astype(np.float32) if rounded else image, sigma)
    seeds, _ = ndimage.label(local_maxima(np.round(smooth), connectivity=1), CROSS)
    height = image.astype(int)
    if relief == "gradient":
        height = ndimage.grey_dilation(height, footprint=CROSS) - ndimage.grey_erosion(height, footprint=CROSS)
    if relief == "direct" or steep_first:
        height = height.max() - height
    labels = watershed(height, seeds, connectivity=1)
    if threshold:
        labels = np.where(smooth >= THRESHOLDS[threshold](smooth), labels, 0)
    return without_small(labels, smallest)


# "foci" is the reading that foci has; "published" the one that comes closest to the published cells.
SEGMENTATIONS = {
    "watershed: foci": lambda i: by_watershed(i, "direct", rounded=True),
    "watershed: published, seeds cut off to 8 bits": lambda i: by_watershed(i, "direct"),
    "watershed: above Otsu's threshold": lambda i: by_watershed(i, "direct", threshold="otsu"),
    "watershed: without a threshold": lambda i: by_watershed(i, "direct", threshold=None),
    "watershed: sigma 6": lambda i: by_watershed(i, "direct", sigma=6),
    "watershed-gradient: foci": lambda i: by_watershed(i, "gradient", rounded=True),
    "watershed-gradient: published, steep first": lambda i: by_watershed(i, "gradient", steep_first=True),
    "watershed-gradient: seeds cut off to 8 bits": lambda i: by_watershed(i, "gradient"),
    "watershed-gradient: above Otsu's threshold": lambda i: by_watershed(i, "gradient", threshold="otsu"),
}
for _method in ("ridler-calvard", "otsu", "mean-threshold"):
    SEGMENTATIONS |= {
        f"{_method}: foci": lambda i, m=_method: by_threshold(i, m),
        f"{_method}: published, nothing within 2 pixels of the edge": lambda i, m=_method: by_threshold(i, m, frame=2),
        f"{_method}: no majority filter": lambda i, m=_method: by_threshold(i, m, majority=0),
        f"{_method}: smoothed with sigma 5": lambda i, m=_method: by_threshold(i, m, sigma=5),
    }
for _start in ("below", "above"):
    _name = f"ridler-calvard from {_start}"
    SEGMENTATIONS[_name] = lambda i, m=_name: by_threshold(i, m)


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


FOCI_KEYS = {
    "Rand %": ("rand", 100),
    "Jaccard": ("pair_jaccard", 1),
    "Hausdorff": ("hausdorff", 1),
    "NSD x10": ("normalised_sum_of_distances", 10),
    "Split": ("split", 1),
    "Merged": ("merged", 1),
    "Spurious": ("spurious", 1),
    "Missing": ("missing", 1),
    "AP at IoU 0.5": ("ap_50", 1),
    "mean AP": ("mean_ap", 1),
}


def cells_of_foci(file):
    """The cells of each collection from what `foci evaluate --json` printed."""
    images = json.loads(file.read_text())["images"]
    scores = [[i["metrics"] for i in images if i["name"].startswith(prefix)] for prefix in COLLECTIONS.values()]
    for title, (key, scale) in FOCI_KEYS.items():
        cells = [scale * np.mean([s[key] for s in collection]) for collection in scores]
        print(f"    {title:26}" + " / ".join(f"{cell:8.2f}" for cell in cells))


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
    parser.add_argument("--evaluated", type=Path)
    parser.add_argument("--fold", type=int, help="only fields of which the number leaves this rest when divided by 5")
    parser.add_argument("--only", default="", help="readings whose name holds this")
    flags = parser.parse_args()
    if flags.evaluated:
        return cells_of_foci(flags.evaluated)
    names = [name for name in SEGMENTATIONS if flags.only in name]
    tables = {}
    for collection, prefix in COLLECTIONS.items():
        masks = sorted((flags.data / "masks").glob(f"{prefix}*.png"))
        masks = [m for m in masks if flags.fold is None or int(m.stem[len(prefix) :]) % 5 == flags.fold]
        jobs = [(flags.data / "images" / m.name, m, flags.pred and flags.pred / f"{m.stem}.tif", names) for m in masks]
        with Pool(2) as pool:
            scores = pool.map(one, jobs, chunksize=2)
        tables[collection] = {n: {k: np.mean([s[n][k] for s in scores]) for k in scores[0][n]} for n in scores[0]}
    for name in next(iter(tables.values())):
        print(name)
        for key in tables["U2OS"][name]:
            print(f"    {key:26}" + " / ".join(f"{tables[c][name][key]:8.2f}" for c in COLLECTIONS))


if __name__ == "__main__":
    main()
