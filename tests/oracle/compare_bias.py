"""Compares every bias metric with Amazon's smclarify on small tables; run by `make oracle`, not by pytest.

Exit code 1 if any differs by more than 1e-9 and not by one of the departures below. Each departure is asserted too: if
smclarify no longer does what is said here, the comparison fails.

- 0/0: smclarify's `divide` gives 0; ours says that the metric is not defined.
- A label that only one facet has: smclarify drops it from KL, JS, LP, TVD and KS, so that they fall short of their
  definitions (of two facets without a label in common it refuses to say anything); ours keeps it, and KL is infinite
  where facet d lacks the label.
"""

import itertools
import logging
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
from smclarify.bias.metrics import POSTTRAINING_METRICS, PRETRAINING_METRICS, posttraining, pretraining

from components.bias_evaluator import post_training, pre_training
from components.bias_evaluator.counts import true_labels

TOLERANCE = 1e-9

#: The flip test needs a second model, so we have none.
LEFT_OUT = {"FT"}

DISTANCES = ("KL", "JS", "LP", "TVD", "KS")

#: [groups][facet a, d][label negative, positive][prediction negative, positive]; the same as in the unit tests.
BY_HAND = [[[[10, 10], [5, 25]], [[20, 10], [8, 12]]], [[[4, 6], [2, 38]], [[9, 1], [6, 4]]]]

#: 450 rows, three categories of 150: 43, 101 and 56 of them positive; predictions are the labels.
BOOK = {
    "Digital_Software": [[[[143, 0], [0, 157]], [[107, 0], [0, 43]]]],
    "Gift Card": [[[[201, 0], [0, 99]], [[49, 0], [0, 101]]]],
}

#: What smclarify 0.5 says of these rows.
BOOK_ANSWERS = {
    "Digital_Software": {"CI": 0.3333, "DPL": 0.2367, "KL": 0.1228, "JS": 0.0294, "LP": 0.3347, "TVD": 0.2367},
    "Gift Card": {"CI": 0.3333, "DPL": -0.3433, "KL": 0.2459, "JS": 0.0602, "LP": 0.4855, "TVD": 0.3433},
}


def tables() -> Iterator[tuple[str, np.ndarray]]:
    """Named counts [groups, facet, label, prediction]."""
    yield "by hand", np.array(BY_HAND, float)
    for name, counts in BOOK.items():
        yield f"book, {name}", np.array(counts, float)
    rng = np.random.default_rng(20)
    for index in range(40):
        yield f"random {index}", rng.integers(0, 12, (1 + index % 3, 2, 2, 2)).astype(float) + (index % 2)
    # Every pattern of empty cells of one group.
    for pattern in itertools.product((0, 3), repeat=8):
        counts = np.array(pattern, float).reshape(1, 2, 2, 2)
        if counts.sum(axis=(0, 2, 3)).all():
            yield f"cells {''.join('x' if cell else '.' for cell in pattern)}", counts


def rows_of(counts: np.ndarray) -> pd.DataFrame:
    """One row a counted row: group, d, label, predicted."""
    cells = [(index, int(counts[index])) for index in np.ndindex(counts.shape)]
    rows = [index for index, count in cells for _ in range(count)]
    frame = pd.DataFrame(rows, columns=["group", "d", "label", "predicted"])
    return frame.astype({"d": bool, "label": bool, "predicted": bool})


def theirs(name: str, rows: pd.DataFrame) -> float | None:
    """smclarify's answer, None if it raises."""
    feature, sensitive, label, predicted, group = rows["d"], rows["d"], rows["label"], rows["predicted"], rows["group"]
    arguments = {
        "CI": (feature, sensitive),
        "DPL": (feature, sensitive, label),
        "CDDL": (feature, sensitive, label, group),
        "DPPL": (feature, sensitive, predicted),
        "DI": (feature, sensitive, predicted),
        "CDDPL": (feature, sensitive, predicted, group),
        "GE": (label, predicted),
        **dict.fromkeys(DISTANCES, (label, sensitive)),
    }.get(name, (feature, sensitive, label, predicted))
    module = pretraining if name in pre_training.METRICS else posttraining
    try:
        return float(getattr(module, name)(*arguments))
    except ValueError:
        return None


def ours(name: str, counts: np.ndarray) -> float:
    """Our answer; infinite or NaN where there is none."""
    if name in pre_training.METRICS:
        return float(pre_training.METRICS[name](true_labels(counts)))
    return float(post_training.METRICS[name](counts))


def outcome(name: str, counts: np.ndarray) -> str:
    """`equal`, the departure that explains the difference, or an empty text."""
    mine, amazons = ours(name, counts), theirs(name, rows_of(counts))
    if amazons is not None and np.isfinite(mine) and abs(mine - amazons) <= TOLERANCE:
        return "equal"
    if amazons is not None and np.isinf(mine) and mine == amazons:
        return "equal"
    if np.isnan(mine) and (amazons is None or has_zero_by_zero(name, counts)):
        return "0/0"
    by_facet = true_labels(counts).sum(axis=0)
    if name in DISTANCES and (by_facet == 0).any() and (amazons is None or amazons <= mine):
        return "label of one facet"
    return ""


def has_zero_by_zero(name: str, counts: np.ndarray) -> bool:
    """True if the metric divides 0 by 0, or subtracts two infinities, on these counts: what smclarify calls 0."""
    whole = counts.sum(axis=0)
    label, predicted = whole.sum(axis=2), whole.sum(axis=1)
    wrong = whole[:, 1, 0], whole[:, 0, 1]
    fractions = {
        "DI": [(predicted[1, 1] / whole[1].sum(), predicted[0, 1] / whole[0].sum())],
        "DCA": list(zip(label[:, 1], predicted[:, 1], strict=True)),
        "DCR": list(zip(label[:, 0], predicted[:, 0], strict=True)),
        "RD": list(zip(whole[:, 1, 1], label[:, 1], strict=True)),
        "SD": list(zip(whole[:, 0, 0], label[:, 0], strict=True)),
        "DAR": list(zip(whole[:, 1, 1], predicted[:, 1], strict=True)),
        "DRR": list(zip(whole[:, 0, 0], predicted[:, 0], strict=True)),
        "TE": list(zip(*wrong, strict=True)),
    }.get(name, [])
    both_infinite = len(fractions) == 2 and all(top > 0 and bottom == 0 for top, bottom in fractions)
    return both_infinite or any(top == 0 and bottom == 0 for top, bottom in fractions)


def main() -> int:
    """Compares, prints what came of it by metric."""
    logging.disable(logging.CRITICAL)
    names = [*pre_training.METRICS, *post_training.METRICS]
    theirs_too = {metric.__name__ for metric in (*PRETRAINING_METRICS, *POSTTRAINING_METRICS)}
    counted = {name: {"equal": 0, "0/0": 0, "label of one facet": 0, "": 0} for name in names}
    wrong = [f"only one of the two has {name}" for name in theirs_too.symmetric_difference(names) - LEFT_OUT]
    for table, counts in tables():
        for name in names:
            found = outcome(name, counts)
            counted[name][found] += 1
            if not found:
                wrong.append(f"{name} of {table}: ours {ours(name, counts)}, smclarify {theirs(name, rows_of(counts))}")
    for category, answers in BOOK_ANSWERS.items():
        counts = np.array(BOOK[category], float)
        wrong += [
            f"{name} of {category}: {ours(name, counts)}, known {answer}"
            for name, answer in answers.items()
            if round(ours(name, counts), 4) != answer
        ]
    print(f"{'metric':8}{'equal':>8}{'0/0':>8}{'one facet':>11}{'differs':>9}   of the table by hand (smclarify)")
    for name, by in counted.items():
        value = theirs(name, rows_of(np.array(BY_HAND, float)))
        print(f"{name:8}{by['equal']:8}{by['0/0']:8}{by['label of one facet']:11}{by['']:9}   {value:.12g}")
    print(*(wrong or [f"All equal within {TOLERANCE:g}, departures aside."]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
