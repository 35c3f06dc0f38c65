"""Mixed precision is used where the hardware profits, or where the user insists."""

import pytest

from models.tabular_text.devices import choose_format, device_names, strategy_for
from models.tabular_text.settings import TrainingSettings


@pytest.mark.parametrize(
    ("mixed_precision", "capabilities", "expected"),
    [
        ("auto", [], "float32"),
        ("auto", [(6, 1)], "float32"),
        ("auto", [(7, 0)], "mixed_float16"),
        ("auto", [(7, 5), (8, 0)], "mixed_float16"),
        ("auto", [(9, 0), (8, 0)], "mixed_bfloat16"),
        ("auto", [(9, 0), (6, 0)], "float32"),
        ("off", [(9, 0)], "float32"),
        ("on", [], "mixed_bfloat16"),
    ],
)
def test_the_weakest_gpu_decides(mixed_precision: str, capabilities: list[tuple[int, int]], expected: str) -> None:
    assert choose_format(mixed_precision, capabilities) == expected


def test_without_a_gpu_the_cpu_is_named() -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        assert "CPU" not in device_names()
    else:
        assert device_names() == ("CPU",)


@pytest.mark.parametrize(
    ("strategy", "gpus", "expected"),
    [("auto", 0, "default"), ("auto", 1, "default"), ("auto", 2, "mirrored"), ("none", 2, "default")],
)
def test_all_gpus_of_a_machine_are_used_unless_one_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, strategy: str, gpus: int, expected: str
) -> None:
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [f"/{kind}:{n}" for n in range(gpus)])
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: "mirrored")
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: "default")
    assert strategy_for(TrainingSettings(strategy=strategy), {}) == expected
