"""What can go wrong with a model, apart from what its own library raises.

ModelError
├── ModelNotConfigured   the settings name a model that can't be built
├── UpstreamTruncated    the answer is incomplete
├── UpstreamMalformed    the answer isn't what was asked for
└── DemoFailure          the demo model failed because it was asked to
"""


class ModelError(Exception):
    """A model can't be used. `code` is stable and public; the text is for people."""

    code = "model_error"


class ModelNotConfigured(ModelError):
    """The settings name a model that can't be built. One line: what, why, what to do."""

    code = "model_not_configured"


class UpstreamTruncated(ModelError):
    """The model's stream ended without a finish reason: the answer may be cut off anywhere."""

    code = "upstream_truncated"


class UpstreamMalformed(ModelError):
    """The model's answer isn't in the form it was asked for."""

    code = "upstream_malformed"


class DemoFailure(ModelError):
    """The demo model was asked to fail in the middle of its answer, and does."""

    code = "demo_failure"
