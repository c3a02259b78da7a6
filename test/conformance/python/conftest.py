"""What the tests share: a running service, and clients of it."""

import os

import pytest
from openai import OpenAI


@pytest.fixture(scope="session")
def base_url() -> str:
    """Where the service is: its model `long` has a context of 8,192; 4 requests run, and 1 may wait."""
    return os.environ["LINNET_TEST_URL"] + "/v1"


@pytest.fixture
def client(base_url: str):
    """A client that tries nothing twice."""
    with OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        yield client
