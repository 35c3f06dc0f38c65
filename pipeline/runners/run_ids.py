"""Ids of runs where we, not the platform, give them."""

import datetime
import secrets


def new_run_id(now: datetime.datetime) -> str:
    """An id that sorts by time and does not repeat, such as 20261122-190501-3fa9."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
