"""All that is tried."""

from tests.fuzz import commands, loading, messages

TARGETS = [*loading.TARGETS, *commands.TARGETS, *messages.TARGETS]
