"""The change of the schema that would accept an anomaly, in words, from the schema before and after TFDV's update."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2


def changes_for(
    steps: Sequence[str], before: schema_pb2.Schema, after: schema_pb2.Schema, name: str | None = None
) -> list[str]:
    """What to change in `before` to get `after`, for one feature, one imperative sentence each.

    Args:
      steps: the feature's path (several steps inside structs), none for the whole dataset.
      before: the schema the data was held to.
      after: the schema that accepts the data (`tfdv.update_schema`).
      name: what to call the feature; by default its path with dots.
    """
    if not steps:
        return _constraint_changes(before, after)
    called = f'feature "{name or ".".join(steps)}"'
    old, new = _find(before.feature, steps), _find(after.feature, steps)
    if new is None:
        return [] if old is None else [f"{called}: remove it"]
    if old is None:
        return [f"add feature {{ {text_format.MessageToString(new, as_one_line=True)} }}"]
    changes = list(_differences(old, new))
    if old.domain and old.domain == new.domain:
        domains = ({domain.name: domain for domain in schema.string_domain} for schema in (before, after))
        shared = [domain.get(old.domain, schema_pb2.StringDomain()) for domain in domains]
        changes += (f'{change} (the shared string_domain "{old.domain}")' for change in _differences(*shared))
    return [f"{called}: {change}" for change in changes]


def _constraint_changes(before: schema_pb2.Schema, after: schema_pb2.Schema) -> list[str]:
    changes = _differences(before.dataset_constraints, after.dataset_constraints)
    return [f"dataset_constraints: {change}" for change in changes]


def _find(features: Iterable[schema_pb2.Feature], steps: Sequence[str]) -> schema_pb2.Feature | None:
    feature = next((feature for feature in features if feature.name == steps[0]), None)
    if feature is None or len(steps) == 1:
        return feature
    return _find(feature.struct_domain.feature, steps[1:])


def _differences(old: Any, new: Any) -> Iterator[str]:
    was, becomes = dict(_leaves(old)), dict(_leaves(new))
    for path in dict.fromkeys([*was, *becomes]):
        before, after = was.get(path), becomes.get(path)
        if before == after:
            continue
        if isinstance(before or after, tuple):
            yield from _list_differences(path, before or (), after or ())
        elif after is None:
            yield f"remove {path} (now {before})"
        else:
            yield f"set {path} to {after}" + ("" if before is None else f" (now {before})")


def _list_differences(path: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    yield from (f"add {value} to {path}" for value in after if value not in before)
    yield from (f"remove {value} from {path}" for value in before if value not in after)


def _leaves(message: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of each field that is set; a repeated field is a tuple, an empty message is `{}`."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if field.is_repeated:
            yield path, tuple(_shown(field, item) for item in value)
        elif field.message_type is None:
            yield path, _shown(field, value)
        elif value.ListFields():
            yield from _leaves(value, f"{path}.")
        else:
            yield path, "{}"


def _shown(field: Any, value: Any) -> str:
    if field.message_type is not None:
        return f"{{ {text_format.MessageToString(value, as_one_line=True)} }}"
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, float):
        return f"{value:.6g}"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
