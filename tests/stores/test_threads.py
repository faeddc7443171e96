"""Each store's threads pass the exam."""

from tests.stores.conformance_threads import ThreadsExam


class TestEveryThreads(ThreadsExam):
    pass
