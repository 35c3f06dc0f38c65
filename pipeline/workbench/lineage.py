"""Where the artifacts of a run come from: as a story to read, as a drawing, and as a table."""

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.scope import scope
from pipeline.lineage.story import Story, tell
from pipeline.lineage.target import find_target
from pipeline.lineage.text import tree_of
from pipeline.lineage.tree import Branch, lines_of
from pipeline.metadata import ArtifactRecord, LineageStore
from pipeline.report.dag import Box, graph
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, visible
from pipeline.run_store import RunStore
from pipeline.workbench.display import Shown, frame_table

_COLUMNS = ["artifact_id", "type", "node", "key", "made_in_run", "fingerprint", "uri"]


class LineagePart(Shown):
    """What a run, model or artifact was made of, and what became of it.

    Attributes:
      story: everything known of it, as `penstock lineage` tells it.
    """

    def __init__(self, story: Story, lineage: LineageGraph, *, downstream: bool) -> None:
        """With `downstream` the frame and the drawing hold what was made from it, else what it was made of."""
        self.story, self._lineage, self._downstream = story, lineage, downstream
        self._closure = scope(story, lineage, downstream=downstream)

    @classmethod
    def of(cls, word: str, store: RunStore, pipeline_name: str, *, downstream: bool = False) -> "LineagePart":
        """The lineage of a run's id, a pushed version, or an artifact's id or place.

        Raises:
          NotFound: it is none of them; the message names what is like it.
        """
        lineage = LineageGraph.read(LineageStore(store.metadata_uri))
        story = tell(find_target(word, lineage, store, pipeline_name), lineage, store)
        return cls(story, lineage, downstream=downstream)

    @property
    def title(self) -> str:
        """What it is the lineage of."""
        subject, what = self.story.subject, "Made from" if self._downstream else "Lineage of"
        return f"{what} run {self.story.run_id}" if subject is None else f"{what} artifact {subject.artifact_id}"

    @property
    def downstream(self) -> "LineagePart":
        """The same, of what was made from it."""
        return LineagePart(self.story, self._lineage, downstream=True)

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each artifact, the oldest first."""
        rows = [self._row(artifact) for artifact in self._artifacts]
        return pd.DataFrame(rows, columns=_COLUMNS)

    @property
    def _artifacts(self) -> list[ArtifactRecord]:
        return [self._lineage.snapshot.artifacts[number] for number in sorted(self._closure.artifacts)]

    def _row(self, artifact: ArtifactRecord) -> Sequence[object]:
        maker = self._lineage.producer(artifact.artifact_id)
        run_id = next(iter(maker.run_ids), None) if maker else None
        head = (artifact.artifact_id, artifact.type_name, artifact.node_id, artifact.key)
        return (*head, run_id, artifact.fingerprint, artifact.uri)

    def body(self) -> Markup:
        """The drawing, the story, and the artifacts."""
        drawn = tag("div", self._drawing(), class_="pn-scroll pn-wide") if self._closure.executions else None
        told = _list(self._tree.branches)
        table = frame_table(self.frame.drop(columns="uri"), caption="Artifacts")
        return join([drawn, tag("div", told, class_="pn-part"), tag("div", table, class_="pn-part")])

    def __repr__(self) -> str:
        """The story as `penstock lineage` prints it."""
        return visible("\n".join(lines_of(self._tree)))

    @property
    def _tree(self) -> Branch:
        return tree_of(self.story, self._lineage, downstream=self._downstream)

    def _drawing(self) -> Markup:
        """Executions as boxes; an arrow says that one read what the other wrote."""
        numbers = sorted(self._closure.executions)
        upstream: dict[str, list[str]] = {str(number): [] for number in numbers}
        for number in numbers:
            for event in self._lineage.inputs_of(number):
                maker = self._lineage.producer(event.artifact_id)
                if maker and maker.execution_id in self._closure.executions and maker.execution_id < number:
                    upstream[str(number)].append(str(maker.execution_id))
        boxes = [self._box(number) for number in numbers]
        return graph(boxes, {name: _unique(parents) for name, parents in upstream.items()}, title=self.title)

    def _box(self, number: int) -> Box:
        execution = self._lineage.snapshot.executions[number]
        run_id = next(iter(execution.run_ids), "no run")
        own = run_id == self.story.run_id
        made = ", ".join(event.key for event in self._lineage.outputs_of(number))
        detail = f"{execution.node_id} in run {run_id} made {made or 'nothing'}"
        return Box(str(number), execution.node_id, f"run {run_id}", "good" if own else "same", detail)


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _list(branches: Sequence[Branch]) -> Markup:
    """A story as nested lists."""
    items = [
        tag("li", tag("strong", branch.name), " ", clipped(branch.text), _list(branch.branches)) for branch in branches
    ]
    return tag("ul", *items) if items else Markup("")
