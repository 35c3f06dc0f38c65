"""Holds the outputs of two runs against each other; reads artifacts' files, without TensorFlow but for the weights."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pipeline.lineage.story import Story
from pipeline.metadata import ArtifactRecord
from pipeline.reproduction.rows import rows_digests
from pipeline.reproduction.weights import WeightComparison, compare_weights

Outcome = Literal["same", "close", "different", "not compared"]

CLOSE_METRIC = 0.001
"""Metrics that differ by no more are close: sums in another order change the last digits of a float."""

CLOSE_STATISTIC = 1e-9
"""Statistics that differ by no more, relatively, are close."""

CLOSE_WEIGHT = 0.001
"""Weights that differ by no more are close."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was compared, how it came out, and what was seen."""

    name: str
    outcome: Outcome
    seen: str


@dataclasses.dataclass(frozen=True)
class Verdict:
    """All findings as one word: `equal`, `equal in effect` or `different`."""

    word: Literal["equal", "equal in effect", "different"]
    sentence: str
    findings: tuple[Finding, ...]


def compare(original: Story, again: Story) -> Verdict:
    """The verdict on a re-created run."""
    findings = (
        _states(original, again),
        *_rows(original, again),
        _files(original, again, "schema", "Schema", "schema.pbtxt"),
        _statistics(original, again),
        _files(original, again, "vocabularies", "TransformGraph", "transform_fn/assets/*"),
        _weights(original, again),
        *_metrics(original, again),
        _decision(original, again, "Evaluator"),
        _decision(original, again, "ServingCheck"),
    )
    return verdict_of(findings)


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """One word for all findings; where the weights are the same bits, close metrics are the same model's."""
    different = [finding for finding in findings if finding.outcome == "different"]
    close = [finding for finding in findings if finding.outcome == "close"]
    compared = [finding for finding in findings if finding.outcome != "not compared"]
    weights = next((finding for finding in findings if finding.name == "weights"), None)
    if different or not compared:
        said = "; ".join(f"{finding.name}: {finding.seen}" for finding in different) or "nothing could be compared"
        return Verdict("different", f"different: {said}", tuple(findings))
    if weights is not None and weights.outcome == "same":
        return Verdict("equal", "equal: same weights bit for bit", tuple(findings))
    if close:
        said = "; ".join(f"{finding.name}: {finding.seen}" for finding in close)
        return Verdict("equal in effect", f"equal in effect: {said}", tuple(findings))
    return Verdict("equal", "equal: in everything that both runs made; no model was compared", tuple(findings))


def _states(original: Story, again: Story) -> Finding:
    """Which nodes succeeded: a run that failed is re-created by one that fails at the same node."""
    if original.run is None or again.run is None:
        return Finding("nodes", "not compared", "the record of a run is not there")
    succeeded = [{node.node_id for node in run.nodes if node.succeeded} for run in (original.run, again.run)]
    only = [f"{node_id} only then" for node_id in sorted(succeeded[0] - succeeded[1])]
    only += [f"{node_id} only now" for node_id in sorted(succeeded[1] - succeeded[0])]
    if only:
        return Finding("nodes", "different", f"succeeded: {', '.join(only)}")
    return Finding("nodes", "same", f"{len(succeeded[0])} of {len(original.run.node_ids)} succeeded in both")


def _rows(original: Story, again: Story) -> Iterator[Finding]:
    if original.data is None or again.data is None:
        yield Finding("rows", "not compared", "a run read none")
        return
    then, now = dict(original.data.rows), dict(again.data.rows)
    changed = [
        f"{name} {then.get(name, 0):,} → {now.get(name, 0):,}" for name in then | now if then.get(name) != now.get(name)
    ]
    shown = ", ".join(f"{name.removeprefix('rows_')} {count:,}" for name, count in sorted(then.items()) if count)
    yield Finding("rows", "different" if changed else "same", ", ".join(changed) or shown)
    yield _examples(original.data.examples, again.data.examples)


def _examples(then: ArtifactRecord, now: ArtifactRecord) -> Finding:
    """The rows themselves: equal by fingerprint, or else row by row in whatever order their columns were written."""
    if then.fingerprint is not None and then.fingerprint == now.fingerprint:
        return Finding("examples", "same", "bytes equal")
    digests = [rows_digests(Path(artifact.uri)) for artifact in (then, now)]
    if not digests[0] or not digests[1]:
        return Finding("examples", "not compared", "the rows of a run are gone or cannot be read")
    changed = sorted(
        name for name in digests[0].keys() | digests[1].keys() if digests[0].get(name) != digests[1].get(name)
    )
    if changed:
        return Finding("examples", "different", f"rows of {', '.join(changed)}")
    return Finding("examples", "same", "rows equal")


def _files(original: Story, again: Story, name: str, type_name: str, pattern: str) -> Finding:
    """Files of the one artifact of this type, byte for byte."""
    folders = [_folder(story, type_name) for story in (original, again)]
    if folders[0] is None or folders[1] is None:
        return _absent(name, folders)
    then, now = (_contents(folder, pattern) for folder in folders if folder is not None)
    changed = sorted(file for file in then.keys() | now.keys() if then.get(file) != now.get(file))
    if changed:
        return Finding(name, "different", f"{', '.join(changed)} differ")
    return Finding(name, "same", f"{len(then)} files, bytes equal")


def _contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob(pattern) if path.is_file()}


def _statistics(original: Story, again: Story) -> Finding:
    folders = [_folder(story, "ExampleStatistics") for story in (original, again)]
    if folders[0] is None or folders[1] is None:
        return _absent("statistics", folders)
    then, now = (_parsed_statistics(folder) for folder in folders if folder is not None)
    apart = {name: _distance(then.get(name), now.get(name)) for name in sorted(then.keys() | now.keys())}
    different = [name for name, distance in apart.items() if distance > CLOSE_STATISTIC]
    close = [name for name, distance in apart.items() if 0 < distance <= CLOSE_STATISTIC]
    if different or close:
        named = (different or close)[:5]
        more = f" and {len(different or close) - 5} more" if len(different or close) > 5 else ""
        digits = "" if different else " in the last digits"
        return Finding("statistics", "different" if different else "close", f"{', '.join(named)}{more}{digits}")
    return Finding("statistics", "same", f"{len(then)} columns, counted by split")


def _parsed_statistics(folder: Path) -> dict[str, Any]:
    """Each feature's statistics by `split: name`: TFDV orders neither features nor fields."""
    from google.protobuf import json_format
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found = {}
    for path in sorted(folder.glob("Split-*/FeatureStats.pb")):
        parsed = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        for feature in (feature for dataset in parsed.datasets for feature in dataset.features):
            name = ".".join(feature.path.step) or feature.name
            found[f"{path.parent.name.removeprefix('Split-')}: {name}"] = json_format.MessageToDict(feature)
    return found


def _distance(one: Any, other: Any) -> float:
    """The largest relative difference of two numbers at the same place of two JSON values; infinite if not alike."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((_distance(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max(map(_distance, one, other), default=0.0)
    if one == other:
        return 0.0
    if isinstance(one, float) and isinstance(other, float) and math.isfinite(one) and math.isfinite(other):
        return abs(one - other) / max(abs(one), abs(other))
    return math.inf


def _weights(original: Story, again: Story) -> Finding:
    models = [model_folder(story) for story in (original, again)]
    if models[0] is None or models[1] is None:
        return _absent("weights", models)
    found = compare_weights(models[0], models[1])
    if found is None:
        return Finding("weights", "same", "files equal byte for byte")
    return weights_finding(found)


def weights_finding(found: WeightComparison) -> Finding:
    """What the comparison of two models' tensors comes to."""
    counted = f"{found.values:,} values of {found.tensors} tensors"
    if not found.differing:
        return Finding("weights", "same", f"{counted}, bit for bit")
    named = f"{len(found.differing)} of {found.tensors} tensors differ, such as {found.differing[0]}"
    if math.isnan(found.largest):
        return Finding("weights", "different", f"{named}, in shape or kind")
    outcome: Outcome = "close" if found.largest <= CLOSE_WEIGHT else "different"
    return Finding("weights", outcome, f"{named}, by at most {found.largest:.3g}")


def model_folder(story: Story) -> Path | None:
    """The SavedModel that the run made: the artifact's, or where that is gone a pushed copy; None if it made none."""
    places = [Path(story.model.uri) / "Format-Serving"] if story.model else []
    places += [Path(push.destination) for push in story.pushes]
    return next((place for place in places if (place / "saved_model.pb").is_file()), None)


def _metrics(original: Story, again: Story) -> Iterator[Finding]:
    then, now = (_document(story, "ModelBlessing").get("metrics") or {} for story in (original, again))
    if not then or not now:
        yield Finding("metrics", "not compared", "a run measured none")
        return
    gaps = {name: _gap(then.get(name), now.get(name)) for name in sorted(then.keys() | now.keys())}
    changed = [f"{name} {then.get(name)} → {now.get(name)}" for name, gap in gaps.items() if gap > 0]
    largest = max(gaps.values())
    outcome: Outcome = "same" if largest == 0 else "close" if largest <= CLOSE_METRIC else "different"
    yield Finding("metrics", outcome, ", ".join(changed) or f"{len(gaps)} equal")


def _gap(one: Any, other: Any) -> float:
    """How far apart two metrics are; NaN equals NaN, and what only one has is infinitely far."""
    if one == other or (one != one and other != other):
        return 0.0
    if not isinstance(one, int | float) or not isinstance(other, int | float) or one != one or other != other:
        return math.inf
    return abs(one - other)


def _decision(original: Story, again: Story, node_id: str) -> Finding:
    name = f"decision of {node_id}"
    then, now = (_blessed(story, node_id) for story in (original, again))
    if then is None or now is None:
        return Finding(name, "not compared", "a run made none")
    words = {True: "blessed", False: "not blessed"}
    if then == now:
        return Finding(name, "same", words[then])
    return Finding(name, "different", f"{words[then]} → {words[now]}")


def _blessed(story: Story, node_id: str) -> bool | None:
    found = [a.properties.get("blessed") for a in story.outputs if a.node_id == node_id and a.key == "blessing"]
    return bool(found[-1]) if found and found[-1] is not None else None


def _document(story: Story, type_name: str) -> Mapping[str, Any]:
    folder = _folder(story, type_name)
    try:
        found = json.loads((folder / "decision.json").read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _folder(story: Story, type_name: str) -> Path | None:
    """Where the run's one output of this type lies, None if it made none or it is gone."""
    found: list[ArtifactRecord] = [a for a in story.outputs if a.type_name == type_name]
    path = Path(found[0].uri) if found else None
    return path if path is not None and path.is_dir() else None


def _absent(name: str, folders: Sequence[Path | None]) -> Finding:
    whose = "the first run" if folders[0] is None else "the new run"
    return Finding(name, "not compared", f"{whose} has none, or it is gone")
