"""All that is tried."""

from tests.fuzz import certificates, commands, loading, messages

TARGETS = [*loading.TARGETS, *commands.TARGETS, *messages.TARGETS, *certificates.TARGETS]
