"""What the tests of hostile inputs share."""

import pytest

from tests.hostile.guard import Outcome, guarded


@pytest.fixture
def refused():
    """Checks that a call is refused with one of our errors, in time and in memory; returns the message."""

    def check(call, megabytes=256.0, seconds=2.0) -> str:
        outcome: Outcome = guarded(call, seconds, megabytes)
        assert outcome.kind == "refused", outcome
        return outcome.what

    return check
