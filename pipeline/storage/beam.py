"""Beam's own options for reading and writing `s3://` (`apache_beam.io.aws`)."""

from collections.abc import Mapping


def beam_s3_options(environment: Mapping[str, str]) -> list[str]:
    """Pipeline options for the endpoint and the region; none where AWS's own apply.

    Beam's client would find an endpoint by itself, but of the two names of a region it knows only the older one.
    Credentials are never among them: arguments of a Beam pipeline are logged.
    """
    options = []
    if endpoint := environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"):
        options.append(f"--s3_endpoint_url={endpoint}")
    if region := environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"):
        options.append(f"--s3_region_name={region}")
    return options
