"""NDCG of one ranking of features against another, with a bootstrap interval. NumPy only.

    DCG  = sum over places i = 1 … m of a(f'_i) / log2(i + 1)      f' = features as the model at hand ranks them
    iDCG = sum over places i = 1 … m of a(f_i)  / log2(i + 1)      f  = features as the earlier model ranks them
    NDCG = DCG / iDCG                                              a  = mean |attribution| by the earlier model

1 if the rankings are the same; changes among features that matter little cost little. Source: Amazon SageMaker Model
Monitor, "Model Feature Attribution Drift Violations"; Jarvelin and Kekalainen 2002 (doi:10.1145/582415.582418).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 1000


def ndcg(earlier: Floats, now: Floats) -> Floats:
    """NDCG by the last axis, from 0 to 1.

    Args:
      earlier: importances by the earlier model, float64 [..., features].
      now: by the model at hand; equal ones keep the order of the features.

    Returns:
      float64 [...]; 1 where the earlier model attributes nothing to any feature: it then ranks nothing.
    """
    discount = 1 / np.log2(np.arange(earlier.shape[-1]) + 2)
    ranked = np.take_along_axis(earlier, np.argsort(-now, axis=-1, kind="stable"), axis=-1)
    ideal = -np.sort(-earlier, axis=-1) @ discount
    return np.asarray(np.where(ideal > 0, ranked @ discount / np.where(ideal > 0, ideal, 1.0), 1.0), np.float64)


def resampled(attributions: Floats, random: np.random.Generator) -> Floats:
    """Importances for re-draws of the rows, float64 [RESAMPLES, features], of attributions [rows, features]."""
    rows = len(attributions)
    counts = random.multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)
    return np.asarray(counts @ np.abs(attributions) / rows, np.float64)


def ndcg_interval(earlier: Floats, now: Floats, confidence: float, seed: int) -> tuple[float, float, float]:
    """NDCG and the bounds of its percentile bootstrap interval; attributions [rows, features] of either model.

    Both models' rows are drawn anew, each for itself.
    """
    random = np.random.default_rng(seed)
    value = float(ndcg(np.abs(earlier).mean(axis=0), np.abs(now).mean(axis=0)))
    drawn = ndcg(resampled(earlier, random), resampled(now, random))
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return value, min(float(low), value), max(float(high), value)


def aligned(
    earlier: tuple[Sequence[str], Floats], now: tuple[Sequence[str], Floats]
) -> tuple[tuple[str, ...], Floats, Floats]:
    """The features of either, the earlier model's order first, and both matrices over them; what a model lacks is 0."""
    names = tuple(dict.fromkeys([*earlier[0], *now[0]]))
    return names, _over(names, *earlier), _over(names, *now)


def _over(names: Sequence[str], known: Sequence[str], attributions: Floats) -> Floats:
    place: Mapping[str, int] = {name: at for at, name in enumerate(known)}
    rows = len(attributions)
    columns = [attributions[:, place[name]] if name in place else np.zeros(rows) for name in names]
    return np.stack(columns, axis=1)
