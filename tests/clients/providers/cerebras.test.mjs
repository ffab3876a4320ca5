// The provider cerebras: OpenAI's package against Weir, and Weir against a strict mock.
// WEIR_BIN names the binary; without it all is skipped and says so.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';

import OpenAI from 'openai';

import {apiKey, mockStart} from './cerebras_mock.mjs';
import {errorOf, says, streamRead, text, usage, weirStart} from './compat_parts.mjs';

const binary = process.env.WEIR_BIN;
describe('Weir in front of the mock', {skip: !binary && 'WEIR_BIN is not set'}, () => {
  let mock;
  let weir;
  let client;
  before(async () => {
    mock = await mockStart();
    const data = `data: {apikey: ${apiKey}, base_url: "${mock.url}/v1"}`;
    weir = await weirStart(binary, [
      `{name: fast, type: cerebras, ${data}}`,
      `{name: strict, type: cerebras, strict_params: true, ${data}}`,
      `{name: locked, type: cerebras, data: {apikey: csk-other, base_url: "${mock.url}/v1"}}`,
    ], [
      ...['chat', 'busy', 'gone'].map((id) => ({provider: 'fast', id, alias: id})),
      ...['strict', 'locked'].map((name) => ({provider: name, id: 'chat', alias: name})),
    ]);
    client = new OpenAI({apiKey: weir.key, baseURL: `${weir.url}/v1`, maxRetries: 0});
  });
  after(async () => {
    await weir?.stop();
    await mock?.close();
  });
  const chat = (model, more = {}) =>
    client.chat.completions.create({model, messages: says, ...more});

  test('chat: what it refuses is left out and named', async () => {
    const {data, response} = await chat('chat', {
      max_tokens: 9, n: 1, logit_bias: {1: 2}, presence_penalty: 0, parallel_tool_calls: false,
      messages: [{role: 'developer', content: 'Be brief.'}, ...says]}).withResponse();
    assert.equal(data.choices[0].message.content, text);
    assert.equal(data.choices[0].message.reasoning_content, 'They greet.');
    assert.equal(response.headers.get('x-weir-dropped-params'), 'logit_bias, parallel_tool_calls');
    assert.equal(mock.requests.at(-1).body.max_completion_tokens, 9);
  });

  for (const included of [true, false]) {
    test(`a stream, usage ${included ? 'asked for' : 'not asked for'}`, async () => {
      const seen = await streamRead(await chat('chat', {
        stream: true, ...(included && {stream_options: {include_usage: true}})}));
      assert.deepEqual([seen.text, seen.reasoning], [text, 'They greet.']);
      assert.deepEqual(seen.reasons, ['stop']);
      assert.deepEqual(seen.usage, included ? usage : null);
    });
  }

  test('errors', async () => {
    const two = await errorOf(chat('chat', {n: 2}));
    assert.deepEqual([two.status, two.code, two.param], [400, 'unsupported_parameter', 'n']);
    const strict = await errorOf(chat('strict', {logit_bias: {1: 2}}));
    assert.deepEqual([strict.status, strict.param], [400, 'logit_bias']);
    const busy = await errorOf(chat('busy'));
    assert.deepEqual([busy.status, busy.code, busy.type],
                     [429, 'queue_exceeded', 'rate_limit_error']);
    assert.deepEqual([(await errorOf(chat('gone'))).code], ['model_not_found']);
    assert.equal((await errorOf(chat('locked'))).code, 'upstream_auth_failed');
    const image = [{role: 'user', content: [{type: 'image_url', image_url: {url: 'https://a.b'}}]}];
    assert.equal((await errorOf(chat('chat', {messages: image}))).status, 400);
    const asked = mock.requests.length;
    const embed = await errorOf(client.embeddings.create({model: 'chat', input: 'a'}));
    assert.equal(embed.status, 400);
    assert.equal(mock.requests.length, asked);
  });
});
