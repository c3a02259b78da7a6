"""The official OpenAI client for Python, as it is, against the real service."""

import asyncio
import time

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

REQUEST = dict(model="long", prompt="The future of AI is", max_tokens=30, seed=7)
# Takes many times as long as whatever a test does meanwhile.
ENDLESS = REQUEST | dict(max_tokens=8000, extra_body=dict(ignore_eos=True))


def wait_until_idle(client: OpenAI) -> None:
    """Asks for all four places at once, which succeeds only when nobody else has one."""
    for _ in range(100):
        try:
            client.completions.create(**REQUEST | dict(n=4, max_tokens=1), timeout=1)
            return
        except (openai.RateLimitError, openai.APITimeoutError):
            time.sleep(0.05)
    raise AssertionError("The service is not idle after 100 attempts.")


def test_streams_and_collects_the_same_text(client):
    completion = client.completions.create(**REQUEST)
    chunks = list(client.completions.create(**REQUEST, stream=True, stream_options=dict(include_usage=True)))
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == completion.choices[0].text
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-2]] == [None] * (len(chunks) - 2)
    assert chunks[-2].choices[0].finish_reason == completion.choices[0].finish_reason == "length"
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert (chunks[-1].choices, chunks[-1].usage) == ([], completion.usage)
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (5, 30)
    assert completion.id == f"cmpl-{completion._request_id}"


def test_gets_several_choices_of_several_prompts(client):
    request = REQUEST | dict(prompt=["Once", "upon"], n=2, max_tokens=8)
    choices = client.completions.create(**request).choices
    assert [choice.index for choice in choices] == [0, 1, 2, 3]
    texts = [""] * 4
    for chunk in client.completions.create(**request, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in choices]
    as_ids = client.completions.create(**request | dict(prompt=[[7454], [929, 261]]))
    assert as_ids.choices == choices


def test_gets_the_best_of_several_candidates(client):
    def mean(choice):
        return sum(choice.logprobs.token_logprobs) / len(choice.logprobs.token_logprobs)

    request = REQUEST | dict(max_tokens=6, logprobs=0)
    ranked = sorted(client.completions.create(**request, n=4).choices, key=mean, reverse=True)
    best = client.completions.create(**request, n=2, best_of=4)
    assert [choice.text for choice in best.choices] == [choice.text for choice in ranked[:2]]


def test_scores_a_prompt_without_completing_it(client):
    completion = client.completions.create(**REQUEST | dict(max_tokens=0, echo=True, logprobs=2))
    [choice] = completion.choices
    assert choice.text == REQUEST["prompt"]
    assert choice.logprobs.tokens == ["The", " future", " of", " AI", " is"]
    assert choice.logprobs.text_offset == [0, 3, 10, 13, 16]
    assert choice.logprobs.token_logprobs[0] is None and choice.logprobs.top_logprobs[0] is None
    for token, logprob, top in list(
        zip(choice.logprobs.tokens, choice.logprobs.token_logprobs, choice.logprobs.top_logprobs, strict=True)
    )[1:]:
        assert top[token] == logprob and len(top) in (2, 3)
    assert completion.usage.completion_tokens == 0


def test_raises_its_own_errors_which_name_the_field(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**REQUEST | dict(temperature=3))
    assert (caught.value.status_code, caught.value.param, caught.value.code) == (400, "temperature", "invalid_value")
    assert caught.value.request_id

    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**REQUEST | dict(max_tokens=9000), stream=True)
    assert (caught.value.param, caught.value.code) == ("max_tokens", "context_length_exceeded")
    assert "This model's maximum context length is 8192 tokens." in caught.value.message
    assert (caught.value.body["n_prompt_tokens"], caught.value.body["n_ctx"]) == (5, 8192)

    with pytest.raises(openai.NotFoundError) as caught:
        client.completions.create(**REQUEST | dict(model="gpt-5"))
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")


def test_ends_the_generation_when_it_leaves(client):
    for chunk in client.completions.create(**ENDLESS, stream=True):
        assert chunk.choices[0].finish_reason is None
        break
    wait_until_idle(client)
    with client.completions.create(**ENDLESS, stream=True) as stream:
        next(iter(stream))
    wait_until_idle(client)


def test_times_out_on_either_side(client):
    with pytest.raises(openai.APITimeoutError):
        client.completions.create(**ENDLESS, timeout=0.2)
    wait_until_idle(client)
    with pytest.raises(openai.InternalServerError) as caught:
        client.completions.create(**ENDLESS | dict(extra_body=dict(timeout_ms=100)))
    assert (caught.value.status_code, caught.value.code) == (504, "deadline_exceeded")


def test_is_refused_while_the_queue_is_full_and_served_when_it_tries_again(client, base_url):
    async def scenario():
        async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as concurrent:
            running = await concurrent.completions.create(**ENDLESS, n=4, stream=True)
            waiting = asyncio.create_task(concurrent.completions.create(**ENDLESS))
            while True:
                # Until the other one waits, this one does.
                try:
                    await concurrent.completions.create(**REQUEST, timeout=0.2)
                except openai.APITimeoutError:
                    continue
                except openai.RateLimitError as error:
                    refused = error
                    break
            assert (refused.status_code, refused.code, refused.type) == (429, "queue_full", "rate_limit_error")
            assert int(refused.response.headers["retry-after"]) > 0
            assert int(refused.response.headers["retry-after-ms"]) > 0
            retrying = asyncio.create_task(
                concurrent.with_options(max_retries=5).completions.create(**REQUEST)
            )
            await running.close()
            assert (await retrying).choices[0].text
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(scenario())
    wait_until_idle(client)


def test_gives_the_response_itself(client):
    raw = client.completions.with_raw_response.create(**REQUEST, extra_body=dict(mirostat=2))
    assert raw.headers["x-linnet-ignored-fields"] == "mirostat"
    assert raw.parse().id == f"cmpl-{raw.headers['x-request-id']}"
    with client.completions.with_streaming_response.create(**REQUEST, stream=True) as streaming:
        assert streaming.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = [line for line in streaming.iter_lines() if line]
    assert all(line.startswith("data: {") for line in lines[:-1])
    assert lines[-1] == "data: [DONE]"


def test_lists_and_finds_the_models(client):
    assert [model.id for model in client.models.list()] == ["long"]
    assert client.models.retrieve("long").owned_by == "linnet"


def test_streams_many_at_once(client, base_url):
    async def one(concurrent: AsyncOpenAI) -> str:
        stream = await concurrent.completions.create(**REQUEST, stream=True)
        return "".join([chunk.choices[0].text async for chunk in stream])

    async def many() -> list[str]:
        async with AsyncOpenAI(base_url=base_url, api_key="none") as concurrent:
            return await asyncio.gather(*(one(concurrent) for _ in range(4)))

    assert set(asyncio.run(many())) == {client.completions.create(**REQUEST).choices[0].text}
