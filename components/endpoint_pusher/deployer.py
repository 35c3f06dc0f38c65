"""Carries plans out on SageMaker, waits for the endpoint, and puts what happened on record.

Every step looks first and does nothing twice: a deployment that was killed is completed by the same call.
"""

import base64
import dataclasses
import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.endpoint_pusher.archive import pack_model
from components.endpoint_pusher.checks import Registered
from components.endpoint_pusher.client import Clients, DeployFailed, NotThere, ThereAlready, ask
from components.endpoint_pusher.plan import (
    Candidate,
    Current,
    DeployPlan,
    details_of,
    plan_deployment,
    weights_request,
)
from components.endpoint_pusher.record import (
    DEPLOYED,
    FAILED,
    ROLLED_BACK,
    TRAFFIC,
    is_on_record,
    previous,
)
from components.endpoint_pusher.settings import DeploySettings, Target
from components.ledger.ledger import Entry, Ledger
from components.signing.keys import public_key_text
from components.signing.settings import SigningSettings

POLL_S = 15.0
LARGEST_BYTES = 5 * 1024**3
"""What one request to S3 can hold."""

_MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What is on the endpoint after a change.

    Attributes:
      endpoint: its name.
      config_name: its configuration.
      previous_config: what it had before, empty if nothing.
      model_name: the model's name in SageMaker.
      variant: the part of the traffic that the model has.
      notes: what the user should know.
      details: variants, captured requests and scaling (`plan.details_of`).
    """

    endpoint: str
    config_name: str
    previous_config: str
    model_name: str = ""
    variant: str = ""
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Deployer:
    """Changes one endpoint.

    Attributes:
      target: the endpoint, and what it may use.
      clients: of AWS.
      clock: seconds; `sleep` waits that many.
      ledger: the record; None = the one of `target`.
    """

    target: Target
    clients: Clients
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    ledger: Ledger | None = None

    @property
    def record(self) -> Ledger:
        """The record of this endpoint's deployments."""
        return self.ledger or Ledger(self.target.record)

    def deploy(
        self, settings: DeploySettings, archive: Path, candidate: Candidate, said: Mapping[str, str]
    ) -> Deployment:
        """The model on the endpoint, in service, and on record.

        Args:
          settings: how.
          archive: the packed model, which is uploaded to `candidate.archive`.
          candidate: what was checked.
          said: `by`, `reason` and `run`, for the record.

        Raises:
          DeployFailed: AWS refused, took the update back, or the wait was too long.
        """
        current = self.settled(settings.timeout_s)
        plan = plan_deployment(settings, self.target, candidate, current)
        self._upload(archive, candidate.archive)
        self._create("create_model", f"create model '{plan.model_name}'", plan.model)
        self._create("create_endpoint_config", f"create configuration '{plan.config_name}'", plan.config)
        before = self._before(plan, current)
        content = {
            "endpoint": self.target.endpoint,
            "config": plan.config_name,
            "previous_config": before,
            "model_digest": candidate.model_digest,
            "version": candidate.version,
            "variant": plan.variant,
            "variants": plan.variants,
            **said,
        }
        self._bring_in(plan, settings.timeout_s, content)
        for method, request in zip(
            ("register_scalable_target", "put_scaling_policy"), plan.scaling or (), strict=False
        ):
            ask(self.clients.scaling, method, f"scale endpoint '{self.target.endpoint}'", **request)
        if not is_on_record(self.record.entries(), DEPLOYED, plan.config_name):
            self.record.append(DEPLOYED, content)
        return Deployment(
            self.target.endpoint,
            plan.config_name,
            before,
            plan.model_name,
            plan.variant,
            plan.notes,
            details_of(plan),
        )

    def current(self) -> Current | None:
        """What is on the endpoint, None if there is none.

        Raises:
          DeployFailed: the endpoint never came into service.
        """
        try:
            found = self._describe()
        except NotThere:
            return None
        if found["EndpointStatus"] in ("Failed", "OutOfService"):
            raise DeployFailed(
                f"Endpoint '{self.target.endpoint}' is {found['EndpointStatus']}: {_why(found)} SageMaker updates no "
                "such endpoint. Delete it, and deploy again: aws sagemaker delete-endpoint --endpoint-name "
                f"{self.target.endpoint}"
            )
        name = str(found["EndpointConfigName"])
        what = f"look at configuration '{name}'"
        config = ask(self.clients.sagemaker, "describe_endpoint_config", what, EndpointConfigName=name)
        return Current(
            name, _models(config["ProductionVariants"]), _models(config.get("ShadowProductionVariants") or ())
        )

    def settled(self, timeout_s: float) -> Current | None:
        """What is on the endpoint once no update is under way any more; None if there is none."""
        try:
            self._wait(timeout_s)
        except NotThere:
            return None
        return self.current()

    def shift(self, weights: Mapping[str, float], said: Mapping[str, str], timeout_s: float) -> Entry:
        """Gives variants other shares of the traffic; returns the entry on record.

        Raises:
          NotThere: there is no such endpoint.
          ValueError: naming variants that are not there, and shares that are none.
          DeployFailed: AWS refused.
        """
        current = self.settled(timeout_s) or self._none()
        request = weights_request(self.target.endpoint, list(current.production), weights)
        what = f"shift traffic of endpoint '{self.target.endpoint}'"
        ask(self.clients.sagemaker, "update_endpoint_weights_and_capacities", what, **request)
        self._wait(timeout_s)
        content = {"endpoint": self.target.endpoint, "config": current.config_name, "weights": dict(weights), **said}
        return self.record.append(TRAFFIC, content)

    def roll_back(
        self, said: Mapping[str, str], timeout_s: float, allow: Callable[[Entry], None] | None = None
    ) -> Entry:
        """Gives the endpoint the configuration that it had before, all at once; returns the entry on record.

        Args:
          said: `by` and `reason`.
          timeout_s: longest wait.
          allow: gets the deployment to go back to; raises if its model must not be served any more; None = any.

        Raises:
          NothingBefore: there is none to go back to.
          DeployFailed: AWS refused, or the wait was too long.
        """
        current = self.settled(timeout_s) or self._none()
        before = previous(self.record.entries(), self.target.endpoint, current.config_name)
        if allow is not None:
            allow(before)
        name = str(before.content["config"])
        what = f"give endpoint '{self.target.endpoint}' its earlier configuration '{name}'"
        request = {"EndpointName": self.target.endpoint, "EndpointConfigName": name}
        ask(self.clients.sagemaker, "update_endpoint", what, **request)
        self._arrive(name, timeout_s)
        kept = {key: before.content[key] for key in ("model_digest", "version", "variant", "variants")}
        content = {"endpoint": self.target.endpoint, "config": name, "previous_config": current.config_name}
        return self.record.append(ROLLED_BACK, {**content, **kept, **said})

    def _none(self) -> Current:
        raise NotThere(f"There is no endpoint '{self.target.endpoint}' in {self.target.region}. Nothing was changed.")

    def _before(self, plan: DeployPlan, current: Current | None) -> str:
        """What was there before; of a deployment that is only completed now, as the record has it."""
        if current is None:
            return ""
        if plan.update is not None:
            return current.config_name
        entries = [entry for entry in self.record.entries() if entry.kind in (DEPLOYED, ROLLED_BACK)]
        last = entries[-1].content if entries else {}
        key = "previous_config" if last.get("config") == plan.config_name else "config"
        return str(last.get(key, ""))

    def _bring_in(self, plan: DeployPlan, timeout_s: float, content: Mapping[str, Any]) -> None:
        if plan.create is not None:
            self._create("create_endpoint", f"create endpoint '{self.target.endpoint}'", plan.create)
        elif plan.update is not None:
            ask(self.clients.sagemaker, "update_endpoint", f"update endpoint '{self.target.endpoint}'", **plan.update)
        try:
            self._arrive(plan.config_name, timeout_s)
        except DeployFailed as error:
            self.record.append(FAILED, {**content, "failure": str(error)})
            raise

    def _create(self, method: str, what: str, request: Mapping[str, Any]) -> None:
        """Creates it unless it is there: its name holds a digest of the request, so it is the same."""
        try:
            ask(self.clients.sagemaker, method, what, **request)
        except ThereAlready:
            return

    def _upload(self, archive: Path, uri: str) -> None:
        """Puts the archive there, unless S3's own checksum says that it is there already."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        size = archive.stat().st_size
        if size > LARGEST_BYTES:
            raise DeployFailed(f"{archive}: {size:,} bytes, and at most {LARGEST_BYTES:,} can be deployed.")
        with archive.open("rb") as file:
            digest = base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
        where = {"Bucket": bucket, "Key": key}
        try:
            found = ask(self.clients.s3, "head_object", f"look for {uri}", **where, ChecksumMode="ENABLED")
            if found.get("ChecksumSHA256") == digest:
                return
        except NotThere:
            pass
        key_id = self.target.kms_key
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
        with archive.open("rb") as body:
            ask(
                self.clients.s3,
                "put_object",
                f"upload {uri}",
                **where,
                Body=body,
                ChecksumSHA256=digest,
                **encryption,
            )

    def _arrive(self, config_name: str, timeout_s: float) -> None:
        """Waits until the endpoint is in service with that configuration."""
        found = self._wait(timeout_s)
        now, state = found.get("EndpointConfigName"), found["EndpointStatus"]
        if state == "InService" and now == config_name:
            return
        there = f"It serves configuration {now}, as before." if state == "InService" else "It does not serve."
        raise DeployFailed(
            f"Endpoint '{self.target.endpoint}' did not come into service with configuration {config_name}: it is "
            f"{state}. {_why(found)} {there} Look at its logs (/aws/sagemaker/Endpoints/{self.target.endpoint}) and at "
            "the alarms of deploy.alarms."
        )

    def _wait(self, timeout_s: float) -> Mapping[str, Any]:
        """What SageMaker says of the endpoint once it does not change any more."""
        deadline = self.clock() + timeout_s
        while (found := self._describe())["EndpointStatus"] in _MOVING:
            if self.clock() >= deadline:
                raise DeployFailed(
                    f"Endpoint '{self.target.endpoint}' is still {found['EndpointStatus']} after {timeout_s:g} s. "
                    "SageMaker goes on with it; the same command again waits on. More patience: deploy.timeout_s."
                )
            self.sleep(POLL_S)
        return found

    def _describe(self) -> Mapping[str, Any]:
        name = self.target.endpoint
        found: Mapping[str, Any] = ask(
            self.clients.sagemaker, "describe_endpoint", f"look at endpoint '{name}'", EndpointName=name
        )
        return found


def deploy_folder(
    deployer: Deployer,
    settings: DeploySettings,
    folder: Path,
    registered: Registered,
    said: dict[str, str],
    signing: SigningSettings,
) -> Deployment:
    """Packs a model folder that was checked, and deploys it with the key that checks it; see `Deployer.deploy`."""
    with tempfile.TemporaryDirectory(prefix="penstock-deploy-") as scratch:
        archive = Path(scratch, "model.tar.gz")
        sha256 = pack_model(folder, registered.version, archive)
        uri = deployer.target.archive(registered.model_digest, sha256)
        public_key = public_key_text(Path(signing.public_key)) if signing.public_key else ""
        candidate = Candidate(registered.model_digest, registered.version, uri, public_key)
        return deployer.deploy(settings, archive, candidate, said)


def _why(found: Mapping[str, Any]) -> str:
    reason = str(found.get("FailureReason") or "").strip().rstrip(".")
    return f"SageMaker's reason: {reason}." if reason else "SageMaker gives no reason."


def _models(variants: Any) -> dict[str, str]:
    return {variant["VariantName"]: variant["ModelName"] for variant in variants}
