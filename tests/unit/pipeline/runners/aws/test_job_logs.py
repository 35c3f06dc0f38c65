from aws_stubs import stubs

from pipeline.runners.aws.job_logs import job_lines
from pipeline.runners.aws.jobs import Job
from pipeline.runners.remote import LogRange

JOB = Job("processing", "j1")
ONCE = LogRange()


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


def streams(made, *names):
    return made.expect("logs", "describe_log_streams", {"logStreams": [{"logStreamName": name} for name in names]})


def events(made, token, *messages):
    return made.expect(
        "logs", "get_log_events", {"events": [{"message": m} for m in messages], "nextForwardToken": token}
    )


def lines(made, wanted=ONCE, ended=()):
    answers, clock = iter(ended), Clock()
    found = list(job_lines(made.clients.logs, JOB, wanted, lambda: next(answers), clock=clock, sleep=clock.sleep))
    made.check()
    return found, clock.now_s


def test_a_log_is_read_page_by_page_until_the_same_token_comes_back():
    made = events(events(streams(stubs(), "j1/algo-1-9"), "f1", "a", "b"), "f2", "c")
    assert lines(events(made, "f2"))[0] == ["a", "b", "c"]


def test_of_several_machines_each_line_says_which():
    made = streams(stubs(), "j1/algo-1-9", "j1/algo-2-9")
    for text in ("one", "two"):
        events(events(made, "f", text), "f")
    assert lines(made)[0] == ["[algo-1] one", "[algo-2] two"]


def test_a_job_that_has_printed_nothing_yet_has_no_lines():
    assert lines(stubs().refuse("logs", "describe_log_streams", "ResourceNotFoundException"))[0] == []


def test_following_ends_with_the_job_and_misses_nothing_that_it_printed_last():
    made = events(events(streams(stubs(), "j1/algo-1-9"), "f1", "a"), "f1")
    streams(made, "j1/algo-1-9")
    events(events(made, "f2", "b"), "f2")
    streams(made, "j1/algo-1-9")
    events(events(made, "f3", "last"), "f3")
    found, took_s = lines(made, LogRange(follow_s=100, poll_s=5), ended=[False, True])
    assert (found, took_s) == (["a", "b", "last"], 10)


def test_following_ends_after_its_time_although_the_job_goes_on():
    made = stubs()
    for _ in range(3):
        made.refuse("logs", "describe_log_streams", "ResourceNotFoundException")
    found, took_s = lines(made, LogRange(follow_s=8, poll_s=5), ended=[False, False])
    assert (found, took_s) == ([], 8)
