"""What of a run's places can be looked at before it is submitted: a bucket from anywhere, a volume where it is mounted.

Pods see volumes at the paths that `kubeflow.volumes` names. A machine that has a volume mounted at the same path (a
notebook server with the same claim) sees what they see; any other machine sees nothing of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import Volume, is_below

if TYPE_CHECKING:
    from pipeline.config import Config

_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def region_of(config: "Config") -> str | None:
    """The region that pods are told, None if they are told none."""
    told = config.on_kubeflow.environment
    return next((told[name] for name in _REGIONS if name in told), None)


def why_unreached(config: "Config") -> str:
    """Why what runs leave cannot be read from here: it is on a volume that is not mounted here."""
    settings = config.on_kubeflow
    volume = settings.volume_of(settings.root)
    if volume is None or _is_here(volume):
        return ""
    return (
        f"kubeflow.root is the folder {settings.root} on the volume of claim '{volume.claim}', and {volume.path} is "
        "not there on this machine. Do this where that claim is mounted at that path, as in a notebook server that "
        "has it; or have kubeflow.root on s3://, which is read from anywhere."
    )


def check_place(config: "Config") -> tuple[str, ...]:
    """Looks whether pods will find what they read; returns what could not be looked at, a sentence each.

    Raises:
      ConfigError: listing what pods do not see, and what is needed here to plan and is not here.
      NotReached: there is no such bucket, or S3 cannot be asked.
    """
    settings = config.on_kubeflow
    if not settings.on_volume:
        from pipeline.storage.s3 import Location, bucket_region

        bucket_region(Location.parse(settings.root).bucket)
        return ()
    problems = [*_unseen(config), *_needed_here(config)]
    if problems:
        raise ConfigError(problems)
    return tuple(_notes(config))


def _unseen(config: "Config") -> Iterator[str]:
    """What is on no volume, and not in a secret's files."""
    settings = config.on_kubeflow
    paths = [volume.path for volume in settings.volumes]
    secrets = [secret.path for secret in settings.secrets if secret.path is not None]
    seen = ", ".join([*paths, *secrets])
    for key, place in _read_by_pods(config).items():
        if place is not None and "://" not in place and not any(is_below(place, path) for path in (*paths, *secrets)):
            yield f"{key} is {place}, which pods do not see: they see {seen}. Put it there, and name it by that path."


def _read_by_pods(config: "Config") -> dict[str, str | None]:
    """What is neither an artifact nor copied to the root."""
    return {
        "data.path": config.data.path,
        "push.directory": config.push.directory,
        "distribution.serving_path": config.distribution.serving_path,
        "review.path": config.review.path,
        "signing.private_key": config.signing.private_key,
        "signing.public_key": config.signing.public_key,
    }


def _needed_here(config: "Config") -> Iterator[str]:
    if config.schema_.path is not None and (problem := why_unreached(config)):
        yield f"schema.path is {config.schema_.path}, and its content is put below the root for pods. {problem}"
    data = config.on_kubeflow.volume_of(config.data.path)
    if config.schema_.path is None and data is not None and not _is_here(data):
        yield (
            f"data.path is {config.data.path} on the volume of claim '{data.claim}', and {data.path} is not there on "
            "this machine: without a curated schema the head of the data says which columns there are. Submit where "
            "that claim is mounted at that path, or set schema.path."
        )


def _notes(config: "Config") -> Iterator[str]:
    settings = config.on_kubeflow
    if why_unreached(config):
        yield (
            f"{settings.root} is on a volume that is not mounted here: whether pods may write there shows in the run's "
            "first task, and the run's report will lack its configuration."
        )
    data = settings.volume_of(config.data.path)
    if data is not None and not _is_here(data):
        yield f"It was not looked whether there are data: {data.path} is not mounted here."


def _is_here(volume: Volume) -> bool:
    return Path(volume.path).is_dir()
