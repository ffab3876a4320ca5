// Callers that leave early: the provider must be told at once.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import OpenAI from 'openai';
import {clientMake, errorOf, keys, mockStats, says, until, url} from './setup.mjs';

const limit = {timeout: 30_000};
const goneCount = (model) => (stats) => stats.gone.filter((one) => one.model === model).length;

// Runs `leave` and waits until the mock has seen one more request of that model broken off.
async function expectGone(model, leave) {
  const count = goneCount(model);
  const before = count(await mockStats());
  await leave();
  await until(mockStats, (stats) => count(stats) > before);
}

test('abort in the middle of a stream', limit, async () => {
  await expectGone('mock/events=400,gap=20ms,size=60', async () => {
    const controller = new AbortController();
    const stream = await clientMake().chat.completions.create(
        {model: 'mock-slow', messages: says('river'), stream: true}, {signal: controller.signal});
    let seen = 0;
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      if (++seen === 3) controller.abort();
    }
    assert.ok(seen >= 3 && seen < 400);
  });
});

test('leaving the loop over a stream', limit, async () => {
  await expectGone('mock/events=400,gap=20ms,size=60', async () => {
    const stream = await clientMake().chat.completions.create(
        {model: 'mock-slow', messages: says('river'), stream: true});
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      break;
    }
  });
});

test('abort before the first byte', limit, async () => {
  await expectGone('mock/hang', async () => {
    const controller = new AbortController();
    const before = (await mockStats()).requests;
    const promise = clientMake().chat.completions.create(
        {model: 'mock-hang', messages: says('river')}, {signal: controller.signal});
    const ended = errorOf(promise);
    await until(mockStats, (stats) => stats.requests > before);
    controller.abort();
    assert.ok(await ended instanceof OpenAI.APIUserAbortError);
  });
});

test("the SDK's own timeout", limit, async () => {
  await expectGone('mock/hang', async () => {
    const client = clientMake({timeout: 500});
    const error = await errorOf(
        client.chat.completions.create({model: 'mock-hang', messages: says('river')}));
    assert.ok(error instanceof OpenAI.APIConnectionTimeoutError);
  });
});

test('nothing is left in flight', limit, async () => {
  const scrape = async () => {
    const answer =
        await fetch(`${url}/metrics`, {headers: {authorization: `Bearer ${keys.operator}`}});
    assert.equal(answer.status, 200);
    const text = await answer.text();
    const found = text.match(/^weir_requests_in_flight(?:\{[^}]*\})? (\d+)$/m);
    assert.ok(found, text);
    return Number(found[1]);
  };
  await until(scrape, (inFlight) => inFlight === 0);
});
