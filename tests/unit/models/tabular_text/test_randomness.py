"""Equal runs give equal weights unless the settings give that up; the seed holds in any case."""

import numpy as np
import pytest
import tensorflow as tf

from models.tabular_text.settings import TrainingSettings
from models.tabular_text.train import fix_randomness


@pytest.mark.parametrize("deterministic", [True, False])
def test_ops_are_deterministic_if_wanted_and_the_seed_holds_in_any_case(
    deterministic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    enabled: list[bool] = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: enabled.append(True))
    drawn = []
    for _ in range(2):
        fix_randomness(TrainingSettings(seed=7, deterministic=deterministic))
        drawn.append((np.random.random(), float(tf.random.uniform([]))))
    assert drawn[0] == drawn[1]
    assert enabled == [True, True] * deterministic


def test_equal_runs_have_equal_weights_by_default() -> None:
    assert TrainingSettings().deterministic
