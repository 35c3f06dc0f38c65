"""Where the model trains: the distribution strategy and the number format, from the settings and the GPUs in sight."""

import os
from collections.abc import Mapping, Sequence

import tensorflow as tf

from models.tabular_text.settings import TrainingSettings
from models.tabular_text.workers import Workers

#: Compute capability from which half-precision matrix units exist (NVIDIA Volta), and bfloat16 ones (Ampere).
HALF_PRECISION_FROM = (7, 0)
BFLOAT16_FROM = (8, 0)


def strategy_for(settings: TrainingSettings, environ: Mapping[str, str] = os.environ) -> tf.distribute.Strategy:
    """How training is spread, as the settings and the machine have it.

    `auto` means all machines that TF_CONFIG names with all their GPUs, if it names several (to be asked for before
    TensorFlow is used for anything else, and returned once all of them have asked); else MirroredStrategy over the
    visible GPUs, if there are several; else the default one. `mirrored` insists on MirroredStrategy.

    Raises:
      BadSettings: TF_CONFIG makes no sense.
    """
    if settings.strategy == "auto" and Workers.of(environ).count > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = tf.config.list_logical_devices("GPU")
    if settings.strategy == "mirrored" or (settings.strategy == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def number_format(settings: TrainingSettings) -> str:
    """The Keras dtype policy for training on the visible GPUs, or on the CPU if there are none."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return choose_format(settings.mixed_precision, [detail.get("compute_capability", (0, 0)) for detail in details])


def device_names() -> tuple[str, ...]:
    """What a training runs on: each visible GPU by its product's name, or the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    names = (tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus)
    return tuple(str(name) for name in names) or ("CPU",)


def choose_format(mixed_precision: str, capabilities: Sequence[tuple[int, int]]) -> str:
    """The dtype policy for GPUs of these compute capabilities; the weakest GPU decides.

    bfloat16 where there are units for it, because it needs no loss scaling; also where mixed precision is forced on
    devices that do not profit.
    """
    weakest = min(capabilities, default=(0, 0))
    if mixed_precision == "off" or (mixed_precision == "auto" and weakest < HALF_PRECISION_FROM):
        return "float32"
    is_volta_or_turing = HALF_PRECISION_FROM <= weakest < BFLOAT16_FROM
    return "mixed_float16" if is_volta_or_turing else "mixed_bfloat16"
