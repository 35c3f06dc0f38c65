"""Tells how a run ended: one JSON message to a URL. The last task of a run on Kubeflow Pipelines runs it.

    python -m pipeline.launch.notification --pipeline P --run-id R --status '{"state": "FAILED", …}' --url-from VAR

The URL is read from a variable, because it usually has a secret in it. Needs the standard library only. Failing to tell
fails the task, so that somebody sees that nobody was told.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

_TIMEOUT_S = 30
_SAID = 1000


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Sends the message; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.launch.notification")
    for option in ("--pipeline", "--run-id", "--status", "--url-from"):
        parser.add_argument(option, required=True)
    args = parser.parse_args(argv)
    url = environ.get(args.url_from, "")
    if not url.startswith(("https://", "http://")):
        sys.stderr.write(
            f"${args.url_from} is not the URL of a web hook: put one into the secret that it comes from.\n"
        )
        return 2
    message = message_of(args.pipeline, args.run_id, args.status)
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        url, json.dumps(message).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
            pass
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"Nobody was told how run {args.run_id} ended: ${args.url_from} answered {error}.\n")
        return 1
    sys.stdout.write(f"{message['text']}\n")
    return 0


def message_of(pipeline_name: str, run_id: str, status: str) -> dict[str, str]:
    """What is sent; `text` alone is what chat programs show.

    Args:
      status: Kubeflow's PipelineTaskFinalStatus of everything before, as JSON.
    """
    try:
        found = json.loads(status)
    except ValueError:
        found = {}
    state = str(found.get("state") or "UNKNOWN")
    why = str((found.get("error") or {}).get("message") or "")[:_SAID]
    ended = {"SUCCEEDED": "has ended", "FAILED": "failed", "CANCELLED": "was stopped"}.get(state, f"is {state}")
    text = f"Run {run_id} of pipeline {pipeline_name} {ended}{f': {why}' if why else '.'}"
    return {"text": text, "pipeline": pipeline_name, "run_id": run_id, "state": state, "error": why}


if __name__ == "__main__":
    sys.exit(main())
