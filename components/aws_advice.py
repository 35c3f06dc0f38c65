"""What to do about an error of AWS, by the code that a service answered or the class of the client's own error.

Nothing of AWS is imported: whoever has such an error has the client.
"""

import re

DENIED = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "KmsAccessDeniedException", "NotAuthorized"}
    | {"UnauthorizedOperation"}
)
STALE = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException"}
    | {"InvalidToken", "RequestExpired", "SignatureDoesNotMatch", "TokenRefreshRequired", "UnrecognizedClientException"}
)
BUSY = frozenset(
    {"500", "503", "InternalError", "InternalFailure", "InternalServerError", "RequestLimitExceeded", "SlowDown"}
    | {"ServiceUnavailable", "ServiceUnavailableException", "Throttling", "ThrottlingException"}
    | {"TooManyRequestsException"}
)
QUOTA = frozenset(
    {"ExecutionLimitExceeded", "LimitExceededException", "ResourceLimitExceeded", "ServiceQuotaExceededException"}
    | {"StateMachineLimitExceeded"}
)
_SKEWED = frozenset({"RequestInTheFuture", "RequestTimeTooSkewed"})
_SKEWED_WORDS = ("signature expired", "not yet current", "request time and the current time")
_ELSEWHERE = frozenset({"301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}) | {
    "PermanentRedirect"
}
_NOT_ENABLED = frozenset({"OptInRequired", "SubscriptionRequiredException"})

SIGN_IN = "Sign in (aws sso login, aws configure) or set AWS_PROFILE; on a machine in AWS give it a role."
_WITHOUT_CREDENTIALS = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"})
_SIGNED_OUT = frozenset({"SSOError", "TokenRetrievalError"})
_NO_ANSWER = frozenset({"ConnectionError", "HTTPClientError"})

_IAM_SERVICES = {"monitoring": "cloudwatch", "sagemaker-runtime": "sagemaker", "stepfunctions": "states"}
_IAM_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "UploadPart": "PutObject",
}
_NAMED = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")


def advice(code: str, said: str, service: str, operation: str) -> str:
    """What to do about an answer; empty where the answer says it itself.

    Args:
      code: of the error.
      said: its message.
      service: as boto3 names it.
      operation: that was asked for, as the service's model names it.

    >>> advice("AccessDenied", "no", "stepfunctions", "StartExecution")
    'Allow states:StartExecution to whoever runs this (docs/sagemaker.md lists the permissions).'
    """
    if code in DENIED:
        named = _NAMED.search(said)  # S3 refuses for its key too, and then names that
        action = named[1] if named else action_of(service, operation)
        return f"Allow {action} to whoever runs this (docs/sagemaker.md lists the permissions)."
    if code in _SKEWED or (code in STALE and any(words in said.lower() for words in _SKEWED_WORDS)):
        return "The clock of this machine is wrong (date -u shows it): set it, then do the same again."
    if code in STALE:
        return "Sign in to AWS again; check with: aws sts get-caller-identity"
    if code in _ELSEWHERE:
        return "The bucket is in another region: name one of aws.region, where jobs are (and set AWS_REGION to it)."
    if code in _NOT_ENABLED:
        return "Switch the region or the service on for this account, or choose another aws.region."
    if code in QUOTA:
        return (
            "Wait for other work to end, ask for a higher quota in the console under Service Quotas, or take another "
            "instance type under 'resources'."
        )
    return "It was tried several times; do the same again in a minute." if code in BUSY else ""


def action_of(service: str, operation: str) -> str:
    """The permission that an operation needs, as policies name it.

    >>> action_of("s3", "HeadObject")
    's3:GetObject'
    """
    return f"{_IAM_SERVICES.get(service, service)}:{_IAM_ACTIONS.get(operation, operation)}"


def client_advice(error: BaseException) -> str:
    """What to do about an error of the client itself, which never got an answer; empty where nothing is known."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _WITHOUT_CREDENTIALS:
        return SIGN_IN
    if names & _SIGNED_OUT:
        return "Sign in to AWS again: aws sso login"
    if "ProfileNotFound" in names:
        return "Check AWS_PROFILE and ~/.aws/config."
    if "NoRegionError" in names:
        return "Set AWS_REGION."
    if names & _NO_ANSWER:
        return "Check the network, a proxy, aws.region and AWS_ENDPOINT_URL; then the same again."
    return ""
