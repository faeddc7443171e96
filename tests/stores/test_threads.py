"""The threads' stores there are, through the exam."""

from tests.stores.conformance_threads import ThreadsExam


class TestEveryThreads(ThreadsExam):
    pass
