"""Bounds of the verdict from scipy and numpy alone: `python bounds.py OUT.json`. Called by make.py as well.

Clopper-Pearson by `scipy.stats.binomtest`; the betting bound by the capital process of Waudby-Smith and Ramdas
(JRSS B 2024, section 4.2; one-sided, fixed number of samples), here on a grid where the product bisects; its coverage
by simulation. E-values: their definition, integrated in exact fractions.
"""

import json
import sys
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
from scipy.stats import beta, binomtest

STAKE = 0.9


def proportions():
    """One-sided exact bounds: `binomtest` gives two-sided ones, so twice the error rate is asked for."""
    rows = []
    for of in (1, 2, 5, 10, 24, 40, 59, 100, 120, 500, 2000):
        for hits in sorted({0, 1, of // 10, of // 3, of // 2, of - 1, of}):
            for alpha in (0.05, 0.025, 0.05 / 24, 1e-4):
                if 0 <= hits <= of:
                    both = binomtest(hits, of).proportion_ci(1 - 2 * alpha, method="exact")
                    assert hits == 0 or abs(both.low - beta.ppf(alpha, hits, of - hits + 1)) < 1e-9
                    rows.append({"hits": hits, "of": of, "alpha": alpha, "low": both.low, "high": both.high})
    return rows


def e_values():
    """Likelihood averaged over the rates below a limit, by that at the limit, in exact arithmetic: hits are few, so the polynomial is expanded."""
    rows = []
    for of in (0, 1, 5, 24, 60, 120):
        for hits in sorted({0, 1, 2, of // 5, of}):
            for limit in (Fraction(1, 20), Fraction(1, 5), Fraction(1, 2)):
                if hits <= of:
                    power = (lambda k: (-1) ** k * comb(of - hits, k) * limit ** (hits + k + 1) / (hits + k + 1))
                    mean = sum(map(power, range(of - hits + 1))) / limit
                    e = mean / (limit**hits * (1 - limit) ** (of - hits))
                    rows.append({"hits": hits, "of": of, "limit": float(limit), "e": float(e)})
    return rows


def stakes(values, alpha):
    """What is staked on each value, from those before it."""
    count = np.arange(1, len(values) + 1)
    mean = (0.5 + np.cumsum(values)) / (count + 1)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (count + 1)
    before = np.append(0.25, variance[:-1])
    return np.sqrt(2 * np.log(1 / alpha) / (len(values) * before))


def mean_lower(values, alpha, grid):
    """The smallest mean on the grid that the capital process does not rule out."""
    stake = np.minimum(stakes(values, alpha)[None, :], STAKE / grid[:, None])
    capital = np.cumprod(1 + stake * (values[None, :] - grid[:, None]), axis=1)
    kept = np.flatnonzero(capital.max(axis=1) < 1 / alpha)
    return float(grid[kept[0]]) if len(kept) else 1.0


def means():
    """Bounds of means of a few deterministic sequences."""
    rows, grid = [], np.linspace(1e-6, 1, 200001)
    for of, centre, width in ((10, 0.5, 0.4), (60, 0.52, 0.03), (120, 0.5, 0.01), (200, 0.2, 0.19), (400, 0.9, 0.09)):
        values = np.round(centre + width * np.sin(1.7 * np.arange(of) + 0.3), 6)
        for alpha in (0.05, 0.01):
            low, high = mean_lower(values, alpha, grid), 1 - mean_lower(1 - values, alpha, grid)
            rows.append({"values": values.tolist(), "alpha": alpha, "low": low, "high": high})
    return rows


def coverage():
    """How often the upper bound of a mean lies below it, in 1000 repetitions; never meant to exceed alpha = 0.05."""
    random, grid, found = np.random.default_rng(0), np.linspace(0.001, 1, 1000), {}
    for name, draw, mean in (
        ("beta(2,2)", lambda: random.beta(2, 2, 60), 0.5),
        ("bernoulli(0.1)", lambda: random.binomial(1, 0.1, 60).astype(float), 0.1),
        ("normal(0.5,0.02)", lambda: np.clip(random.normal(0.5, 0.02, 60), 0, 1), 0.5),
    ):
        below = sum(1 - mean_lower(1 - draw(), 0.05, grid) < mean - 0.001 for _ in range(1000))
        found[name] = below / 1000
    assert max(found.values()) <= 0.06, found
    return found


def write(out):
    """Everything as one JSON file."""
    golden = {"proportions": proportions(), "e_values": e_values(), "means": means(), "misses_in_simulation": coverage()}
    out.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
