"""Whether an image can serve: a model of a line is saved, loaded and asked, and what answers for it is imported.

python -m serving.self_test MODULE…
"""

import importlib
import json
import sys
import tempfile
from typing import Any

from serving.answers import load_model, predict

_ROWS = [{"number": 1.5}, {"number": -2.0}]
_EXPECTED = [{"double": 3.0}, {"double": -4.0}]


def main(modules: list[str]) -> int:
    """Writes what was found, one JSON object; 1 if the image cannot serve."""
    for name in modules:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        _save_doubling(folder)
        found = predict(load_model(folder), _ROWS, "")
    sys.stdout.write(f"{json.dumps({'imported': modules, 'answer': found, 'expected': _EXPECTED})}\n")
    return int(found != _EXPECTED)


def _save_doubling(folder: str) -> None:
    import tensorflow as tf

    def double(number: Any) -> dict[str, Any]:
        return {"double": 2.0 * number}

    module = tf.Module()
    module.double = tf.function(double, input_signature=[tf.TensorSpec([None], tf.float32, name="number")])
    tf.saved_model.save(module, folder, signatures={"serving_default": module.double})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
