import io

from rich.console import Console

from pipeline.progress import Progress
from pipeline.run_store import NodeRecord
from pipeline.runners.events import NodeEnded, NodeStarted


def shown(*events):
    screen = io.StringIO()
    progress = Progress(Console(file=screen, width=120))
    progress.begin("loading")
    for event in events:
        progress.show(event)
    progress.end()
    return screen.getvalue().splitlines()


def test_where_there_is_no_terminal_each_node_is_one_plain_line():
    trained = NodeRecord("Trainer", "COMPLETE", 3, wall_s=12.34, peak_memory_bytes=3 * 2**20)
    lines = shown(NodeStarted("Trainer", 1, 3, 11), NodeEnded(trained, 3, 11))
    assert lines == ["loading", "[ 3/11] Trainer                done       12.3 s  3 MiB"]


def test_the_states_have_words():
    states = ["COMPLETE", "CACHED", "SKIPPED", "FAILED"]
    lines = shown(*(NodeEnded(NodeRecord("N", state), 1, 1) for state in states))[1:]
    assert [line.split()[2] for line in lines] == ["done", "cached", "skipped", "failed"]
