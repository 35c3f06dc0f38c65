"""The one place where AWS is asked something, and where its errors become ours.

A message says what was asked of which service, where, what AWS answered, and what to do.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.aws_advice import BUSY, QUOTA, advice, client_advice
from pipeline.errors import NotFound, PlatformBusy, PlatformRefused

_GONE = frozenset(
    {
        "404",
        "ExecutionDoesNotExist",
        "NoSuchBucket",
        "NoSuchKey",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)

_INVALID = frozenset({"ValidationException", "ValidationError"})
_GONE_WORDS = ("does not exist", "could not find")
"""SageMaker says of many things in these words only that they are not there."""

_LONGEST = 600
"""Characters of what a service says; some answer with a page."""

_TAKEN = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})


class Taken(PlatformRefused):
    """What was to be made only if there is none is there already."""


class NotThere(NotFound):
    """AWS knows no such thing; where that means something else than a mistake, callers catch it."""


def ask(client: Any, method: str, what: str, /, **request: Any) -> Any:
    """The answer of a client's method.

    Args:
      client: a boto3 client.
      method: its name, as in boto3.
      what: is done, for messages, such as "start pipeline 'reviews'".
      **request: the method's own arguments.

    Raises:
      NotThere: AWS knows no such thing.
      Taken: it was to be made only if there is none.
      PlatformBusy: too many requests, a quota, no network; the same may work later.
      PlatformRefused: anything else.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(client, method)(**request)
    except ClientError as error:
        raise _translated(client, error, what) from error
    except BotoCoreError as error:
        raise _not_asked(client, error, what) from error


def _translated(client: Any, error: Any, what: str) -> NotFound | PlatformRefused:
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:_LONGEST] or "no reason given"
    said = said.rstrip(".")
    where = f"{_service(client)} in {client.meta.region_name}"
    answer = f"Could not {what}: {where} answered {code or 'nothing'}: {said}."
    if code in _GONE or (code in _INVALID and any(words in said.lower() for words in _GONE_WORDS)):
        return NotThere(f"{answer} Check the name, and aws.region.")
    if code in _TAKEN:
        return Taken(answer)
    told = f"{answer} {advice(code, said, _service(client), error.operation_name)}".rstrip()
    return PlatformBusy(told) if code in BUSY or code in QUOTA else PlatformRefused(told)


def _not_asked(client: Any, error: Any, what: str) -> PlatformRefused:
    """The request never came to an answer."""
    from botocore import exceptions

    begin = f"Could not {what}: {_service(client)} in {client.meta.region_name} was not asked: {error}."
    if isinstance(error, exceptions.ParamValidationError):
        return PlatformRefused(f"{begin} This is a defect of ours, or of a name in the configuration.")
    told = f"{begin} {client_advice(error)}".rstrip()
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return PlatformBusy(told)
    return PlatformRefused(told)


def _service(client: Any) -> str:
    return str(client.meta.service_model.service_name)


def ask_pages(client: Any, method: str, key: str, what: str, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The items under `key` of every page of an answer, whichever way the service writes NextToken.

    Raises:
      PenstockError: as `ask`.
    """
    token: dict[str, str] = {}
    while True:
        answer = ask(client, method, what, **request, **token)
        yield from answer.get(key, ())
        token = {name: answer[name] for name in ("NextToken", "nextToken") if answer.get(name)}
        if not token:
            return
