"""Tests of the accelerated model: without what the extra `fast` installs, its modules are skipped."""

import pytest

pytest.importorskip("openai", minversion="3.52")
