"""Fréchet distances between small sets of features, by the definition: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)).

The eigenvalues of S1 S2 are taken with 60 digits, since a covariance of fewer pictures than features is singular and a root in
double precision keeps half of its digits there. Where it is not singular, scipy's matrix root in f64 must agree.
"""

import mpmath
import numpy as np
import scipy.linalg
from common import save_json

SHAPES = {"few": (7, 6, 12), "many": (40, 30, 5), "mixed": (20, 4, 6)}


def distance(a, b):
    """The definition, in 60 digits."""
    with mpmath.workdps(60):
        (m1, s1), (m2, s2) = moments(a), moments(b)
        values = mpmath.eig(s1 * s2, left=False, right=False)
        root = sum(mpmath.sqrt(max(mpmath.re(value), 0)) for value in values)
        trace = sum(s1[k, k] + s2[k, k] for k in range(s1.rows))
        return float(sum(x ** 2 for x in m1 - m2) + trace - 2 * root)


def moments(rows):
    """Mean and covariance, the latter by n - 1."""
    n, width = rows.shape
    mean = mpmath.matrix([mpmath.fsum(map(mpmath.mpf, rows[:, k])) / n for k in range(width)])
    centred = mpmath.matrix([[mpmath.mpf(row[k]) - mean[k] for k in range(width)] for row in rows])
    return mean, centred.T * centred / (n - 1)


def in_doubles(a, b):
    """What everybody computes, where no covariance is singular."""
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.trace(scipy.linalg.sqrtm(s1 @ s2)).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * root


def write(path):
    """Cases with their features, one row a picture."""
    random, cases = np.random.default_rng(2201), {}
    for name, (first, second, width) in SHAPES.items():
        mixing = random.standard_normal((width, width))
        a = (random.standard_normal((first, width)) @ mixing).round(6)
        b = (random.standard_normal((second, width)) * 1.3 + 0.4).round(6)
        cases[name] = (a, b)
    a = cases["many"][0]
    cases |= {"same": (a, a), "shifted": (a, a + np.arange(5) / 4), "few_shifted": (cases["few"][0], cases["few"][0] + 0.5)}
    found = {name: distance(*pair) for name, pair in cases.items()}
    for name in ("many", "shifted"):
        assert abs(in_doubles(*cases[name]) / found[name] - 1) < 1e-9, name
    save_json(path, {name: {"a": a.tolist(), "b": b.tolist(), "distance": found[name]} for name, (a, b) in cases.items()})
