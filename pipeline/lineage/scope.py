"""Which executions and artifacts belong to a story, for drawing and exporting it."""

from pipeline.lineage.graph import Closure, LineageGraph
from pipeline.lineage.story import Story


def scope(story: Story, graph: LineageGraph, *, downstream: bool) -> Closure:
    """What the subject was made from and judged by, or what was made from it, the subject included."""
    subjects = [story.subject] if story.subject else list(story.outputs)
    ids = [artifact.artifact_id for artifact in subjects]
    if downstream:
        return _with_producers(graph.downstream(ids), ids, graph)
    closure = graph.upstream(ids)
    if story.subject is None and story.run_id is not None:
        executions = graph.executions_of_run(story.run_id, story.pipeline_name)
        ran = frozenset(e.execution_id for e in executions if not e.type_name.endswith(".Resolver"))
        closure |= Closure(frozenset(), ran)
    return closure | _judgement(story, graph)


def _judgement(story: Story, graph: LineageGraph) -> Closure:
    """What judged, pushed and approved the model, with its results."""
    if story.model is None:
        return Closure(frozenset(), frozenset())
    executions = [
        execution
        for execution in graph.consumers(story.model.artifact_id, "model")
        if execution.state != "CACHED" and execution.is_finished
    ]
    written = [event.artifact_id for e in executions for event in graph.outputs_of(e.execution_id)]
    return Closure(
        frozenset([story.model.artifact_id, *written]), frozenset(execution.execution_id for execution in executions)
    )


def _with_producers(closure: Closure, ids: list[int], graph: LineageGraph) -> Closure:
    producers = [producer.execution_id for number in ids if (producer := graph.producer(number))]
    return closure | Closure(frozenset(ids), frozenset(producers))
