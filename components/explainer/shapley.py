"""Shapley values of features, from what a model answers with some of them left out. NumPy only.

    phi_f = mean over orders of the features: v(those before f, and f) - v(those before f)

v(S) is the model's mean answer where the features in S have the row's values and the others those of background rows.
Over all orders: L. S. Shapley 1953. Orders drawn at random, each with its reverse: Castro, Gomez and Tejada 2009
(doi:10.1016/j.cor.2008.04.004) and Mitchell et al. 2022 (arXiv:2104.12199). However few are drawn, each order's terms
sum to v(all) - v(none), and so do the values.
"""

import dataclasses
import itertools
import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which coalitions are asked about, and how Shapley values are made of the answers.

    Attributes:
      coalitions: bool [coalitions, features]: True where a feature has the row's value.
      weights: float64 [features, coalitions]: phi = weights @ v.
      is_exact: True if every coalition is asked about.
    """

    coalitions: Flags
    weights: Floats
    is_exact: bool

    def values(self, answers: Floats) -> Floats:
        """Shapley values [rows, features] of v [rows, coalitions]."""
        return np.asarray(answers @ self.weights.T, np.float64)


def plan_for(features: int, pairs: int, random: np.random.Generator) -> Plan:
    """Every coalition where that asks no more than drawing would, else those along drawn orders.

    Args:
      features: number of them, 1 or more.
      pairs: orders drawn, each with its reverse.
      random: draws them.
    """
    if 2**features <= 2 * pairs * (features - 1) + 2:
        return exact_plan(features)
    orders = [random.permutation(features) for _ in range(pairs)]
    return plan_of([order for drawn in orders for order in (drawn, drawn[::-1])])


def plan_of(orders: list[npt.NDArray[np.int64]]) -> Plan:
    """The coalitions along these orders; one that several orders pass is asked about once."""
    features = orders[0].size
    place: dict[bytes, int] = {}
    coalitions: list[Flags] = []
    terms: list[tuple[int, int, float]] = []

    def visit(members: Flags) -> int:
        key = members.tobytes()
        if key not in place:
            place[key] = len(coalitions)
            coalitions.append(members.copy())
        return place[key]

    for order in orders:
        members = np.zeros(features, np.bool_)
        before = visit(members)
        for feature in order:
            members[feature] = True
            after = visit(members)
            terms += [(int(feature), after, 1.0), (int(feature), before, -1.0)]
            before = after
    weights = np.zeros((features, len(coalitions)))
    for feature, coalition, sign in terms:
        weights[feature, coalition] += sign / len(orders)
    return Plan(np.array(coalitions), weights, is_exact=False)


def exact_plan(features: int) -> Plan:
    """Every coalition, weighted by the share of orders in which a feature joins it."""
    coalitions = np.array(list(itertools.product([False, True], repeat=features)), np.bool_)
    sizes = coalitions.sum(axis=1)
    total = math.factorial(features)
    joining = [
        math.factorial(size) * math.factorial(features - size - 1) / total if size < features else 0.0
        for size in range(features + 1)
    ]
    leaving = [0.0, *joining[:features]]
    weights = np.where(coalitions, np.array(leaving)[sizes][:, None], -np.array(joining)[sizes][:, None]).T
    return Plan(coalitions, np.asarray(weights, np.float64), is_exact=True)
