"""What Kubeflow's launcher takes from a container: a file for each artifact, and one document with their metadata.

The UI draws metrics from the metadata alone and pages from the files. Source: `backend/src/v2/component/launcher_v2.go`
(uploadOutputArtifacts, mergeRuntimeArtifacts, getExecutorOutputFile) of kubeflow/pipelines, and `kfp/dsl/executor.py`,
which writes the same document. That launcher fails the task if the document is no JSON for protobuf: a number that is
not finite or half a surrogate pair would do.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

CARD, LINKS, METRICS, CLASSIFICATION = "card", "links", "metrics", "classification_metrics"
"""Names of outputs."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """What goes into one output: the file's text, and the metadata beside it (JSON with finite numbers only)."""

    text: str
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Outputs:
    """The artifacts that Kubeflow waits for.

    Attributes:
      document: the file that gets their metadata.
      given: output → name and URI, as Kubeflow has chosen them.
      files: output → its file in this container.
    """

    document: Path
    given: Mapping[str, Mapping[str, str]]
    files: Mapping[str, Path]

    @classmethod
    def of(cls, executor_input: str, files: Mapping[str, Path]) -> Self:
        """The outputs in Kubeflow's ExecutorInput.

        Raises:
          ValueError: it is none, or knows nothing of one of the files' outputs.
        """
        try:
            expected = json.loads(executor_input)["outputs"]
            found = {name: item["artifacts"][0] for name, item in expected.get("artifacts", {}).items()}
            document = Path(expected["outputFile"])
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise ValueError(f"it is no ExecutorInput with outputs ({error!r})") from error
        if missing := sorted(set(files) - set(found)):
            raise ValueError(f"it has no output {', '.join(missing)}")
        given = {name: {key: str(found[name].get(key, "")) for key in ("name", "uri")} for name in files}
        return cls(document, given, files)

    def write(self, shown: Mapping[str, Shown]) -> None:
        """Leaves the outputs; those that Kubeflow does not wait for are left out.

        Raises:
          OSError: a file cannot be written.
        """
        kept = {name: what for name, what in shown.items() if name in self.files}
        for name, what in kept.items():
            self.files[name].parent.mkdir(parents=True, exist_ok=True)
            self.files[name].write_text(what.text, encoding="utf-8", errors="backslashreplace")
        artifacts = {
            name: {"artifacts": [{**self.given[name], "metadata": dict(what.metadata)}]} for name, what in kept.items()
        }
        text = json.dumps({"artifacts": artifacts}, allow_nan=False)
        self.document.parent.mkdir(parents=True, exist_ok=True)
        self.document.write_text(text, encoding="ascii")
