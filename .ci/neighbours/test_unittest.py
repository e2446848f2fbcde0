"""unittest.TestCase under pytest."""

import unittest

import pytest
import train


class Training(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _sandbox(self, mocktune):
        self.mocktune = mocktune

    def test_a_job_lives(self):
        job, answer = train.main()
        self.assertEqual(job.status, "succeeded")
        self.assertTrue(answer)
        self.mocktune.verdict.assert_clean()

    def test_subtests(self):
        for number in range(2):
            with self.subTest(number=number):
                self.assertEqual(train.main()[0].status, "succeeded")


@pytest.mark.usefixtures("mocktune")
class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_a_job_lives(self):
        job = await train.main_async()
        self.assertEqual(job.status, "succeeded")
