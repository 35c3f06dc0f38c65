"""An image from one of Amazon's registries to another, under the digest that it has: the same bytes, never a build.

    index ──► its images ──► layers and configuration          copied from the right to the left, the index last

What is there already is not fetched. A layer comes from the address that its registry gives out, and goes on in parts:
a few of them are in memory, and nothing lies on a disk. Its SHA-256 is compared with its name before the registry is
told that it is whole; a manifest's is compared before it is believed.
Source: docs.aws.amazon.com/AmazonECR/latest/APIReference.
"""

import dataclasses
import hashlib
import http.client
import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from pipeline.errors import PlatformBusy, PlatformRefused
from pipeline.images.registry import parse_image
from pipeline.runners.aws.asking import ask

MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
MOST_PART_BYTES = 10 * 2**20
"""Of one UploadLayerPart."""

_LAYERS_PER_QUESTION = 100
_ATTEMPTS = 5
"""Times that a layer's address may break off in a row before more of it arrives."""
_DEEPEST = 3
_READ_BYTES = 2**20
_WAIT_S = 60.0

OpenUrl = Callable[[str, int], IO[bytes]]
"""Opens an address, to be read from that byte on."""


@dataclasses.dataclass(frozen=True)
class Repository:
    """One of Amazon's repositories, and a client of its region with rights in it."""

    client: Any
    account: str
    name: str

    @classmethod
    def of(cls, image: str, client: Any) -> "Repository":
        """The repository of an image `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@…`.

        Raises:
          ValueError: it is in no registry of Amazon's.
        """
        found = parse_image(image)
        if found is None:
            raise ValueError(image)
        return cls(client, found.account, found.repository)

    @property
    def _where(self) -> dict[str, str]:
        return {"registryId": self.account, "repositoryName": self.name}

    def __str__(self) -> str:
        """For messages."""
        return f"repository {self.name} of account {self.account}"

    def ask(self, method: str, what: str, /, **request: Any) -> Any:
        """The client's answer, about this repository."""
        return ask(self.client, method, f"{what} ({self})", **self._where, **request)

    def manifest(self, digest: str) -> "Manifest | None":
        """The manifest of that digest, None if there is none.

        Raises:
          PlatformRefused: AWS refuses, or what it gives has another digest.
        """
        wanted = {"imageIds": [{"imageDigest": digest}], "acceptedMediaTypes": list(MEDIA_TYPES)}
        answer = self.ask("batch_get_image", f"read image {digest}", **wanted)
        if not answer.get("images"):
            return None
        text, media_type = answer["images"][0]["imageManifest"], answer["images"][0].get("imageManifestMediaType")
        if _digest(text.encode()) != digest:
            raise PlatformRefused(f"{self}: what it holds as {digest} has the digest {_digest(text.encode())}.")
        return Manifest(digest, text, media_type or json.loads(text).get("mediaType") or MEDIA_TYPES[0])

    def missing(self, digests: list[str]) -> set[str]:
        """Those layers that are not there whole."""
        there: set[str] = set()
        for start in range(0, len(digests), _LAYERS_PER_QUESTION):
            some = digests[start : start + _LAYERS_PER_QUESTION]
            answer = self.ask("batch_check_layer_availability", "look for layers", layerDigests=some)
            layers = answer.get("layers", ())
            there |= {layer["layerDigest"] for layer in layers if layer["layerAvailability"] == "AVAILABLE"}
        return set(digests) - there

    def tags(self, digest: str) -> list[str]:
        """Names of the image there."""
        answer = self.ask("describe_images", f"look for image {digest}", imageIds=[{"imageDigest": digest}])
        return [tag for image in answer["imageDetails"] for tag in image.get("imageTags", ())]


@dataclasses.dataclass(frozen=True)
class Blob:
    """A layer or a configuration: its name, which is the digest of its bytes, and how many those are."""

    digest: str
    size: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What an image consists of; `text` are the very bytes that have the digest."""

    digest: str
    text: str
    media_type: str

    @property
    def children(self) -> list[str]:
        """Digests of the images of an index; none of an image."""
        return [str(item["digest"]) for item in self._document.get("manifests", ())]

    @property
    def blobs(self) -> list[Blob]:
        """What must be there before the manifest, each once; layers that are not kept in registries are left out."""
        document = self._document
        parts = [*([document["config"]] if "config" in document else []), *document.get("layers", ())]
        kept = [item for item in parts if "foreign" not in item["mediaType"] and "nondistrib" not in item["mediaType"]]
        return list(dict.fromkeys(Blob(str(item["digest"]), int(item["size"])) for item in kept))

    @property
    def _document(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.text)
        return found


@dataclasses.dataclass(frozen=True)
class Copied:
    """What went over."""

    manifests: int = 0
    blobs: int = 0
    size_bytes: int = 0

    def __add__(self, other: "Copied") -> "Copied":
        """Both together."""
        return Copied(self.manifests + other.manifests, self.blobs + other.blobs, self.size_bytes + other.size_bytes)


def open_url(url: str, start: int) -> IO[bytes]:
    """What a registry's address holds from that byte on.

    Raises:
      OSError, HTTPException: it does not answer, or not with that part.
    """
    if not url.startswith("https://"):
        raise PlatformRefused(f"A layer's address begins with {url[:8]!r}, expected https://.")
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    answer: IO[bytes] = urllib.request.urlopen(request, timeout=_WAIT_S)  # noqa: S310
    if start and getattr(answer, "status", None) != http.client.PARTIAL_CONTENT:
        answer.close()
        raise OSError(f"the address does not go on from byte {start}")
    return answer


def copy_image(source: Repository, target: Repository, digest: str, opened: OpenUrl = open_url) -> Copied:
    """Has the image in the target under the same digest, with a tag, so that no clean-up takes it for a leftover.

    Killed, the same call goes on with what is missing.

    Raises:
      PlatformRefused: it is not in the source, its bytes are not those that its digest names, or AWS refuses.
      PlatformBusy: AWS does not answer, or an address breaks off again and again.
    """
    found = target.manifest(digest)
    if found is not None and target.tags(digest):
        return Copied()
    copied = Copied()
    if found is None:
        copied = _copy_below(source, target, digest, opened, depth=0) + Copied(manifests=1)
    _put(target, found or _of(source, digest), tag=f"promoted-{digest.partition(':')[2][:16]}")
    if target.manifest(digest) is None:
        raise PlatformRefused(
            f"{target}: image {digest} was put there, and is not there. Look at its lifecycle policy."
        )
    return copied


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _of(source: Repository, digest: str) -> Manifest:
    manifest = source.manifest(digest)
    if manifest is None:
        raise PlatformRefused(
            f"{source}: there is no image {digest}, and a promotion builds none: another build is another image. Push "
            "that very image again, or train and test with one that is there."
        )
    return manifest


def _copy_below(source: Repository, target: Repository, digest: str, opened: OpenUrl, *, depth: int) -> Copied:
    """Everything that the manifest refers to."""
    if depth > _DEEPEST:
        raise PlatformRefused(f"{source}: image {digest} is an index of indexes, {depth} deep.")
    manifest, copied = _of(source, digest), Copied()
    for child in manifest.children:
        if target.manifest(child) is None:
            copied += _copy_below(source, target, child, opened, depth=depth + 1)
            _put(target, _of(source, child))
            copied += Copied(manifests=1)
    missing = target.missing([blob.digest for blob in manifest.blobs])
    for blob in manifest.blobs:
        if blob.digest in missing:
            _copy_blob(source, target, blob, opened)
            copied += Copied(blobs=1, size_bytes=blob.size)
    return copied


def _put(target: Repository, manifest: Manifest, tag: str | None = None) -> None:
    """Raises PlatformRefused unless the registry gives it the digest that it has."""
    named = {"imageTag": tag} if tag else {}
    what = f"put image {manifest.digest}"
    try:
        answer = target.ask(
            "put_image",
            what,
            imageManifest=manifest.text,
            imageManifestMediaType=manifest.media_type,
            imageDigest=manifest.digest,
            **named,
        )
    except PlatformRefused as error:
        if "ImageAlreadyExistsException" not in str(error):
            raise
        return  # another promotion was faster
    got = answer["image"]["imageId"]["imageDigest"]
    if got != manifest.digest:
        raise PlatformRefused(f"{target}: gave the image the digest {got}, expected {manifest.digest}.")


def _copy_blob(source: Repository, target: Repository, blob: Blob, opened: OpenUrl) -> None:
    begun = target.ask("initiate_layer_upload", f"begin layer {blob.digest}")
    upload, part_bytes = begun["uploadId"], min(int(begun["partSize"]), MOST_PART_BYTES)
    sha256, first = hashlib.sha256(), 0
    for part in _parts(source, blob, part_bytes, opened):
        sha256.update(part)
        last = first + len(part) - 1
        numbers = {"uploadId": upload, "partFirstByte": first, "partLastByte": last}
        target.ask("upload_layer_part", f"send layer {blob.digest}", **numbers, layerPartBlob=part)
        first = last + 1
    if (got := f"sha256:{sha256.hexdigest()}") != blob.digest:
        raise PlatformRefused(
            f"{source}: the bytes that it gives for layer {blob.digest} have the digest {got}. Nothing of the image is "
            "visible in the other registry."
        )
    try:
        what = f"complete layer {blob.digest}"
        target.ask("complete_layer_upload", what, uploadId=upload, layerDigests=[blob.digest])
    except PlatformRefused as error:
        if "LayerAlreadyExistsException" not in str(error):
            raise


def _parts(source: Repository, blob: Blob, part_bytes: int, opened: OpenUrl) -> Iterator[bytes]:
    """The layer's bytes, all parts but the last of the same length; never more bytes than its manifest says."""
    waiting, seen = bytearray(), 0
    for chunk in _chunks(source, blob, opened):
        seen += len(chunk)
        if seen > blob.size:
            raise PlatformRefused(f"{source}: layer {blob.digest} is longer than its manifest says, {blob.size} bytes.")
        waiting += chunk
        while len(waiting) >= part_bytes:
            yield bytes(waiting[:part_bytes])
            del waiting[:part_bytes]
    if waiting:
        yield bytes(waiting)


def _chunks(source: Repository, blob: Blob, opened: OpenUrl) -> Iterator[bytes]:
    """The layer's bytes as they come; goes on behind the last one when the connection breaks."""
    done, broken = 0, 0
    while True:
        answer = source.ask("get_download_url_for_layer", f"fetch layer {blob.digest}", layerDigest=blob.digest)
        try:
            with opened(answer["downloadUrl"], done) as body:
                while chunk := body.read(_READ_BYTES):
                    done, broken = done + len(chunk), 0
                    yield chunk
            if done >= blob.size:
                return
            problem = f"it ended after {done} of {blob.size} bytes"
        except (OSError, http.client.HTTPException) as error:
            problem = str(error)
        broken += 1
        if broken >= _ATTEMPTS:
            raise PlatformBusy(
                f"{source}: layer {blob.digest} could not be fetched: {problem}. The same command again goes on."
            )
