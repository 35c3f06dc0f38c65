"""The folder that a model is served from: where it is, and what its description says.

/opt/ml/model/saved_model.pb …           one model, or
/opt/ml/model/VERSION/saved_model.pb …   as EndpointPusher packs it
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MODEL_DIR = "PENSTOCK_MODEL_DIR"
DEFAULT_MODEL_DIR = "/opt/ml/model"
SIGNATURE = "PENSTOCK_SIGNATURE"
"""Name of the serving signature that answers where a request names none; has nothing to do with who signed."""

DESCRIPTION = "assets.extra/penstock.json"
_SAVED_MODEL = "saved_model.pb"


class ModelRefused(Exception):
    """A model must not be served; the message says what is wrong with it, and what to do."""


def find_model(folder: Path) -> Path:
    """The SavedModel's own folder: this one, or the only one in it.

    Raises:
      ModelRefused: there is none, or more than one.
    """
    if (folder / _SAVED_MODEL).is_file():
        return folder
    found = sorted(path.parent for path in folder.glob(f"*/{_SAVED_MODEL}"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ModelRefused(
            f"{folder}: expected one SavedModel, in it or in one folder in it; there is {names}. Mount the model "
            f"there, or name its folder in {MODEL_DIR}."
        )
    return found[0]


def missing_values(folder: Path, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for a missing value of each input, in the order of the model's description, which is the schema's.

    Empty if the model has no description, or that is of other inputs. None stands for NaN.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        return {}
    described = json.loads(path.read_text(encoding="utf-8")).get("inputs", {}).values()
    found = {column["argument"]: column["missing"] for column in described}
    return found if set(found) == set(inputs) else {}
