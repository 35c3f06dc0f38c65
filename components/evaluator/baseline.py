"""Whether the last blessed model can be asked about today's rows. Pure.

After a change of the label or of the columns it cannot, and comparing with it would fail the run for good.
"""

from collections.abc import Mapping
from typing import Any

#: Where an exported model describes itself (models/tabular_text/export.py).
DESCRIPTION = "assets.extra/penstock.json"


def incomparable(candidate: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None) -> str | None:
    """Why the two models cannot answer the same rows, in words; None if they can, or if one does not describe itself.

    Args:
      candidate: its description.
      baseline: the last blessed model's.
    """
    if candidate is None or baseline is None:
        return None
    label, of_baseline = candidate["features"]["label"], baseline["features"]["label"]
    if any(label[key] != of_baseline[key] for key in ("name", "kind", "dtype")):
        return (
            f"it predicts {of_baseline['name']!r} ({of_baseline['kind']}, {of_baseline['dtype']}), not "
            f"{label['name']!r} ({label['kind']}, {label['dtype']})"
        )
    dtypes = {item["name"]: item["dtype"] for item in candidate["features"]["features"]}
    examples = baseline.get("examples_argument", "examples")
    problems = [
        # TFMA would feed it that column instead of the serialized rows.
        *([f"calls its serialized rows {examples!r}, which is now a column"] if examples in dtypes else []),
        *(f"needs {name!r}" for name, item in baseline["inputs"].items() if item["required"] and name not in dtypes),
        *(
            f"reads {item['name']!r} as {item['dtype']}, not {dtypes[item['name']]}"
            for item in baseline["features"]["features"]
            if item["name"] in baseline["inputs"] and dtypes.get(item["name"], item["dtype"]) != item["dtype"]
        ),
    ]
    return f"it {' and '.join(problems)}" if problems else None
