"""The page: an experiment is a small JSON, and all that is shown follows from it."""

from pellucid.web.desk import Answer, Desk
from pellucid.web.experiment import Experiment, read_experiment
from pellucid.web.library import Library

__all__ = ["Answer", "Desk", "Experiment", "Library", "read_experiment"]
