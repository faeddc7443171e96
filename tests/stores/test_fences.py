"""Each store's fence passes the exam."""

from tests.stores.conformance_fences import FencesExam


class TestEveryFence(FencesExam):
    pass
