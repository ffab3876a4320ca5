// The provider cerebras: OpenAI's package against Weir, and Weir against a strict mock.
// WEIR_BIN names the binary; without it all is skipped and says so.
import assert from 'node:assert/strict';
import {describe, test} from 'node:test';

import {errorOf} from '../setup.mjs';
import {apiKey, mockStart} from './cerebras_mock.mjs';
import {says, text, usage} from './mock_parts.mjs';
import {modelsOf, needsWeir, streamRead, weirUse} from './weir_setup.mjs';

describe('Weir in front of the mock', needsWeir, () => {
  let mock;
  let client;
  weirUse(mockStart, ({url}) => {
    const data = `data: {apikey: ${apiKey}, base_url: "${url}/v1"}`;
    return {
      providers: [
        `{name: fast, type: cerebras, ${data}}`,
        `{name: strict, type: cerebras, strict_params: true, ${data}}`,
        `{name: locked, type: cerebras, data: {apikey: csk-other, base_url: "${url}/v1"}}`,
      ],
      models: [
        ...modelsOf('fast', ['chat', 'busy', 'gone']),
        ...['strict', 'locked'].map((name) => ({provider: name, id: 'chat', alias: name})),
      ]};
  }, (started) => { ({mock, client} = started); });
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
