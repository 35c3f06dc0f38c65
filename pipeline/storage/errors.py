"""What S3 storage raises; one class per thing a caller would do differently.

StorageError                what lies (or should lie) on S3 cannot be used; says where, what was seen, what to do
├── NotReached              S3 refused, or was not asked: permissions, signing in, the network, no such bucket
├── NotPublished            nothing complete is there: whoever should have written it did not finish
├── Damaged                 what is there is not what was written
└── DiskTooSmall            what has to be downloaded does not fit

They are `ComponentError`s because a node that meets one cannot go on, and the user can do something about it.
"""

from components.errors import ComponentError


class StorageError(ComponentError):
    """A place on S3 cannot be used."""


class NotReached(StorageError):
    """S3 refused, or could not be asked."""


class NotPublished(StorageError):
    """Nothing complete is there."""


class Damaged(StorageError):
    """What is there is not what was written."""


class DiskTooSmall(StorageError):
    """What has to be downloaded does not fit on the disk; found before anything is downloaded."""
