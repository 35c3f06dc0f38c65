"""Reads the evidence from artifacts; what is not there or damaged becomes a reason on the card, and blocks nothing."""

import datetime
import functools
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.bias_evaluator.document import BIAS_FILE, BiasDocument
from components.evaluator.analysis import ANALYSIS_FILE, Analysis
from components.explainer.document import EXPLANATION_FILE, Explanation
from components.gate.document import DECISION_FILE, read_verdict
from components.gate.verdict import Verdict
from components.model_card.evidence import ColumnStatistics, Evidence, ModelFacts, Part, Rows, SchemaFacts
from components.model_digest import model_digest

Artifacts = Mapping[str, Sequence[Artifact]]
Value = TypeVar("Value")

_DESCRIPTION = Path("assets.extra/penstock.json")
_TRAINING_SPLIT = "train"
_TUNED_FILE = "best_hyperparameters.txt"


def gather(inputs: Artifacts, gates: Sequence[str], run_id: str) -> Evidence:
    """The evidence in the node's inputs.

    Args:
      inputs: by input key, see `ModelCard`; optional ones may be left out or empty.
      gates: the nodes behind `verdicts`.
      run_id: the run that writes the card.
    """
    return Evidence(
        run_id=run_id,
        model=_part(inputs, "model", "Trainer", _model),
        rows=_part(inputs, "examples", "ArrowExampleGen", _rows),
        statistics=_part(inputs, "statistics", "StatisticsGen", _statistics),
        schema=_part(inputs, "schema", "a schema node", _schema),
        tuned=_part(inputs, "hyperparameters", "Tuner", _tuned).value or {},
        analysis=_part(inputs, "evaluation", "Evaluator", _analysis),
        blessing=_part(inputs, "blessing", "Evaluator", lambda found: _decision(found, DECISION_FILE)),
        serving=_part(inputs, "infra_blessing", "ServingCheck", lambda found: _decision(found, "report.json")),
        verdicts=_verdicts(inputs.get("verdicts") or (), gates),
        bias=_part(inputs, "bias", "BiasEvaluator", _bias),
        explanation=_part(inputs, "explanation", "Explainer", _explanation),
    )


def _part(inputs: Artifacts, key: str, node: str, read: Callable[[Artifact], Value]) -> Part[Value]:
    artifacts = inputs.get(key)
    if not artifacts:
        return Part(reason=f"This pipeline has no {node}, or it left nothing.")
    return _attempt(lambda: read(artifacts[0]), artifacts[0].uri)


def _attempt(read: Callable[[], Value], where: str) -> Part[Value]:
    """What was read; a file that is gone or damaged is told, not raised."""
    try:
        return Part(read())
    except (OSError, fileio.NotFoundError) as error:
        return Part(reason=f"What {_place(where)} should hold cannot be read ({type(error).__name__}).")
    except (ValueError, KeyError, TypeError, AttributeError, DecodeError, text_format.ParseError) as error:
        return Part(reason=f"What {_place(where)} holds cannot be understood ({type(error).__name__}: {error}).")


def _place(uri: str) -> str:
    """The artifact without the root that it lies below, which differs between machines."""
    return "/".join(Path(uri).parts[-3:])


def _model(artifact: Artifact) -> ModelFacts:
    folder = Path(path_utils.serving_model_path(artifact.uri))
    description = _object(str(folder / _DESCRIPTION))
    odd = [name for name, item in description["inputs"].items() if not {"dtype", "required"} <= item.keys()]
    if odd:
        raise ValueError(f"{_DESCRIPTION} does not say what {', '.join(odd)} are")
    return ModelFacts(
        digest=model_digest(folder),
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        made_on=_day(artifact),
        description=description,
    )


def _day(artifact: Artifact) -> str | None:
    """The day on which the artifact was published: from the store, so that the same artifact gives the same day."""
    milliseconds = artifact.mlmd_artifact.create_time_since_epoch
    if not milliseconds:
        return None
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC).date().isoformat()


def _rows(artifact: Artifact) -> Rows:
    splits = artifact_utils.decode_split_names(artifact.split_names)
    counted = {split: _count(artifact, f"rows_{split}") for split in splits}
    uncounted = [split for split, rows in counted.items() if rows is None]
    if uncounted:
        raise ValueError(f"nobody counted the rows of {', '.join(uncounted)}")
    return Rows(
        by_split={split: rows for split, rows in counted.items() if rows is not None},
        rows_in=_count(artifact, "rows_in"),
        quarantined=_count(artifact, "rows_quarantined") or 0,
        span=_span(artifact),
    )


def _count(artifact: Artifact, name: str) -> int | None:
    properties = artifact.mlmd_artifact.custom_properties
    return int(properties[name].int_value) if name in properties else None


def _span(artifact: Artifact) -> int | None:
    proto = artifact.mlmd_artifact
    for values in (proto.properties, proto.custom_properties):
        if "span" in values:
            number = values["span"].int_value or int(values["span"].string_value or 0)
            return number if number >= 0 else None
    return None


def _statistics(artifact: Artifact) -> Mapping[str, ColumnStatistics]:
    path = os.path.join(artifact_utils.get_split_uri([artifact], _TRAINING_SPLIT), "FeatureStats.pb")
    found = statistics_pb2.DatasetFeatureStatisticsList.FromString(io_utils.read_bytes_file(path))
    if not found.datasets:
        raise ValueError("the statistics of no data")
    rows = found.datasets[0].num_examples
    return {
        ".".join(feature.path.step) or feature.name: _column(feature, rows) for feature in found.datasets[0].features
    }


def _column(feature: Any, rows: int) -> ColumnStatistics:
    kind = feature.WhichOneof("stats")
    stats = getattr(feature, kind)
    present = int(stats.common_stats.num_non_missing)
    missing = max(rows - present, 0) / rows if rows else 0.0
    if kind == "num_stats":
        return ColumnStatistics(missing, mean=stats.mean if present and stats.mean == stats.mean else None)
    return ColumnStatistics(missing, distinct=int(stats.unique) if kind == "string_stats" else None)


def _schema(artifact: Artifact) -> SchemaFacts:
    content = io_utils.read_bytes_file(os.path.join(artifact.uri, "schema.pbtxt"))
    schema = text_format.Parse(content.decode("utf-8"), schema_pb2.Schema())
    required = sum(feature.presence.min_fraction == 1 for feature in schema.feature)
    return SchemaFacts(hashlib.sha256(content).hexdigest(), len(schema.feature), required)


def _tuned(artifact: Artifact) -> Mapping[str, Any]:
    values = _object(os.path.join(artifact.uri, _TUNED_FILE))["values"]
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}


def _analysis(artifact: Artifact) -> Analysis:
    return Analysis.from_json(_object(os.path.join(artifact.uri, ANALYSIS_FILE)))


def _decision(artifact: Artifact, name: str) -> Mapping[str, Any]:
    decision = _object(os.path.join(artifact.uri, name))
    needed = {"blessed", "reasons"} | ({"baseline_model", "checks"} if name == DECISION_FILE else set())
    if lacking := sorted(needed - decision.keys()):
        raise ValueError(f"{name} lacks {', '.join(lacking)}")
    return decision


def _verdicts(artifacts: Sequence[Artifact], gates: Sequence[str]) -> Mapping[str, Part[Verdict]]:
    found = {name: Part[Verdict](reason=f"{name} left no verdict.") for name in gates}
    for artifact in artifacts:
        part = _attempt(functools.partial(_verdict, artifact), artifact.uri)
        found[part.value.gate if part.value else _node_of(artifact.uri)] = part
    return found


def _verdict(artifact: Artifact) -> Verdict:
    verdict = read_verdict(artifact)
    if verdict is None:
        raise ValueError("it holds no verdict")
    return verdict


def _node_of(uri: str) -> str:
    """The node that an artifact's place is named after: `…/<node>/<key>/<execution>`."""
    return Path(uri).parent.parent.name


def _bias(artifact: Artifact) -> BiasDocument:
    return BiasDocument.from_json(_object(os.path.join(artifact.uri, BIAS_FILE)))


def _explanation(artifact: Artifact) -> Explanation:
    return Explanation.from_json(_object(os.path.join(artifact.uri, EXPLANATION_FILE)))


def _object(path: str) -> dict[str, Any]:
    found = json.loads(io_utils.read_string_file(path))
    if not isinstance(found, dict):
        raise ValueError(f"{os.path.basename(path)} is no JSON object")
    return found
