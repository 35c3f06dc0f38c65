"""An image goes to another registry under its digest, with nothing fetched twice and nothing half there."""

import io

import pytest
from ecr_stand_in import Ecr, digest_of

from pipeline.errors import PlatformBusy, PlatformRefused
from pipeline.images.copying import Copied, Repository, copy_image, open_url
from pipeline.images.registry import EcrImage, parse_image

LAYERS = (b"first layer, longer than one part", b"second", b"12345678")


@pytest.fixture
def source():
    return Ecr("111111111111")


@pytest.fixture
def target():
    return Ecr("222222222222", region="us-east-1")


def copied(source, target, digest, opened=None):
    sides = [Repository.of(side.image(digest), side.client()) for side in (source, target)]
    return copy_image(*sides, digest, opened or source.open)


def test_the_parts_of_an_images_name_are_told_apart():
    assert parse_image("111111111111.dkr.ecr.eu-central-1.amazonaws.com/team/penstock@sha256:ab") == EcrImage(
        "111111111111", "eu-central-1", "team/penstock", "sha256:ab"
    )
    assert parse_image("docker.io/library/python@sha256:ab") is None
    with pytest.raises(ValueError, match=r"docker\.io"):
        Repository.of("docker.io/library/python@sha256:ab", None)


def test_an_image_is_there_afterwards_byte_for_byte_and_has_a_tag(source, target):
    digest = source.push(*LAYERS)
    assert copied(source, target, digest) == Copied(1, 4, sum(map(len, (*LAYERS, b"configuration"))))
    assert target.layers == source.layers
    assert target.images == source.images
    assert list(target.tags.values()) == [digest], "images without a tag are expired by the repository's policy"


def test_what_is_there_already_is_neither_fetched_nor_sent(source, target):
    digest = source.push(*LAYERS)
    target.hold(LAYERS[0])
    assert copied(source, target, digest).blobs == 3
    assert digest_of(LAYERS[0]) not in source.calls
    source.calls.clear()
    assert copied(source, target, digest) == Copied()
    assert source.calls == []


def test_an_image_that_came_there_without_a_tag_gets_one(source, target):
    digest = source.push(*LAYERS)
    for content in (*LAYERS, b"configuration"):
        target.hold(content)
    target.images = dict(source.images)
    assert copied(source, target, digest) == Copied()
    assert list(target.tags.values()) == [digest]


def test_an_index_goes_over_after_its_images(source, target):
    one = source.push(LAYERS[0], tag="")
    other = source.push(LAYERS[0], LAYERS[1], config=b"another", tag="")
    digest = source.push_index(one, other)
    assert copied(source, target, digest).manifests == 3
    assert target.images == source.images
    assert source.calls.count(digest_of(LAYERS[0])) == 1, "shared by both images"


def test_a_copy_that_was_killed_goes_on_and_nothing_of_it_was_visible(source, target):
    digest = source.push(*LAYERS)

    def killed(url, start):
        if url.endswith(digest_of(LAYERS[2])):
            raise KeyboardInterrupt
        return source.open(url, start)

    with pytest.raises(KeyboardInterrupt):
        copied(source, target, digest, killed)
    assert target.images == {}
    assert copied(source, target, digest).blobs == 1
    assert target.images == source.images


def test_an_image_that_is_not_there_is_not_built(source, target):
    with pytest.raises(PlatformRefused, match="there is no image sha256:ab, and a promotion builds none"):
        copied(source, target, "sha256:ab")
    assert target.calls == ["BatchGetImage"]


@pytest.mark.parametrize("what", ["a layer", "a manifest"])
def test_bytes_that_are_not_what_their_digest_says_go_nowhere(source, target, what):
    digest = source.push(*LAYERS)
    if what == "a layer":
        source.layers[digest_of(LAYERS[1])] = b"SECOND"
    else:
        source.images[digest] = source.images[digest][0].replace("   ", " "), source.images[digest][1]
    with pytest.raises(PlatformRefused, match=r"ha(s|ve) the digest"):
        copied(source, target, digest)
    assert target.images == {}
    assert digest_of(LAYERS[1]) not in target.layers


def test_no_more_bytes_are_taken_than_the_manifest_says(source, target):
    digest = source.push(*LAYERS)
    source.layers[digest_of(LAYERS[1])] = LAYERS[1] + b"and much more"
    with pytest.raises(PlatformRefused, match="longer than its manifest says, 6 bytes"):
        copied(source, target, digest)


class Breaking(io.BytesIO):
    """Gives five bytes and breaks off."""

    def read(self, *_):
        if self.tell() >= 5:
            raise ConnectionResetError("reset by peer")
        return super().read(5)


def test_a_connection_that_breaks_is_gone_on_with_where_it_broke(source, target):
    digest, starts = source.push(*LAYERS), []

    def opened(url, start):
        starts.append(start)
        return Breaking(source.open(url, start).read())

    copied(source, target, digest, opened)
    assert target.layers == source.layers
    assert starts[:4] == [0, 5, 10, 0]


def test_an_address_that_gives_nothing_is_given_up(source, target):
    digest = source.push(*LAYERS)
    with pytest.raises(PlatformBusy, match="it ended after 0 of 13 bytes"):
        copied(source, target, digest, lambda *_: io.BytesIO())
    assert target.images == {}


def test_another_promotion_at_the_same_moment_is_no_failure(source, target):
    digest = source.push(*LAYERS)

    def overtaken(url, start):
        for content in (*LAYERS, b"configuration"):
            target.hold(content)
        target.images = dict(source.images)
        target.tags[f"promoted-{digest[7:23]}"] = digest
        return source.open(url, start)

    assert copied(source, target, digest, overtaken).manifests == 1
    assert target.images == source.images


def test_a_missing_right_is_named(source, target):
    digest = source.push(*LAYERS)
    target.name = "another"
    sides = [Repository(side.client(), side.account, "penstock") for side in (source, target)]
    with pytest.raises(PlatformRefused, match="RepositoryNotFoundException"):
        copy_image(*sides, digest, source.open)


class Counting(io.BytesIO):
    """Counts the bytes that were read and not sent on."""

    waiting, most = 0, 0

    def read(self, size=-1):
        found = super().read(size)
        self.waiting += len(found)
        self.most = max(self.most, self.waiting)
        return found


def test_no_more_of_a_layer_than_a_few_parts_is_held(source, target, monkeypatch):
    digest = source.push(bytes(8 * 2**20))
    monkeypatch.setattr("ecr_stand_in.PART", 2**20)
    opened = {url: Counting(content) for url, content in source.layers.items()}
    large, took = opened[digest_of(bytes(8 * 2**20))], target._UploadLayerPart

    def upload(asked):
        large.waiting -= asked["partLastByte"] - asked["partFirstByte"] + 1
        return took(asked)

    monkeypatch.setattr(target, "_UploadLayerPart", upload)
    copied(source, target, digest, lambda url, _: opened[url.rpartition("/")[2]])
    assert 2**19 <= large.most <= 3 * 2**20


def test_layers_come_by_https_only():
    for url in ("http://layers.test/a", "file:///etc/passwd"):
        with pytest.raises(PlatformRefused, match="expected https"):
            open_url(url, 0)
