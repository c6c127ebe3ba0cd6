"""Golden values for the features of pixels, from SciPy and scikit-image.

    python make.py > golden.json          (numpy 2.4, scipy 1.17, scikit-image 0.26)

Images are made here with a fixed seed and stored. Of each feature every 7th pixel is kept, to seven digits. The images are smaller than the widest
filters, so that borders are mirrored more than once.
"""

import json

import numpy as np
from scipy import ndimage
from skimage.feature import hessian_matrix_eigvals, structure_tensor_eigenvalues

SCALES = [0.7, 1.0, 1.6, 3.5, 5.0, 10.0]
STEP = 7


def features(image, sigma):
    derivative = lambda down, along: ndimage.gaussian_filter(image, sigma, order=(down, along))
    hessian = hessian_matrix_eigvals([derivative(2, 0), derivative(1, 1), derivative(0, 2)])
    down, along = derivative(1, 0), derivative(0, 1)
    smooth = lambda product: ndimage.gaussian_filter(product, sigma / 2)
    tensor = structure_tensor_eigenvalues([smooth(down * down), smooth(down * along), smooth(along * along)])
    return [
        ndimage.gaussian_filter(image, sigma),
        ndimage.gaussian_laplace(image, sigma),
        ndimage.gaussian_gradient_magnitude(image, sigma),
        hessian[0],
        hessian[1],
        tensor[0],
        tensor[1],
    ]


def case(width, height, seed):
    random = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(random.normal(0, 1, (height, width)), 2.5)
    image = np.round(120 + 800 * blobs + random.normal(0, 6, blobs.shape))
    all_features = [feature for sigma in SCALES for feature in features(image, sigma)]
    return {
        "width": width,
        "image": [int(value) for value in image.ravel()],
        "features": [[float(f"{value:.7g}") for value in feature.ravel()[::STEP]] for feature in all_features],
    }


print(json.dumps({"scales": SCALES, "step": STEP, "cases": [case(29, 24, 1), case(9, 33, 2)]}, separators=(",", ":")))
