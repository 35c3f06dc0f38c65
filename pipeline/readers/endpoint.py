"""What a run put on an endpoint: the document of EndpointPusher."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import NotFound
from pipeline.readers.documents import read_object

ENDPOINT_FILE = "endpoint.json"


@dataclasses.dataclass(frozen=True)
class EndpointVariant:
    """A part of an endpoint's traffic.

    Attributes:
      name: `live`, `challenger` or `shadow`.
      model_name: the model, as SageMaker calls it.
      weight: its share beside the others'; a shadow's of copied requests.
      is_shadow: its answers are kept and never given.
    """

    name: str
    model_name: str
    instance_type: str
    instances: int
    weight: float
    is_shadow: bool = False


@dataclasses.dataclass(frozen=True)
class EndpointDocument:
    """An endpoint as a run left it; empty where nothing was deployed, or the node is of an older version.

    Attributes:
      deployed: false if the run deployed nothing, for `reason`.
      variant: the part of the traffic that the run's model got.
      capture: `percent` of requests and answers that are kept, and `to` where; empty without.
      scaling: `least` and `most` machines, and `invocations` a minute and machine that it aims at; empty without.
      region: of the endpoint.
    """

    deployed: bool
    endpoint: str
    reason: str = ""
    endpoint_config: str = ""
    previous_config: str = ""
    model_name: str = ""
    variant: str = ""
    model_digest: str = ""
    version: str = ""
    variants: tuple[EndpointVariant, ...] = ()
    capture: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scaling: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    region: str = ""

    @property
    def console(self) -> str:
        """The endpoint's page in Amazon's console, empty if its region is not known."""
        if not self.region:
            return ""
        return f"https://{self.region}.console.aws.amazon.com/sagemaker/home?region={self.region}#/endpoints/{self.endpoint}"


def read_endpoint(folder: Path) -> EndpointDocument:
    """The deployment in a PenstockEndpoint artifact.

    Raises:
      NotFound: the document is not there, or of another format.
    """
    path = folder / ENDPOINT_FILE
    data = read_object(path)
    names = {field.name for field in dataclasses.fields(EndpointDocument)}
    try:
        if data.get("format") != 1:
            raise ValueError(f"format {data.get('format')!r}, this program reads 1")
        variants = tuple(EndpointVariant(**item) for item in data.get("variants", ()))
        known = {key: value for key, value in data.items() if key in names}
        return EndpointDocument(**{**known, "deployed": bool(data["deployed"]), "variants": variants})
    except (ValueError, TypeError, KeyError) as error:
        raise NotFound(f"{path}: not a deployment ({error}).") from error
