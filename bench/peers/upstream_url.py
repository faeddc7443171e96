"""Where the upstream is; read from the environment, as the OpenAI SDK does it."""

import os

UPSTREAM_URL = os.environ["OPENAI_BASE_URL"]
