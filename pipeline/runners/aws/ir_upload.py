"""The IR in S3, where every job reads it: named by its digest, written once."""

from typing import Any

from pipeline import ir as ir_documents
from pipeline.aws_settings import AwsSettings
from pipeline.errors import NotFound
from pipeline.runners.aws.asking import NotThere, Taken, ask


def ir_key(ir_text: str) -> str:
    """The name below `aws.root`."""
    return f"ir/{ir_documents.digest(ir_text)}.json"


def upload_ir(s3: Any, aws: AwsSettings, ir_text: str) -> str:
    """The IR's place in S3; what is there already is let alone: its name says that it is the same.

    One conditional write, no look before: without the right to list, S3 answers a look at nothing with 403.

    Raises:
      NotFound: there is no such bucket.
    """
    key = f"{aws.prefix}{ir_key(ir_text)}"
    place = f"s3://{aws.bucket}/{key}"
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
            IfNoneMatch="*",
            **encryption,
        )
    except Taken:
        pass
    except NotThere as error:
        raise NotFound(f"{error} The bucket is that of aws.root.") from error
    return place
