"""How a picture is read before a net sees it, as foci reads it."""

import numpy as np
from PIL import Image


def read(path):
    """A grey image, and the same with its 1st and 99.8th percentile at 0 and 1."""
    image = np.asarray(Image.open(path))
    grey = (image if image.ndim == 2 else image[..., 0]).astype(np.float32)
    low, high = np.percentile(grey, [1.0, 99.8])
    return grey, ((grey - low) / max(high - low, 1e-6)).astype(np.float32)
