"""Golden values for the measures of label images, from StarDist, SciPy and scikit-image.

    python make_labels.py > labels.json   (numpy 2.4, scipy 1.17, scikit-image 0.26, stardist 0.9.2)

StarDist needs no TensorFlow for its `matching`: `pip install --no-deps stardist csbdeep`, and numba and tqdm, which it imports.
Label images are made here with a fixed seed and stored as runs. What no library offers (aggregated Jaccard index, pairs of
pixels, errors and distances of Coelho et al. 2009) is written here from its definition: with masks, and pair by pair.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial import distance
from skimage import measure
from skimage.metrics import contingency_table
from skimage.segmentation import find_boundaries


def stardist_matching():
    """The module `stardist.matching` without its package, which would import TensorFlow."""
    for name in ("stardist", "csbdeep"):
        folder = Path(importlib.util.find_spec(name).origin).parent
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    utils = types.ModuleType("csbdeep.utils")

    def _raise(error):
        raise error

    utils._raise = _raise
    sys.modules["csbdeep.utils"] = utils
    import stardist.matching

    return stardist.matching


MATCHING = stardist_matching()
THRESHOLDS = [k / 20 for k in range(10, 20)]
TOLERANCE = 2.0


def discs(random, width, height, count, jitter=0.0, scale=1.0, places=None):
    """Discs of 3 to 8 pixels that may cover each other; where places are given, the same ones, moved and scaled."""
    y, x = np.mgrid[0:height, 0:width]
    labels = np.zeros((height, width), np.int64)
    if places is None:
        places = [(random.uniform(0, width), random.uniform(0, height), random.uniform(3, 8)) for _ in range(count)]
    for number, (cx, cy, r) in enumerate(places, 1):
        cx, cy = cx + random.normal(0, jitter), cy + random.normal(0, jitter)
        labels[(x - cx) ** 2 + (y - cy) ** 2 <= (r * scale * random.uniform(1 - jitter / 10, 1 + jitter / 10)) ** 2] = number
    return labels, places


def cases():
    random = np.random.default_rng(5)
    truth, places = discs(random, 56, 44, 14)
    near, _ = discs(random, 56, 44, 14, 1.0, places=places)
    far, _ = discs(random, 56, 44, 14, 2.5, places=places[:10])
    # Numbers with gaps, too large for 16 bits.
    yield "near, with gaps", truth * 3, np.where(near > 0, near * 5000 + 60000, 0)
    yield "far", truth, far
    # Cut through: halves, quarters and joined neighbours make IoU of exactly 1/2 in both directions.
    halves = np.zeros((16, 30), np.int64)
    parts = np.zeros((16, 30), np.int64)
    halves[2:8, 2:8], parts[2:8, 2:5], parts[2:8, 5:8] = 1, 1, 2
    halves[2:8, 10:13], halves[2:8, 13:16], parts[2:8, 10:16] = 2, 3, 3
    halves[9:15, 2:8], parts[9:15, 4:10] = 4, 4
    halves[9:15, 12:18], parts[9:12, 12:18], parts[12:15, 12:15], parts[12:15, 15:18] = 5, 5, 6, 7
    halves[4:14, 20:29], parts[5:14, 20:29] = 6, 8
    yield "halves", halves, parts
    # Blocks of noise: objects that are not connected, many overlaps of all sizes.
    blocks = lambda: np.kron(random.integers(0, 5, (5, 7)), np.ones((4, 4), np.int64))
    noise = blocks()
    yield "blocks", noise, np.where(random.random(noise.shape) < 0.25, np.roll(noise, 2, 1), noise)
    yield "nothing found", truth[:20, :24], np.zeros((20, 24), np.int64)
    yield "nothing there", np.zeros((20, 24), np.int64), truth[:20, :24]
    yield "nothing at all", np.zeros((6, 7), np.int64), np.zeros((6, 7), np.int64)


def runs(image):
    flat = image.ravel()
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    return [[int(flat[s]), int(n)] for s, n in zip(starts, np.diff(np.r_[starts, len(flat)]))]


def matches(truth, predicted):
    found = []
    for threshold in THRESHOLDS:
        m = MATCHING.matching(truth, predicted, thresh=threshold)
        counts = [int(m.tp), int(m.fp), int(m.fn)]
        found.append(counts + [float(v) for v in (m.accuracy, m.precision, m.recall, m.f1, m.panoptic_quality)])
    return found


def numbers(image):
    return [int(v) for v in np.unique(image) if v]


def aggregated_jaccard(truth, predicted):
    shared = united = 0
    taken = set()
    for t in numbers(truth):
        mask = truth == t
        partners = [(np.sum(mask & (predicted == p)) / np.sum(mask | (predicted == p)), -p) for p in numbers(predicted)]
        iou, p = max(partners, default=(0, 0))
        if iou == 0:
            united += mask.sum()
        else:
            taken.add(-p)
            shared += np.sum(mask & (predicted == -p))
            united += np.sum(mask | (predicted == -p))
    united += sum(np.sum(predicted == p) for p in numbers(predicted) if p not in taken)
    return float(shared / united) if united else None


def boundary_f(truth, predicted):
    a, b = (find_boundaries(image, connectivity=1, mode="inner") for image in (truth, predicted))
    if not a.any() or not b.any():
        return None
    precision = np.mean(ndimage.distance_transform_edt(~a)[b] <= TOLERANCE)
    recall = np.mean(ndimage.distance_transform_edt(~b)[a] <= TOLERANCE)
    return float(2 * precision * recall / (precision + recall))


def pixel_pairs(truth, predicted):
    """a, b, c and d, pair by pair."""
    above = np.triu_indices(truth.size, 1)
    t, p = (image.ravel()[above[0]] == image.ravel()[above[1]] for image in (truth, predicted))
    return [int(n) for n in ((t & p).sum(), (~t & p).sum(), (t & ~p).sum(), (~t & ~p).sum())]


def partners(image, other):
    """For each object of an image the label of the other with which it shares most pixels, the first of equals."""
    table = contingency_table(other, image).toarray()
    return {label: int(table[:, label].argmax()) for label in numbers(image)}


def errors(truth, predicted):
    to_truth, to_predicted = partners(predicted, truth), partners(truth, predicted)
    several = lambda assigned, labels: sum(list(assigned.values()).count(label) > 1 for label in labels)
    none = lambda assigned: list(assigned.values()).count(0)
    return [several(to_truth, numbers(truth)), several(to_predicted, numbers(predicted)), none(to_truth), none(to_predicted)]


def outlines(truth, predicted):
    farthest, sums = [], []
    for label, partner in partners(predicted, truth).items():
        if partner == 0:
            sums.append(1.0)
            continue
        s, r = predicted == label, truth == partner
        away = np.maximum(ndimage.distance_transform_edt(r), ndimage.distance_transform_edt(~r))
        farthest.append(float(away[s != r].max(initial=0)))
        sums.append(float(away[s != r].sum() / away[s | r].sum()))
    return [float(np.mean(farthest)) if farthest else None, float(np.mean(sums)) if sums else None]


def shapes(labels):
    """Label, area, centroid (x, y), perimeter and eccentricity of each object; the column is its brightness."""
    brightness = np.broadcast_to(np.arange(labels.shape[1], dtype=float), labels.shape)
    regions = measure.regionprops(labels, brightness)
    return [
        [r.label, int(r.area), r.centroid[1], r.centroid[0], r.perimeter, r.eccentricity, r.intensity_mean]
        for r in regions
    ]


def case(name, truth, predicted):
    t, p = truth.ravel() > 0, predicted.ravel() > 0
    either = bool((t | p).any())
    return {
        "name": name,
        "width": truth.shape[1],
        "truth": runs(truth),
        "predicted": runs(predicted),
        "matches": matches(truth, predicted),
        "dice": 1 - float(distance.dice(t, p)) if either else None,
        "iou": 1 - float(distance.jaccard(t, p)) if either else None,
        "aggregated_jaccard": aggregated_jaccard(truth, predicted),
        "boundary_f": boundary_f(truth, predicted),
        "pairs": pixel_pairs(truth, predicted),
        "errors": errors(truth, predicted),
        "outlines": outlines(truth, predicted),
        "shapes": shapes(truth),
        "distance_from_truth": [round(float(v) ** 2) for v in ndimage.distance_transform_edt(truth == 0).ravel()[::7]],
    }


print(json.dumps({"cases": [case(*c) for c in cases()]}, separators=(",", ":")))
