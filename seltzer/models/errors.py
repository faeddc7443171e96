"""What can go wrong with a model, apart from what its own library raises.

ModelError
├── ModelNotConfigured   the settings name a model that can't be built
├── UpstreamTruncated    the answer is incomplete
├── UpstreamMalformed    the answer isn't what was asked for
└── DemoFailure          the demo model failed because it was asked to
"""

from seltzer.upstream import ModelError, UpstreamMalformed, UpstreamTruncated

__all__ = ["DemoFailure", "ModelError", "ModelNotConfigured", "UpstreamMalformed", "UpstreamTruncated"]


class ModelNotConfigured(ModelError):
    """The settings name a model that can't be built. One line: what, why, what to do."""

    code = "model_not_configured"


class DemoFailure(ModelError):
    """The demo model was asked to fail in the middle of its answer, and does."""

    code = "demo_failure"
