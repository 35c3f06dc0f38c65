"""What was on an endpoint, by the record of its deployments. Pure.

deployed   ─► on top of what was there
rolled_back ─► what was on top of it is gone, so that the next rollback goes one further back
traffic, failed ─► the same configuration stays
"""

from collections.abc import Sequence

from components.errors import ComponentError
from components.ledger.ledger import Entry

DEPLOYED, ROLLED_BACK, TRAFFIC, FAILED = "deployed", "rolled_back", "traffic", "failed"


class NothingBefore(ComponentError):
    """There is no earlier configuration to go back to."""


def configurations(entries: Sequence[Entry]) -> list[Entry]:
    """The deployments that were not rolled back, oldest first; the last one is what is there now."""
    stack: list[Entry] = []
    for entry in entries:
        if entry.kind == DEPLOYED:
            if stack and stack[-1].content["config"] == entry.content["config"]:
                stack.pop()
            stack.append(entry)
        elif entry.kind == ROLLED_BACK:
            while len(stack) > 1 and stack[-1].content["config"] != entry.content["config"]:
                stack.pop()
    return stack


def previous(entries: Sequence[Entry], endpoint: str, now: str) -> Entry:
    """The deployment before the one that is there.

    Args:
      entries: the record, oldest first.
      endpoint: for messages.
      now: the configuration that the platform says is there.

    Raises:
      NothingBefore: it is the first, or somebody changed the endpoint without the record.
    """
    stack = configurations(entries)
    if not stack or stack[-1].content["config"] != now:
        seen = stack[-1].content["config"] if stack else "nothing"
        raise NothingBefore(
            f"Endpoint '{endpoint}' has configuration {now}, and the record says {seen}: somebody changed it "
            "otherwise. Nothing was changed. Deploy a version that you want there: penstock deploy VERSION --reason …"
        )
    if len(stack) < 2:
        raise NothingBefore(
            f"Endpoint '{endpoint}' has its first configuration, {now}: there is none to go back to. Nothing "
            "was changed."
        )
    return stack[-2]


def is_on_record(entries: Sequence[Entry], kind: str, config: str) -> bool:
    """True if the newest change says just that: it was done before, by a command that was killed afterwards."""
    changes = [entry for entry in entries if entry.kind in (DEPLOYED, ROLLED_BACK)]
    return bool(changes) and changes[-1].kind == kind and changes[-1].content["config"] == config
