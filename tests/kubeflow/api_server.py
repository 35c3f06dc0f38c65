"""A stand-in for the API server of Kubeflow Pipelines 2: keeps pipelines, versions, experiments, runs and schedules.

It applies the server's own rules where they have bitten (read in backend/src/apiserver of kubeflow/pipelines at
sdk-2.16.1): documents of version 2.1.0 with containers only, task names that Argo takes, parameters that the pipeline
has and needs, ids that exist, namespaces of a server for several teams. A run that is stopped is CANCELING and then
FAILED, as there; of tasks it tells name, state and times, and never why one failed. Standard library and PyYAML only.

    python tests/kubeflow/api_server.py FILE [--multi-user] [--token T] [--carry-out FOLDER]     writes its port to FILE

With a folder it has local_run.py carry out the runs (FOLDER/setting.json says what pods find), and answers for
Kubernetes too what clients ask about their pods. Without, it runs nothing: `POST /stand-in/<run>` says what becomes of
a run.
"""

import argparse
import datetime
import email
import email.policy
import json
import re
import sys
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from carrier import Carrier

_TASK_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_PREFIX = "/apis/v2beta1"
_KUBERNETES = "/api/v1/namespaces/"


class Refused(Exception):
    """An answer of the server that is no success."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


class State:
    """Everything that the server knows."""

    def __init__(self, multi_user, token, carrier=None):
        self.multi_user, self.token, self.carrier = multi_user, token, carrier
        self.pipelines, self.versions, self.experiments, self.runs, self.schedules = {}, {}, {}, {}, {}
        self.last = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def now(self):
        """A time, later than all before it."""
        self.last += datetime.timedelta(seconds=1)
        return self.last.strftime("%Y-%m-%dT%H:%M:%SZ")

    def enter(self, run, state):
        """The run is in this state from now on."""
        run["state"] = state
        run["state_history"] = [*run.get("state_history", ()), {"update_time": self.now(), "state": state}]

    def carry_out(self, run):
        """Starts the run, or goes on with it; returns at once."""
        version = self.versions[run["pipeline_version_reference"]["pipeline_version_id"]]
        document = version["pipeline_spec"]
        parts = [document["pipeline_spec"], document["platform_spec"]] if "pipeline_spec" in document else [document]
        setting = json.loads((self.carrier.folder / "setting.json").read_text())
        parameters = (run.get("runtime_config") or {}).get("parameters") or {}
        process = self.carrier.start(run["run_id"], yaml.safe_dump_all(parts), parameters, setting)
        self.enter(run, "RUNNING")
        threading.Thread(target=self._wait_for, args=(process, run), daemon=True).start()

    def _wait_for(self, process, run):
        process.join()
        self.enter(run, "SUCCEEDED" if process.exitcode == 0 else "FAILED")

    def seen(self, run):
        """The run with what its tasks have come to."""
        path = self.carrier.folder / run["run_id"] / "details.json" if self.carrier else None
        return run if path is None or not path.exists() else {**run, "run_details": json.loads(path.read_text())}

    def pods(self):
        """Records of all pods that were not deleted, oldest first."""
        found = [(path, json.loads(path.read_text())) for path in self.carrier.folder.glob("*/pods/*.json")]
        kept = [(path, record) for path, record in found if not path.with_suffix(".deleted").exists()]
        return sorted(kept, key=lambda item: item[1]["started"])

    def delete_pods(self, run_id):
        """Forgets the pods of a run that did not succeed, as a run that is started again does."""
        for path, record in self.pods() if self.carrier else ():
            if record["run_id"] == run_id and record["exit_code"]:
                path.with_suffix(".deleted").touch()


def read_document(text):
    """The document as the server keeps it; refuses what the real one refuses."""
    parts = [part for part in yaml.safe_load_all(text) if part]
    spec = parts[0]
    if "pipelineInfo" not in spec or "root" not in spec:
        raise Refused(400, "unknown template format")
    if spec.get("schemaVersion") != "2.1.0":
        raise Refused(400, f"KFP only supports schema version 2.1.0, but the pipeline has {spec.get('schemaVersion')}")
    for label, executor in spec["deploymentSpec"]["executors"].items():
        if "container" not in executor and "importer" not in executor:
            raise Refused(400, f"non-container and non-importer executor not implemented: {label}")
    for component in (spec["root"], *spec.get("components", {}).values()):
        for name in component.get("dag", {}).get("tasks", {}):
            if not _TASK_NAME.fullmatch(name):
                raise Refused(400, f"invalid task name {name}")
    return {"pipeline_spec": spec, "platform_spec": parts[1]} if len(parts) > 1 else spec


def as_pod(path, record):
    """A pod as Kubernetes describes it."""
    code, started = record["exit_code"], datetime.datetime.fromtimestamp(record["started"], datetime.UTC)
    reason = "Completed" if code == 0 else "Error"
    ended = {"terminated": {"exitCode": code, "reason": reason, "message": record.get("message") or None}}
    main = {"name": "main", "image": "image", "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Running" if code is None else "Succeeded" if code == 0 else "Failed"}
    if record["reason"]:
        status["message"] = record["reason"]
    metadata = {"name": record["name"], "labels": record["labels"], "creationTimestamp": started.isoformat()}
    state = {"running": {}} if code is None else ended
    return {"metadata": metadata, "status": {**status, "containerStatuses": [{**main, "state": state}]}}


def check_parameters(document, config):
    """Refuses parameters that the pipeline does not have, and those missing that it needs."""
    spec = document.get("pipeline_spec", document)
    takes, given = spec["root"].get("inputDefinitions", {}).get("parameters", {}), config.get("parameters") or {}
    for name, definition in takes.items():
        if name not in given and not definition.get("isOptional"):
            raise Refused(
                400, f"parameter {name} is not optional, yet has neither default value nor user provided value"
            )
    if unknown := sorted(set(given) - set(takes)):
        raise Refused(400, f"parameter(s) provided are not required by pipeline: {', '.join(unknown)}")


def page(items, key, query):
    """A page of a list, in the order asked for, with the token of the next one."""
    if "filter" in query:
        predicate = json.loads(query["filter"])["predicates"][0]
        wanted = predicate.get("string_value", predicate.get("stringValue"))
        items = [item for item in items if item["display_name"] == wanted]
    if query.get("sort_by", "").endswith("desc"):
        items = sorted(items, key=lambda item: item["created_at"], reverse=True)
    begin, size = int(query.get("page_token") or 0), min(int(query.get("page_size") or 10), 2)  # pages are short
    found = {key: items[begin : begin + size], "total_size": len(items)}
    return {**found, "next_page_token": str(begin + size)} if begin + size < len(items) else found


class Handler(BaseHTTPRequestHandler):
    """Answers requests from `state`, which the server sets."""

    state = None

    def log_message(self, *_):
        """Says nothing."""

    def do_GET(self):
        """Answers."""
        self._answer("GET")

    def do_POST(self):
        """Answers."""
        self._answer("POST")

    def do_DELETE(self):
        """Answers."""
        self._answer("DELETE")

    def _answer(self, verb):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlparse(self.path)
        query = {key: values[0] for key, values in urllib.parse.parse_qs(url.query).items()}
        try:
            self._check_token()
            status, answer = 200, self._route(verb, url.path, query, body)
        except Refused as refused:
            status, answer = refused.status, {"code": 3, "message": refused.message, "details": []}
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _check_token(self):
        if self.path.startswith(("/stand-in/", _KUBERNETES)) or not self.state.token:
            return
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or self.headers.get("Cookie")
        if given == "outsider":
            raise Refused(403, "User 'outsider' is not authorized with reason: this action is not authorized")
        if given != self.state.token:
            raise Refused(401, "Request header error: there is no user identity header")

    def _route(self, verb, path, query, body):
        if path.startswith("/stand-in/"):
            return self._told(path.split("/")[2], json.loads(body))
        if path.startswith(_KUBERNETES) and verb == "GET":
            return self._kubernetes(path.removeprefix(_KUBERNETES).split("/")[1:], query)
        if not path.startswith(_PREFIX):
            raise Refused(404, "Not Found")
        first, *rest = path.removeprefix(_PREFIX).strip("/").split("/")
        answer = getattr(self, f"_{verb.lower()}_{first}", None)
        if answer is None:
            raise Refused(404, f"no such path: {path}")
        return answer(rest, query, body)

    def _told(self, run_id, what):
        run = self.state.runs[run_id]
        if "state" in what:
            self.state.enter(run, what["state"])
        run.update(what)
        return {}

    def _kubernetes(self, rest, query):
        """`pods?labelSelector=…` and `pods/NAME/log`."""
        pods = self.state.pods()
        if len(rest) == 1:
            wanted = dict(item.split("=", 1) for item in query.get("labelSelector", "").split(",") if item)
            found = [as_pod(*pod) for pod in pods if wanted.items() <= pod[1]["labels"].items()]
            return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": found}
        return next(path for path, record in pods if record["name"] == rest[1]).with_suffix(".log").read_bytes()

    def _get_healthz(self, *_):
        return {"multi_user": self.state.multi_user}

    def _namespace(self, namespace):
        if self.state.multi_user and not namespace:
            raise Refused(400, "Invalid input error: a namespace is required in multi-user mode")

    def _get_experiments(self, rest, query, _):
        if rest:
            return self._found(self.state.experiments, rest[0], "Experiment")
        self._namespace(query.get("namespace"))
        return page([*self.state.experiments.values()], "experiments", query)

    def _post_experiments(self, _, __, body):
        given = json.loads(body)
        self._namespace(given.get("namespace"))
        self._free(self.state.experiments.values(), given["display_name"])
        made = {
            "experiment_id": str(uuid.uuid4()),
            "created_at": self.state.now(),
            "storage_state": "AVAILABLE",
            **given,
        }
        self.state.experiments[made["experiment_id"]] = made
        return made

    def _get_pipelines(self, rest, query, _):
        if not rest:
            self._namespace(query.get("namespace"))
            return page([*self.state.pipelines.values()], "pipelines", query)
        pipeline = self._found(self.state.pipelines, rest[0], "Pipeline")
        if len(rest) == 1:
            return pipeline
        versions = [item for item in self.state.versions.values() if item["pipeline_id"] == rest[0]]
        if len(rest) == 2:
            return page(versions, "pipeline_versions", query)
        return self._found(self.state.versions, rest[2], "PipelineVersion")

    def _post_pipelines(self, rest, query, body):
        document = read_document(self._uploaded(body))
        if rest == ["upload"]:
            self._namespace(query.get("namespace"))
            self._free(self.state.pipelines.values(), query["name"])
            made = {"pipeline_id": str(uuid.uuid4()), "display_name": query["name"], "created_at": self.state.now()}
            self.state.pipelines[made["pipeline_id"]] = made
            self._version(made["pipeline_id"], query["name"], document)
            return made
        return self._version(
            self._found(self.state.pipelines, query["pipelineid"], "Pipeline")["pipeline_id"], query["name"], document
        )

    def _free(self, items, name):
        if any(item["display_name"] == name for item in items):
            raise Refused(409, f"Already exist error: the name {name} already exist")

    def _version(self, pipeline_id, name, document):
        self._free([item for item in self.state.versions.values() if item["pipeline_id"] == pipeline_id], name)
        made = {
            "pipeline_id": pipeline_id,
            "pipeline_version_id": str(uuid.uuid4()),
            "display_name": name,
            "created_at": self.state.now(),
            "pipeline_spec": document,
        }
        self.state.versions[made["pipeline_version_id"]] = made
        return made

    def _uploaded(self, body):
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        for part in message.iter_parts():
            if part.get_param("name", header="content-disposition") == "uploadfile":
                return part.get_payload(decode=True).decode()
        raise Refused(400, "Failed to read pipeline: no file 'uploadfile'")

    def _get_runs(self, rest, query, _):
        if rest:
            return self.state.seen(self._found(self.state.runs, rest[0], "Run"))
        runs = [run for run in self.state.runs.values() if query.get("experiment_id") in (None, run["experiment_id"])]
        short = [{key: value for key, value in run.items() if key != "run_details"} for run in runs]
        return page(short, "runs", query)

    def _post_runs(self, rest, _, body):
        if rest:
            return self._act(*rest[0].split(":"))
        given = json.loads(body)
        reference = given["pipeline_version_reference"]
        version = self._found(self.state.versions, reference["pipeline_version_id"], "PipelineVersion")
        check_parameters(version["pipeline_spec"], given.get("runtime_config") or {})
        self._found(self.state.experiments, given["experiment_id"], "Experiment")
        made = {**given, "run_id": str(uuid.uuid4()), "state": "PENDING", "created_at": self.state.now()}
        self.state.runs[made["run_id"]] = {**made, "storage_state": "AVAILABLE"}
        if self.state.carrier:
            self.state.carry_out(self.state.runs[made["run_id"]])
        return made

    def _act(self, run_id, act):
        run = self._found(self.state.runs, run_id, "Run")
        if act not in ("terminate", "retry"):
            raise Refused(404, f"no such act: {act}")
        (self._terminate if act == "terminate" else self._retry)(run)
        return {}

    def _terminate(self, run):
        if run["state"] not in ("PENDING", "RUNNING"):
            raise Refused(400, f"Failed to terminate a run {run['run_id']}. Row not found")
        self.state.enter(run, "CANCELING")
        if self.state.carrier:
            self.state.carrier.stop(run["run_id"])
        else:
            self.state.enter(run, "FAILED")

    def _retry(self, run):
        if run["state"] != "FAILED":
            raise Refused(400, f"Workflow must be Failed/Error to retry: workflow cannot be retried ({run['state']})")
        self.state.delete_pods(run["run_id"])
        run["state_history"] = []
        if self.state.carrier:
            self.state.carry_out(run)
        else:
            self.state.enter(run, "RUNNING")

    def _get_recurringruns(self, rest, query, _):
        if rest:
            return self._found(self.state.schedules, rest[0], "RecurringRun")
        return page([*self.state.schedules.values()], "recurringRuns", query)

    def _post_recurringruns(self, _, __, body):
        given = json.loads(body)
        cron = given["trigger"].get("cron_schedule", {}).get("cron")
        if cron is not None and len(cron.split()) != 6:
            raise Refused(400, f"Schedule cron is not supported(cron: {cron}): expected exactly 6 fields")
        version = self._found(
            self.state.versions, given["pipeline_version_reference"]["pipeline_version_id"], "Version"
        )
        check_parameters(version["pipeline_spec"], given.get("runtime_config") or {})
        made = {**given, "recurring_run_id": str(uuid.uuid4()), "created_at": self.state.now(), "status": "ENABLED"}
        self.state.schedules[made["recurring_run_id"]] = made
        return made

    def _delete_recurringruns(self, rest, *_):
        self._found(self.state.schedules, rest[0], "RecurringRun")
        del self.state.schedules[rest[0]]
        return {}

    def _found(self, items, key, what):
        if key not in items:
            raise Refused(404, f"{what} {key} not found")
        return items[key]


def main():
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ready", type=Path)
    parser.add_argument("--multi-user", action="store_true")
    parser.add_argument("--token", default="")
    parser.add_argument("--carry-out", type=Path)
    args = parser.parse_args()
    carrier = Carrier(args.carry_out) if args.carry_out else None
    Handler.state = State(args.multi_user, args.token, carrier)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    args.ready.write_text(str(server.server_port))
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
