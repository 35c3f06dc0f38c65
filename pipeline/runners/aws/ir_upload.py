"""The IR in S3, where every job reads it: named by its digest, written once."""

from typing import Any

from pipeline import ir as ir_documents
from pipeline.aws_settings import AwsSettings
from pipeline.errors import NotFound
from pipeline.runners.aws.asking import NotThere, ask


def ir_key(ir_text: str) -> str:
    """The name below `aws.root`."""
    return f"ir/{ir_documents.digest(ir_text)}.json"


def upload_ir(s3: Any, aws: AwsSettings, ir_text: str) -> str:
    """The IR's place in S3; uploads it unless it is there, which its name then says is the same.

    Raises:
      NotFound: there is no such bucket.
    """
    key = f"{aws.prefix}{ir_key(ir_text)}"
    place = f"s3://{aws.bucket}/{key}"
    if not _is_there(s3, aws.bucket, key, place):
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": aws.kms_key} if aws.kms_key else {}
        try:
            ask(
                s3,
                "put_object",
                f"upload the compiled pipeline to {place}",
                Bucket=aws.bucket,
                Key=key,
                Body=ir_text.encode(),
                ContentType="application/json",
                **encryption,
            )
        except NotThere as error:
            raise NotFound(f"{error} The bucket is that of aws.root.") from error
    return place


def _is_there(s3: Any, bucket: str, key: str, place: str) -> bool:
    try:
        ask(s3, "head_object", f"look for {place}", Bucket=bucket, Key=key)
    except NotThere:  # of the object or of the bucket, which HEAD does not tell apart; writing will
        return False
    return True
