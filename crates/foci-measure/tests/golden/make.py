"""Golden values for the measures, from NumPy, SciPy and scikit-image.

    python make.py > golden.json          (numpy 2.4, scipy 1.17, scikit-image 0.26)

The images come from a formula that the Rust test repeats, so that no image has to be stored. Everything that scikit-image
does not offer (MS-SSIM, ring correlation, bands) is written here directly, without separable filters or shared transforms.
"""

import json

import numpy as np
from scipy import integrate, ndimage, signal, stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def noise(x, y, salt):
    mixed = (x * 73856093) ^ (y * 19349663) ^ (salt * 83492791)
    return (((mixed * 2654435761) & 0xFFFFFFFF) >> 16) / 65536.0 - 0.5


def images(width, height):
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    a = 0.5 + 0.3 * np.sin(0.21 * x + 0.1 * y) + 0.15 * np.sin(0.9 * x) * np.cos(0.7 * y) + 0.1 * noise(x, y, 1)
    b = 0.9 * a + 0.02 + 0.08 * noise(x, y, 2)
    return a.astype(np.float32), b.astype(np.float32)


WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def window_means(a, b):
    i = np.arange(-5, 6)
    g = np.exp(-(i**2) / (2 * 1.5**2))
    kernel = np.outer(g, g) / np.outer(g, g).sum()
    blur = lambda image: signal.convolve2d(image, kernel, mode="valid")
    ma, mb = blur(a), blur(b)
    va, vb, cab = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    structure = (2 * cab + 9e-4) / (va + vb + 9e-4)
    luminance = (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4)
    return (structure * luminance).mean(), structure.mean()


def ms_ssim(a, b):
    a, b = a.astype(float), b.astype(float)
    values = []
    while min(a.shape) >= 11 and len(values) < 5:
        values.append(window_means(a, b))
        h, w = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
        half = lambda c: c[:h, :w].reshape(h // 2, 2, w // 2, 2).mean((1, 3))
        a, b = half(a), half(b)
    weights = WEIGHTS[: len(values)] / WEIGHTS[: len(values)].sum()
    factors = [v[1] for v in values[:-1]] + [values[-1][0]]
    return float(np.prod(np.maximum(factors, 0) ** weights)), len(values)


def spectra(a, b):
    h, w = a.shape
    hann = lambda n: 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    window = np.outer(hann(h), hann(w))
    clean = lambda c: (c - (c * window).sum() / window.sum()) * window
    fa, fb = np.fft.fft2(clean(a.astype(float))), np.fft.fft2(clean(b.astype(float)))
    frequency = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)[None, :])
    shorter = min(h, w)
    ring = np.floor(frequency * shorter + 0.5 + 1e-9).astype(int)
    last = shorter // 2
    curves = []
    for r in range(1, last + 1):
        m = ring == r
        cross = (fa[m] * fb[m].conj()).real.sum()
        pa, pb = (abs(fa[m]) ** 2).sum(), (abs(fb[m]) ** 2).sum()
        curves.append([r / shorter, cross / np.sqrt(pa * pb), cross / pa])
    edges = [0, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 0.5]
    bands = []
    for low, high in zip(edges, edges[1:]):
        m = (frequency >= low) & ((frequency < high) | ((high == 0.5) & (frequency == 0.5))) & (ring <= last)
        bands.append((abs(fb[m] - fa[m]) ** 2).sum() / (abs(fa[m]) ** 2).sum())
    return curves, bands


def atrous(a, count):
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    smooth, planes = a.astype(float), []
    for level in range(count):
        holes = np.zeros(4 * 2**level + 1)
        holes[:: 2**level] = kernel
        blurred = ndimage.convolve(smooth, np.outer(holes, holes), mode="mirror")
        planes.append(smooth - blurred)
        smooth = blurred
    return planes


def case(width, height):
    a, b = images(width, height)
    curves, bands = spectra(a, b) if min(width, height) >= 64 else ([], [])
    value, scales = ms_ssim(a, b)
    ssim = structural_similarity(
        a.astype(float), b.astype(float), data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    places = [(0, 0), (width - 1, 0), (3, height - 2), (width // 2, height // 2)]
    return {
        "width": width,
        "height": height,
        "psnr": peak_signal_noise_ratio(a.astype(float), b.astype(float), data_range=1.0),
        "ssim": float(ssim),
        "ms_ssim": value,
        "scales": scales,
        "rings": curves,
        "bands": bands,
        "places": places,
        "planes": [[float(p[y, x]) for x, y in places] for p in atrous(a, 3)],
    }


def student():
    rows = [(t, df) for df in (1, 1.7, 2, 4.3, 19, 60) for t in (0.1, 1.0, 2.5, 8.0)]
    return [[t, df, float(2 * stats.t.sf(t, df))] for t, df in rows]


def paired():
    """One seed: the paired t-test."""
    a = [0.91, 0.85, 0.97, 0.75, 0.88, 0.93, 0.81]
    b = [0.89, 0.84, 0.92, 0.76, 0.85, 0.90, 0.80]
    test = stats.ttest_rel(a, b)
    interval = test.confidence_interval(0.95)
    return {"a": a, "b": b, "interval": [float(interval.low), float(interval.high)], "p": float(test.pvalue)}


def sum_of_two(a, a_freedom, b, b_freedom, distance):
    """P(|a T(a_freedom) + b T(b_freedom)| > distance) by integration over the first."""
    beyond = lambda t: stats.t.sf((distance - a * t) / b, b_freedom) + stats.t.cdf((-distance - a * t) / b, b_freedom)
    both = lambda t: stats.t.pdf(t, a_freedom) * (beyond(t) + beyond(-t))
    places = [distance / a * factor for factor in (0.5, 1, 2)]
    ends = [0, *places, np.inf]
    return sum(integrate.quad(both, low, high, epsabs=0, epsrel=1e-10, limit=500)[0] for low, high in zip(ends, ends[1:]))


def parts():
    """p of a mean with two parts of variance: with a probability that is its share of the variance, a part keeps its degrees of
    freedom and the other has two more, at the same sum of squares."""
    rows = []
    for a, a_freedom, b, b_freedom in [(1, 2, 1, 2), (1, 19, 0.5, 2), (0.2, 19, 1, 1), (1, 9, 3, 3.7)]:
        for distance in (0.5, 2.0, 4.0, 12.0):
            wider = lambda variance, freedom: np.sqrt(variance * freedom / (freedom + 2))
            first = sum_of_two(np.sqrt(a), a_freedom, wider(b, b_freedom), b_freedom + 2, distance)
            second = sum_of_two(wider(a, a_freedom), a_freedom + 2, np.sqrt(b), b_freedom, distance)
            rows.append([a, a_freedom, b, b_freedom, distance, (a * first + b * second) / (a + b)])
    return rows


print(
    json.dumps(
        {
            "cases": [case(200, 180), case(99, 75), case(64, 96), case(25, 23)],
            "student": student(),
            "paired": paired(),
            "parts": parts(),
        },
        indent=None,
    )
)
