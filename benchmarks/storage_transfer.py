"""Prints how our transfers compare with boto3's, one file at a time: the same artifacts, side by side in one run.

    AWS_ENDPOINT_URL=http://127.0.0.1:5055 python benchmarks/storage_transfer.py [--latency-ms 30]

against any S3 endpoint with credentials in the environment, such as `moto_server -p 5055` with made-up ones. Every
request of both waits `--latency-ms` first: an endpoint on this machine answers at once, S3 takes 20 to 100 ms to the
first byte. Ours computes and compares each file's SHA-256 and publishes a manifest; boto3's does neither.
"""

import argparse
import functools
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.storage.download import Download, download
from pipeline.storage.s3 import Location, delete, listing, s3_client
from pipeline.storage.tree import local_fingerprint
from pipeline.storage.upload import upload

ARTIFACTS = {"300 files of 64 kB": [65_536] * 300, "a file of 200 MB and 20 of 1 MB": [200_000_000] + [1_000_000] * 20}
REPEATS = 3


def main() -> None:
    """Prints the table; exits with 1 and a sentence if a file that came back differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency-ms", type=float, default=30)
    latency_s = parser.parse_args().latency_ms / 1000
    client, bucket = s3_client(), f"penstock-benchmark-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket)
    client.meta.events.register("before-send.s3", lambda **_: time.sleep(latency_s))
    print(f"median of {REPEATS}, {latency_s * 1000:g} ms a request, {os.cpu_count()} processors")
    print(f"{'':46}{'boto3':>9}{'ours':>9}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, sizes in ARTIFACTS.items():
            compare(name, write(Path(folder) / name, sizes), f"s3://{bucket}/{name.replace(' ', '-')}", client)
    delete([Location(bucket, item.key) for item in listing(Location(bucket, ""), client)], client)
    client.delete_bucket(Bucket=bucket)


def write(folder: Path, sizes: list[int]) -> Path:
    """The folder, with files of these sizes."""
    folder.mkdir()
    for number, size in enumerate(sizes):
        (folder / f"{number:04}").write_bytes(os.urandom(size))
    return folder


def compare(name: str, source: Path, uri: str, client: Any) -> None:
    """Moves the folder there and back by both ways in turns; prints a line for each direction."""
    seconds: dict[str, list[float]] = {way: [] for way in ("boto3 up", "ours up", "boto3 down", "ours down")}
    for number in range(REPEATS):
        back = source.parent / f"{source.name} back {number}"
        theirs, ours = f"{uri}/{number}/theirs", f"{uri}/{number}/ours"
        seconds["boto3 up"].append(timed(one_at_a_time_up, source, theirs, client))
        seconds["ours up"].append(timed(upload, source, ours, client))
        seconds["boto3 down"].append(timed(one_at_a_time_down, source, theirs, back / "theirs", client))
        seconds["ours down"].append(timed(functools.partial(download, client=client), [Download(ours, back / "ours")]))
        for way in ("theirs", "ours"):
            if local_fingerprint(back / way) != local_fingerprint(source):
                sys.exit(f"{name}: what came back by {way} differs from what was sent.")
    for direction, words in (("up", "uploaded"), ("down", "downloaded")):
        boto3_s, ours_s = (statistics.median(seconds[f"{way} {direction}"]) for way in ("boto3", "ours"))
        print(f"{name + ' ' + words:46}{boto3_s:8.2f}s{ours_s:8.2f}s{boto3_s / ours_s:7.1f}x")


def one_at_a_time_up(source: Path, uri: str, client: Any) -> None:
    """boto3's own way for a folder: `upload_file` for each file, which sends large ones in parts by itself."""
    place = Location.parse(uri)
    for path in sorted(source.iterdir()):
        client.upload_file(str(path), place.bucket, f"{place.key}/{path.name}")


def one_at_a_time_down(source: Path, uri: str, target: Path, client: Any) -> None:
    """The way back."""
    place = Location.parse(uri)
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        client.download_file(place.bucket, f"{place.key}/{path.name}", str(target / path.name))


def timed(act: Callable[..., Any], *arguments: Any) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
