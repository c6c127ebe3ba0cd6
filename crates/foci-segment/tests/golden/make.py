"""Golden values for segmentation, from SciPy and scikit-image.

    python make.py > golden.json          (numpy 2.4, scipy 1.17, scikit-image 0.26)

Images are made here with a fixed seed and stored. In the relief of the watershed no two pixels are equally high: which of equals is
flooded first is each library's own affair.
"""

import json

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_isodata, threshold_otsu
from skimage.morphology import local_maxima
from skimage.segmentation import relabel_sequential, watershed

CROSS = ndimage.generate_binary_structure(2, 1)


def case(width, height, seed):
    random = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(random.normal(0, 1, (height, width)), 1.5)
    image = np.round(60 + 200 * (image - image.min()) ** 2).astype(np.int64)
    relief = random.permutation(width * height).reshape(height, width)
    smooth = np.round(ndimage.gaussian_filter(image.astype(float), 1.2))
    seeds, _ = ndimage.label(local_maxima(smooth, connectivity=1), CROSS)
    otsu, isodata = threshold_otsu(image), threshold_isodata(image, return_all=True)
    mask = image > otsu
    four, _ = ndimage.label(mask, CROSS)
    eight, _ = ndimage.label(mask, np.ones((3, 3)))
    large, _, _ = relabel_sequential(np.where(np.bincount(four.ravel())[four] >= 9, four, 0))
    gradient = ndimage.grey_dilation(image, footprint=CROSS) - ndimage.grey_erosion(image, footprint=CROSS)
    flat = lambda a: [int(v) for v in a.ravel()]
    return {
        "width": width,
        "image": flat(image),
        "relief": flat(relief),
        "gaussian": [float(v) for v in ndimage.gaussian_filter(image.astype(float), 1.2).ravel()[::5]],
        "smooth": flat(smooth),
        "seeds": flat(seeds),
        "watershed": flat(watershed(relief, seeds, connectivity=1)),
        "otsu": float(otsu),
        "isodata": [float(v) for v in isodata],
        "four": flat(four),
        "eight": flat(eight),
        "large": flat(large),
        "gradient": flat(gradient),
    }


print(json.dumps({"cases": [case(31, 22, 1), case(12, 27, 2), case(17, 1, 3)]}, separators=(",", ":")))
