import pytest

from pipeline.errors import ConfigError
from pipeline.runners.base import Capabilities
from pipeline.runners.registry import RUNNERS, capabilities_of, runners_taking, runners_with


def test_an_unknown_runner_is_answered_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"--runner locla: there is no such runner\. Did you mean 'local'\?"):
        capabilities_of("locla")


def test_an_unknown_runner_that_resembles_none_is_answered_with_all_names():
    with pytest.raises(ConfigError, match=f"Known: {', '.join(RUNNERS)}"):
        capabilities_of("zzz")


@pytest.mark.parametrize("name", sorted(RUNNERS))
def test_every_runner_says_what_it_can(name):
    assert isinstance(capabilities_of(name), Capabilities)


def test_the_local_runner_can_do_everything():
    assert "local" in runners_with("conditionals")
    assert "local" in runners_with("runtime_parameters")
    assert "local" in runners_taking(10_000)
