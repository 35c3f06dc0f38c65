"""Compares the variables of two SavedModels, tensor by tensor.

python -m pipeline.reproduction.weights MODEL OTHER_MODEL      prints a WeightComparison as JSON; loads TensorFlow
"""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from pipeline.errors import NotReproduced

_VARIABLES = "variables"
_NOT_TENSORS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_TIMEOUT_S = 600


@dataclasses.dataclass(frozen=True)
class WeightComparison:
    """How two models' variables differ.

    Attributes:
      tensors: how many both have.
      values: numbers in them.
      differing: names of tensors with any other bit, of another shape or type, or that only one model has.
      largest: the largest difference of two values, NaN where shapes or types differ.
    """

    tensors: int
    values: int
    differing: tuple[str, ...]
    largest: float

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `main` printed."""
        data = json.loads(text)
        return cls(**{**data, "differing": tuple(data["differing"])})


def compare_weights(model: Path, other: Path) -> WeightComparison | None:
    """The comparison of two SavedModels, in a process of its own; None if their files are equal byte for byte.

    Raises:
      NotReproduced: the variables of one cannot be read.
    """
    if same_files(model / _VARIABLES, other / _VARIABLES):
        return None
    command = [sys.executable, "-m", "pipeline.reproduction.weights", str(model), str(other)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotReproduced(f"The weights of {model} and {other} cannot be compared: {last}")
    return WeightComparison.from_json(done.stdout.splitlines()[-1])


def same_files(folder: Path, other: Path) -> bool:
    """True if both hold the same files, byte for byte, and at least one."""
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    others = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return bool(names) and names == others and all((folder / n).read_bytes() == (other / n).read_bytes() for n in names)


def main(model: str, other: str) -> None:
    """Prints the comparison as one line of JSON."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stdout.write(json.dumps(dataclasses.asdict(_compared(_tensors(model), _tensors(other)))) + "\n")


def _tensors(model: str) -> dict[str, Any]:
    """The model's variables as arrays by name in the checkpoint."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(os.path.join(model, _VARIABLES, _VARIABLES))
    names = (name for name in reader.get_variable_to_shape_map() if name != _NOT_TENSORS)
    return {name: reader.get_tensor(name) for name in names}


def _compared(one: dict[str, Any], other: dict[str, Any]) -> WeightComparison:
    both = sorted(one.keys() & other.keys())
    differing = sorted(one.keys() ^ other.keys())
    largest = float("nan") if differing else 0.0
    values = 0
    for name in both:
        values += one[name].size
        if one[name].tobytes() != other[name].tobytes() or one[name].shape != other[name].shape:
            differing.append(name)
            largest = _larger(largest, one[name], other[name])
    return WeightComparison(len(both), values, tuple(differing), largest)


def _larger(largest: float, one: Any, other: Any) -> float:
    """The largest difference so far; NaN once something cannot be subtracted."""
    import numpy as np

    if one.shape != other.shape or one.dtype != other.dtype or not np.issubdtype(one.dtype, np.number):
        return float("nan")
    return (
        float(np.fmax(largest, np.max(np.abs(one.astype(np.float64) - other.astype(np.float64)))))
        if largest == largest
        else largest
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
