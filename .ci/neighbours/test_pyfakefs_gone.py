"""After tests with a fake file system the harness works as before."""

import train


def test_with_a_fake_file_system(fs, mocktune):
    assert mocktune.base_url


def test_without_one(mocktune, tmp_path):
    data = tmp_path / "greetings.jsonl"
    data.write_bytes(train.LINE * 10)
    job, answer = train.main(data)
    assert job.status == "succeeded"
    assert answer
