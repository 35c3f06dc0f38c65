"""The model as it describes itself, and where it was pushed."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.tabular_text.features import FeatureSpec
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object, size_bytes

SERVING_FOLDER = "Format-Serving"
DESCRIPTION = "assets.extra/penstock.json"


@dataclasses.dataclass(frozen=True)
class ModelInput:
    """One column that the model asks for.

    Attributes:
      name: the column.
      dtype: of the tensor.
      is_required: True if every row must have a value.
      argument: the column's argument in the signature `serving_raw`.
      missing: what stands there for a value that is not there; None = NaN.
    """

    name: str
    dtype: str
    is_required: bool
    argument: str
    missing: str | int | None


@dataclasses.dataclass(frozen=True)
class Model:
    """One exported model.

    Attributes:
      folder: the SavedModel.
      classes: their names, in the order of the scores; empty for a regression.
      signatures: its signatures.
      inputs: the columns it asks for.
      features: every column's part in it.
      size_bytes: of all files.
    """

    folder: Path
    classes: tuple[str, ...]
    signatures: tuple[str, ...]
    inputs: tuple[ModelInput, ...]
    features: FeatureSpec
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class PushedModel:
    """What Pusher did.

    Attributes:
      pushed: True if the model was put where servers find it.
      version: the version's number, empty if it was not pushed.
      destination: the version's folder, None if it was not pushed.
      was_there: True if an earlier push had put this very model there.
      is_there: True if the version's folder is there still.
      reason: why it was not pushed, empty if it was.
      model_uri: the model artifact's, empty if nobody wrote it down.
    """

    pushed: bool
    version: str
    destination: Path | None
    was_there: bool
    is_there: bool
    reason: str
    model_uri: str


def read_model(folder: Path) -> Model:
    """The model in a Model artifact.

    Raises:
      NotFound: it is not there, or does not describe itself.
    """
    saved = folder / SERVING_FOLDER
    path = saved / DESCRIPTION
    data = read_object(path)
    try:
        inputs = [
            ModelInput(name, item["dtype"], item["required"], item["argument"], item["missing"])
            for name, item in data["inputs"].items()
        ]
        features = FeatureSpec.from_json(data["features"])
        classes, signatures = tuple(data.get("classes") or ()), tuple(data["signatures"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotFound(f"{path}: not the description of a model ({error!r}).") from error
    return Model(saved, classes, signatures, tuple(inputs), features, size_bytes(saved))


def read_pushed(properties: Mapping[str, Any]) -> PushedModel:
    """What Pusher wrote down.

    Args:
      properties: of the PushedModel artifact, as in `ArtifactRecord`.
    """
    destination = Path(str(properties["pushed_destination"])) if properties.get("pushed_destination") else None
    receipt = {} if destination is None else _receipt(destination / "assets.extra" / "penstock_push.json")
    return PushedModel(
        pushed=bool(properties.get("pushed")),
        version=str(properties.get("pushed_version", "")),
        destination=destination,
        was_there=bool(properties.get("already_pushed")),
        is_there=destination is not None and destination.is_dir(),
        reason=str(properties.get("not_pushed_reason", "")),
        model_uri=str(receipt.get("model_uri", "")),
    )


def _receipt(path: Path) -> dict[str, Any]:
    """What the push left in the version, empty if it left nothing."""
    return read_object(path) if path.is_file() else {}
