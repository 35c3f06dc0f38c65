"""How models are signed, and what a signature is checked with. Pure data, no secret: the configuration holds it."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

Mode = Literal["unsigned", "key", "kms"]
MODES: tuple[Mode, ...] = ("unsigned", "key", "kms")

_KMS_SCHEME = "awskms:///"
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class SigningSettings:
    """Who signs what is pushed, and which key must have signed what is promoted or loaded.

    Attributes:
      mode: `unsigned` = nothing is signed, and nothing asks for a signature; `key` = with a private key in a file;
        `kms` = with a key that never leaves its key management service.
      private_key: PEM file of an elliptic-curve key (P-256, P-384 or P-521); only whoever pushes needs it.
      passphrase_env: the NAME of the environment variable that holds the passphrase of `private_key`; None = the key
        is not encrypted. The passphrase itself is never written down anywhere.
      kms: the key to sign with, such as `awskms:///alias/models`.
      public_key: PEM file of the public key that every signature is checked with.
    """

    mode: Mode = "unsigned"
    private_key: str | None = None
    passphrase_env: str | None = None
    kms: str | None = None
    public_key: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.mode not in MODES:
            problems.append(f"mode {self.mode!r} is not one of {', '.join(MODES)}.")
        for key, mode in (("private_key", "key"), ("kms", "kms")):
            if getattr(self, key) is None and self.mode == mode:
                problems.append(f"mode {mode} needs {key}.")
        if self.mode in ("key", "kms") and self.public_key is None:
            problems.append(f"mode {self.mode} needs public_key, which promotion and serving check signatures with.")
        if self.kms is not None and not _names_a_key(self.kms):
            problems.append(f"kms is {self.kms!r}, expected {_KMS_SCHEME} with a key's id, ARN or alias/NAME.")
        if self.passphrase_env is not None and not _ENVIRONMENT_NAME.fullmatch(self.passphrase_env):
            problems.append(
                "passphrase_env is not the name of an environment variable (letters, digits and underscores); the "
                "passphrase itself does not belong in a configuration."
            )
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def signs(self) -> bool:
        """True if what is pushed gets a signature, and what is promoted or loaded must have one."""
        return self.mode != "unsigned"

    @property
    def kms_key(self) -> str:
        """The key's id, ARN or alias, as AWS KMS takes it."""
        return (self.kms or "").removeprefix(_KMS_SCHEME)

    def to_json(self) -> dict[str, Any]:
        """Plain strings and None."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SigningSettings":
        """The inverse of `to_json`."""
        return cls(**data)


def _names_a_key(kms: str) -> bool:
    key = kms.removeprefix(_KMS_SCHEME)
    return kms.startswith(_KMS_SCHEME) and bool(key) and key != "alias/" and not key.startswith("/")
