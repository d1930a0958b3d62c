"""The page: an experiment is a small JSON, and all that is shown follows from it."""

from pellucid.web.answers.api import Answer, SessionApi
from pellucid.web.session.experiment import Experiment, read_experiment
from pellucid.web.session.library import Library

__all__ = ["Answer", "Experiment", "Library", "SessionApi", "read_experiment"]
