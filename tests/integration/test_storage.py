"""Artifacts to and from an S3 endpoint: published whole or not at all, verified, going on after a kill."""

import dataclasses
import datetime
import hashlib
import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from aws_config import config_on_aws
from breaking_s3 import BreakingS3, WatchedS3, download_and_die, upload_and_die
from synthetic_store import SyntheticStore
from typer.testing import CliRunner

from components.errors import BadData
from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import fingerprint
from pipeline.caching.node_parts import data_section
from pipeline.cli.app import app
from pipeline.errors import NotFound
from pipeline.platform_root import platform_root
from pipeline.retention import remote
from pipeline.storage import download as downloading
from pipeline.storage import parts, read_text, write_text
from pipeline.storage import upload as uploading
from pipeline.storage.download import Download, download
from pipeline.storage.errors import Damaged, DiskTooSmall, NotPublished, StorageError
from pipeline.storage.published import published_fingerprint, read_manifest, remove, why_not_intact
from pipeline.storage.s3 import Location, content_digest, folders, listing, matching, s3_client
from pipeline.storage.upload import upload

pytestmark = pytest.mark.integration


@pytest.fixture
def place(s3_bucket):
    """A folder in an empty bucket."""
    return f"s3://{s3_bucket}/some/folder"


@pytest.fixture
def artifact(tmp_path):
    """Files of several sizes, an empty one and an empty folder."""
    made = tmp_path / "made" / "7"
    (made / "empty").mkdir(parents=True)
    for number in range(12):
        (made / f"part {number:02}ü.bin").write_bytes(bytes([number]) * (100 + number))
    (made / "zero").write_bytes(b"")
    (made / "large").write_bytes(bytes(range(256)) * 20)
    return made


def local(path):
    return fingerprint(path, FileIndex(None))


def keys(place):
    return [item.key.removeprefix(f"{Location.parse(place).key}/") for item in listing(Location.parse(place))]


def killed(function, *arguments):
    """Runs the function in a process of its own, which must be killed meanwhile."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def test_what_was_uploaded_comes_back_the_same(place, artifact, tmp_path):
    manifest = upload(artifact, f"{place}/7")
    assert manifest.fingerprint == local(artifact) == published_fingerprint(f"{place}/7")
    download([Download(f"{place}/7", tmp_path / "back" / "7", local(artifact))])
    assert local(tmp_path / "back" / "7") == local(artifact)
    assert (tmp_path / "back" / "7" / "empty").is_dir()
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == [".7.lock", "7"]


def test_an_artifact_that_is_one_file_comes_back_as_one(place, tmp_path):
    value = tmp_path / "value"
    value.write_text("42")
    upload(value, f"{place}/1/value")
    download([Download(f"{place}/1/value", tmp_path / "back" / "value", local(value))])
    assert (tmp_path / "back" / "value").read_text() == "42"
    assert why_not_intact(f"{place}/1/value", local(value)) == ""


def test_a_large_file_goes_and_comes_in_parts(place, tmp_path, monkeypatch):
    part = 5 * 2**20  # the least that S3 takes for a part
    monkeypatch.setattr(parts, "PART_BYTES", part)
    monkeypatch.setattr(uploading, "WHOLE_BYTES", part)
    monkeypatch.setattr(downloading, "PIECE_BYTES", part)
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "weights").write_bytes(os.urandom(2 * part + 1))
    watched = WatchedS3(s3_client())
    upload(folder, f"{place}/7", watched)
    assert len(watched.named("upload_part")) == 3
    download([Download(f"{place}/7", tmp_path / "back" / "7")], client=watched)
    ranges = sorted(arguments["Range"] for arguments in watched.named("get_object"))
    assert ranges == [f"bytes=0-{part - 1}", f"bytes={2 * part}-{2 * part}", f"bytes={part}-{2 * part - 1}"]
    assert local(tmp_path / "back" / "7") == local(folder)
    assert why_not_intact(f"{place}/7", local(folder)) == ""


def test_parts_that_a_killed_upload_has_sent_are_not_sent_again(place, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_BYTES", 5 * 2**20)
    monkeypatch.setattr(uploading, "WHOLE_BYTES", 5 * 2**20)
    weights = tmp_path / "weights"
    weights.write_bytes(os.urandom(16 * 2**20))
    killed(upload_and_die, weights, f"{place}/weights", 3, "upload_part")
    with weights.open("r+b") as file:  # the second part is another one now
        file.seek(6 * 2**20)
        file.write(b"another attempt")
    watched = WatchedS3(s3_client())
    upload(weights, f"{place}/weights", watched)
    assert sorted(arguments["PartNumber"] for arguments in watched.named("upload_part")) == [2, 3, 4]
    download([Download(f"{place}/weights", tmp_path / "back", local(weights))])
    assert (tmp_path / "back").read_bytes() == weights.read_bytes()
    upload(weights, f"{place}/weights", watched)  # complete, only the manifest is written anew
    assert len(watched.named("upload_part")) == 3


def test_a_kill_in_the_middle_of_an_upload_publishes_nothing(place, artifact, tmp_path):
    killed(upload_and_die, artifact, f"{place}/7", 9)
    assert keys(f"{place}/7")  # some of it arrived
    assert read_manifest(f"{place}/7") is None
    with pytest.raises(NotPublished, match=r"Node 'Evaluator': s3://.*/7: nothing complete is there"):
        download([Download(f"{place}/7", tmp_path / "back" / "7")], for_whom="Evaluator")
    assert not (tmp_path / "back" / "7").exists()


def test_gc_removes_what_a_killed_upload_left_a_day_ago_and_nothing_that_was_published(
    place, artifact, tmp_path, monkeypatch
):
    outputs = f"{place}/artifacts/reviews/Trainer/model"
    upload(artifact, f"{outputs}/1")
    killed(upload_and_die, artifact, f"{outputs}/2", 9)
    jobs = SyntheticStore(tmp_path / "jobs")
    jobs.add_run("run-1")
    settings = dataclasses.replace(config_on_aws().on_aws, root=place, metadata=jobs.runs.metadata_uri)
    config = tmp_path / "penstock.yaml"
    sections = {"pipeline": {"name": "reviews"}, "data": {"path": "x.csv"}, "label": {"column": "y"}}
    config.write_text(json.dumps({**sections, "aws": dataclasses.asdict(settings)}))

    def gc(*words):
        done = CliRunner().invoke(app, ["gc", *words, "--config", str(config)])
        assert done.exit_code == 0, done.output
        return done.output

    assert "0 went, 0 bytes; 1 stay" in gc()
    monkeypatch.setattr(remote, "QUIET", datetime.timedelta(0))
    before = keys(outputs)
    assert "left by an attempt that was killed" in gc("--dry-run")
    assert keys(outputs) == before
    assert "1 published outputs" in gc()
    assert keys(outputs) == [name for name in before if name.startswith("1")]
    download([Download(f"{outputs}/1", tmp_path / "back")])
    assert local(tmp_path / "back") == local(artifact)


def test_gc_leaves_what_is_on_s3_alone_without_the_jobs_lineage_store(place, artifact, tmp_path):
    killed(upload_and_die, artifact, f"{place}/artifacts/reviews/Trainer/model/2", 9)
    settings = {"root": place, "metadata": f"sqlite:///{tmp_path / 'none.sqlite'}"}
    config = config_on_aws(**settings).at(str(tmp_path / "root"))
    with pytest.raises(NotFound, match=r"Trainer/model/2: it was lost.*Nothing was removed on S3"):
        remote.plan_of_jobs(platform_root("sagemaker", config), keep_last=0)


def test_a_kill_while_an_artifact_is_written_anew_does_not_leave_the_old_one_published(place, artifact):
    upload(artifact, f"{place}/7")
    for number in range(12):
        (artifact / f"part {number:02}ü.bin").write_bytes(b"another attempt")
    killed(upload_and_die, artifact, f"{place}/7", 5)
    assert read_manifest(f"{place}/7") is None


def test_an_upload_uses_what_a_killed_one_has_left_and_removes_what_does_not_belong(place, artifact):
    killed(upload_and_die, artifact, f"{place}/7", 9)
    arrived = [item for item in listing(Location.parse(f"{place}/7")) if item.size]
    (artifact / "part 00ü.bin").unlink()
    watched = WatchedS3(s3_client())
    upload(artifact, f"{place}/7", watched)
    sent = {arguments["Key"].rpartition("/")[2] for arguments in watched.named("put_object")}
    kept = {item.key.rpartition("/")[2] for item in arrived} - {"part 00ü.bin"}
    assert kept
    assert not kept & sent
    assert sorted(keys(f"{place}/7")) == sorted(p.name for p in artifact.iterdir() if p.is_file())
    assert why_not_intact(f"{place}/7", local(artifact)) == ""


def test_a_file_that_changes_while_it_is_uploaded_publishes_nothing(place, artifact):
    def grow(name, number, arguments):
        if name == "put_object" and number == 1:
            with (artifact / "zero").open("a") as file:
                file.write("late")

    with pytest.raises(StorageError, match="zero: changed while it was uploaded"):
        upload(artifact, f"{place}/7", WatchedS3(s3_client(), grow))
    assert read_manifest(f"{place}/7") is None


def test_a_folder_with_what_s3_cannot_hold_is_refused_before_anything_is_sent(place, artifact):
    (artifact / "elsewhere").symlink_to(artifact.parent)
    (artifact / "gone").symlink_to("nowhere")
    (artifact / os.fsdecode(b"latin-\xfc")).write_text("x")
    found = r"elsewhere \(link\), gone \(link\), 'latin-\\udcfc' \(no UTF-8\)"
    with pytest.raises(StorageError, match=rf"S3 holds files with names in UTF-8 only, found {found}"):
        upload(artifact, f"{place}/7")
    assert keys(place) == []


def test_a_download_goes_on_where_a_killed_one_stopped(place, artifact, tmp_path, monkeypatch):
    upload(artifact, f"{place}/7")
    target = tmp_path / "back" / "7"
    killed(download_and_die, f"{place}/7", target, 6)
    assert not target.exists()
    monkeypatch.setattr(downloading, "PIECE_BYTES", 1000)
    watched = WatchedS3(s3_client())
    download([Download(f"{place}/7", target)], client=watched)
    assert len(watched.named("get_object")) == 18 - 5  # 12 small files and 6 pieces of the large one; zero needs none
    assert local(target) == local(artifact)


def test_what_a_killed_download_left_is_verified_before_it_is_used(place, artifact, tmp_path, monkeypatch):
    upload(artifact, f"{place}/7")
    target = tmp_path / "back" / "7"
    killed(download_and_die, f"{place}/7", target, 6)
    monkeypatch.setattr(downloading, "PIECE_BYTES", 1000)
    (incoming,) = target.parent.glob(".7.*.incoming")
    for path in incoming.rglob("*.part"):
        path.write_bytes(b"!" * path.stat().st_size)
    download([Download(f"{place}/7", target)])
    assert local(target) == local(artifact)


def test_a_copy_that_is_right_is_not_downloaded_again_and_one_that_was_changed_is(place, artifact, tmp_path):
    upload(artifact, f"{place}/7")
    target = tmp_path / "back" / "7"
    download([Download(f"{place}/7", target)])
    watched = WatchedS3(s3_client())
    download([Download(f"{place}/7", target)], client=watched)
    assert not watched.named("get_object")
    (target / "zero").write_text("changed")
    download([Download(f"{place}/7", target)], client=watched)
    assert local(target) == local(artifact)


def test_a_broken_connection_is_taken_up_again(place, artifact, tmp_path):
    upload(artifact, f"{place}/7")
    download([Download(f"{place}/7", tmp_path / "7")], client=BreakingS3(s3_client(), breaks=3))
    assert local(tmp_path / "7") == local(artifact)


def test_a_connection_that_keeps_breaking_is_an_error_that_says_where(place, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "_ATTEMPTS", 2)
    value = tmp_path / "value"
    value.write_text("forty-two")
    upload(value, f"{place}/value")
    with pytest.raises(StorageError, match=r"/value: the connection broke 2 times \(the other side went away\)"):
        download([Download(f"{place}/value", tmp_path / "b" / "value")], client=BreakingS3(s3_client(), breaks=99))
    assert not (tmp_path / "b" / "value").exists()


DAMAGES = {
    "flipped": lambda client, where: client.put_object(**where, Body=b"\0" + bytes(range(1, 256)) * 20 + bytes(19)),
    "longer": lambda client, where: client.put_object(**where, Body=bytes(range(256)) * 20 + b"x"),
    "shorter": lambda client, where: client.put_object(**where, Body=bytes(range(256))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_is_refused_with_where_and_what_to_do(place, artifact, tmp_path, damage):
    upload(artifact, f"{place}/7")
    where = Location.parse(f"{place}/7/large")
    DAMAGES[damage](s3_client(), {"Bucket": where.bucket, "Key": where.key})
    assert why_not_intact(f"{place}/7", local(artifact)) == f"{place}/7/large was changed since it was written"
    with pytest.raises(Damaged, match=r"/7/large: .*Run the node that writes it again"):
        download([Download(f"{place}/7", tmp_path / "back" / "7")])
    assert not (tmp_path / "back" / "7").exists()


def test_a_deleted_object_is_refused(place, artifact, tmp_path):
    upload(artifact, f"{place}/7")
    where = Location.parse(f"{place}/7/large")
    s3_client().delete_object(Bucket=where.bucket, Key=where.key)
    assert why_not_intact(f"{place}/7", local(artifact)) == f"{place}/7/large was deleted"
    with pytest.raises(NotPublished, match="/7/large: there is no such object"):
        download([Download(f"{place}/7", tmp_path / "back" / "7")])


def test_an_added_object_is_noticed(place, artifact):
    upload(artifact, f"{place}/7")
    write_text(f"{place}/7/extra", "x")
    assert why_not_intact(f"{place}/7", local(artifact)) == f"{place}/7/extra was added since {place}/7 was written"


def test_the_same_bytes_written_anew_are_no_change(place, artifact):
    upload(artifact, f"{place}/7")
    where = Location.parse(f"{place}/7/large")
    s3_client().put_object(
        Bucket=where.bucket, Key=where.key, Body=bytes(range(256)) * 20, ChecksumAlgorithm="SHA256", Metadata={"a": "b"}
    )
    assert why_not_intact(f"{place}/7", local(artifact)) == ""


def test_what_was_replaced_whole_is_refused_by_the_recorded_fingerprint(place, artifact, tmp_path):
    upload(artifact, f"{place}/7")
    recorded = local(artifact)
    (artifact / "zero").write_text("another artifact")
    upload(artifact, f"{place}/7")
    assert why_not_intact(f"{place}/7", recorded) == f"{place}/7 was changed since it was written"
    with pytest.raises(Damaged, match=f"recorded the fingerprint {recorded[:12]}….*it was replaced"):
        download([Download(f"{place}/7", tmp_path / "back" / "7", recorded)])


def test_too_little_disk_is_refused_before_anything_is_downloaded(place, artifact, tmp_path, monkeypatch):
    upload(artifact, f"{place}/7")
    monkeypatch.setattr(downloading, "SPARE_BYTES", 2**60)
    watched = WatchedS3(s3_client())
    with pytest.raises(DiskTooSmall, match=r"Node 'Trainer': its inputs need 0\.00 GB.*resources\.Trainer\.disk_gb"):
        download([Download(f"{place}/7", tmp_path / "back" / "7")], for_whom="Trainer", client=watched)
    assert not watched.named("get_object")
    assert not (tmp_path / "back" / "7").exists()


def test_the_disk_is_measured_for_all_inputs_together(place, artifact, tmp_path, monkeypatch):
    uris = [f"{place}/{number}" for number in range(2)]
    for uri in uris:
        upload(artifact, uri)
    size = sum(path.stat().st_size for path in artifact.iterdir() if path.is_file())
    one = [Download(uris[0], tmp_path / "back" / "0")]
    monkeypatch.setattr(downloading, "SPARE_BYTES", 0)
    monkeypatch.setattr(downloading, "free_bytes", lambda _: size + size // 2)
    with pytest.raises(DiskTooSmall):
        download([*one, Download(uris[1], tmp_path / "back" / "1")])
    download(one)


def test_what_is_removed_is_not_published_any_more(place, artifact):
    upload(artifact, f"{place}/7")
    upload(artifact, f"{place}/71")
    remove(f"{place}/7")
    assert read_manifest(f"{place}/7") is None
    assert keys(f"{place}/7") == []
    assert why_not_intact(f"{place}/7", local(artifact)) == f"{place}/7 was deleted"
    assert why_not_intact(f"{place}/71", local(artifact)) == ""
    remove(f"{place}/7")


def test_a_text_is_written_once_if_that_is_wanted(place):
    assert write_text(f"{place}/note", "first", if_absent=True)
    assert not write_text(f"{place}/note", "second", if_absent=True)
    assert read_text(f"{place}/note") == "first"
    assert write_text(f"{place}/note", "third")
    assert read_text(f"{place}/note") == "third"


def test_what_is_not_there_is_said_with_its_place(place):
    with pytest.raises(NotPublished, match="/nothing: there is no such object"):
        read_text(f"{place}/nothing")
    with pytest.raises(StorageError, match="there is no bucket 'no-such-bucket'"):
        write_text("s3://no-such-bucket/note", "text")


def test_a_digest_changes_with_the_bytes(place):
    write_text(f"{place}/note", "one")
    first = content_digest(f"{place}/note")
    write_text(f"{place}/note", "two")
    assert content_digest(f"{place}/note") not in (None, first)
    assert content_digest(f"{place}/nothing") is None


def test_a_pattern_finds_what_a_shell_would(place, tmp_path):
    names = ["span-1/a.csv", "span-1/b.csv", "span-2/a.csv", "span-1/deep/a.csv", "[odd]/a.csv", "other.csv"]
    for name in names:
        write_text(f"{place}/{name}", name)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for pattern in ("*.csv", "span-1/*.csv", "span-*/a.csv", "*/*", "[[]odd[]]/*", "span-1/a.csv", "span-3/*"):
        expected = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob(pattern) if path.is_file())
        prefix = Location.parse(place).key + "/"
        assert sorted(item.key.removeprefix(prefix) for item in matching(f"{place}/{pattern}")) == expected, pattern
    assert folders(Location.parse(place)) == ["[odd]", "span-1", "span-2"]


def test_an_object_of_somebody_else_is_brought_too(place, tmp_path):
    where = Location.parse(f"{place}/rows.csv")
    s3_client().put_object(Bucket=where.bucket, Key=where.key, Body=b"a,b\n1,2\n")
    target = Path(tmp_path / "rows.csv")
    download([Download(where.uri, target, is_artifact=False)])
    assert target.read_bytes() == b"a,b\n1,2\n"
    s3_client().put_object(Bucket=where.bucket, Key=where.key, Body=b"a,b\n3,4\n")
    download([Download(where.uri, target, is_artifact=False)])
    assert target.read_bytes() == b"a,b\n3,4\n"
    with pytest.raises(NotPublished, match=r"nothing\.csv: there is no such object\. Put it there"):
        download([Download(f"{place}/nothing.csv", target, is_artifact=False)])


def test_files_on_s3_that_a_node_reads_count_for_its_key(place):
    texts = {"span-1/a.csv": "1", "span-1/b.csv": "2", "span-1/_SUCCESS": "", "span-2/a.csv": "3"}
    for name, text in texts.items():
        write_text(f"{place}/da[t]a/{name}", text)
    write_text(f"{place}/schema.pbtxt", "feature {}")
    config = json.dumps({"splits": [{"name": "all", "pattern": "span-1/*"}]})
    files = {"schema_file": f"{place}/schema.pbtxt", "ledger": f"{place}/none.jsonl", "review_path": ""}
    properties = {**files, "input_base": f"{place}/da[t]a", "input_config": config}
    first = data_section(properties, FileIndex(None))
    assert set(first) == {"schema.pbtxt", "none.jsonl", "span-1/a.csv", "span-1/b.csv"}
    assert first["schema.pbtxt"] == hashlib.sha256(b"feature {}").hexdigest()  # as of a file on a disk
    assert first["none.jsonl"] is None
    write_text(f"{place}/da[t]a/span-1/b.csv", "2 again")
    write_text(f"{place}/schema.pbtxt", "feature { }")
    second = data_section(properties, FileIndex(None))
    assert {name for name in first if first[name] != second[name]} == {"schema.pbtxt", "span-1/b.csv"}
    nothing = {**properties, "input_config": config.replace("span-1", "span-3")}
    with pytest.raises(BadData, match="No file matches the pattern"):
        data_section(nothing, FileIndex(None))
