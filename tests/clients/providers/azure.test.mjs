// The provider azure-openai with real clients: AzureOpenAI against the mock, which proves the mock;
// then OpenAI's package against Weir, and Weir against the mock.
//
// WEIR_BIN names the binary; without it the second part is skipped and says so.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';

import {AzureOpenAI} from 'openai';

import {errorOf} from '../setup.mjs';
import {apiKey, mockStart} from './azure_mock.mjs';
import {says, text, usage, vectorOf} from './mock_parts.mjs';
import {modelsOf, needsWeir, streamRead, weirUse} from './weir_setup.mjs';

describe('the mock, to AzureOpenAI', () => {
  let mock;
  const clientMake = (options = {}) => new AzureOpenAI({
    apiKey, endpoint: mock.url, apiVersion: '2024-10-21', deployment: 'chat', maxRetries: 0,
    ...options});
  before(async () => { mock = await mockStart(); });
  after(() => mock.close());

  test('chats and streams', async () => {
    const client = clientMake();
    const whole = await client.chat.completions.create({model: 'x', messages: says});
    assert.equal(whole.choices[0].message.content, text);
    const seen = await streamRead(await client.chat.completions.create(
      {model: 'x', messages: says, stream: true, stream_options: {include_usage: true}}));
    assert.equal(seen.text, text);
    assert.deepEqual(seen.usage, usage);
  });

  test('embeds', async () => {
    const client = clientMake({deployment: 'embed'});
    const packed = await client.embeddings.create({model: 'x', input: ['a', 'bcd']});
    assert.deepEqual(packed.data[1].embedding, vectorOf('bcd'));
  });

  test('refuses', async () => {
    const ask = (options, more = {}) => errorOf(clientMake(options).chat.completions.create(
      {model: 'x', messages: says, ...more}));
    assert.equal((await ask({apiKey: 'wrong'})).status, 401);
    assert.equal((await ask({apiVersion: '2020-01-01'})).status, 404);
    assert.equal((await ask({deployment: 'gone'})).code, 'DeploymentNotFound');
    assert.equal((await ask({}, {unheard_of: 1})).status, 400);
    assert.equal((await ask({apiVersion: '2024-02-01'}, {max_completion_tokens: 1})).status, 400);
  });
});

describe('Weir in front of the mock', needsWeir, () => {
  let mock;
  let client;
  weirUse(mockStart, ({url}) => {
    const at = (name, data, rest = '') =>
      `{name: ${name}, type: azure-openai, data: {apikey: ${apiKey}, ${data}}${rest}}`;
    const base = `base_url: "${url}"`;
    return {
      providers: [
        at('azure', base, ', options: {deployments: {gpt-4o: chat}}'),
        at('old', `${base}, api_version: "2024-02-01"`),
        at('next', `base_url: "${url}/openai/v1"`),
        at('wrong', `${base}, api_version: "2020-01-01"`),
        `{name: locked, type: azure-openai, data: {apikey: not-the-key, ${base}}}`,
      ],
      models: [
        ...modelsOf('azure', ['chat', 'gpt-4o', 'o4-mini', 'embed', 'filtered', 'silent', 'busy',
                              'quota', 'gone']),
        ...['old', 'next', 'wrong', 'locked']
          .map((name) => ({provider: name, id: 'chat', alias: name})),
      ]};
  }, (started) => { ({mock, client} = started); });
  const chat = (model, more = {}) =>
    client.chat.completions.create({model, messages: says, ...more});

  for (const model of ['chat', 'gpt-4o', 'next', 'old']) {
    test(`${model}: whole and streamed`, async () => {
      const whole = await chat(model, {max_completion_tokens: 9, tools: [],
                                       parallel_tool_calls: true});
      assert.equal(whole.choices[0].message.content, text);
      const seen = await streamRead(await chat(model, {stream: true}));
      assert.equal(seen.text, text);
      assert.deepEqual(seen.reasons, ['stop']);
      assert.deepEqual([...seen.ids], ['chatcmpl-mock']);
      assert.equal(seen.usage, null);
    });
  }

  test('usage and what the filter said come with the stream', async () => {
    const stream = await chat('chat', {stream: true, stream_options: {include_usage: true}});
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.equal(chunks[0].choices.length, 1);
    assert.equal(chunks[0].prompt_filter_results[0].prompt_index, 0);
    assert.deepEqual(chunks.at(-1).usage, usage);
    const final = await client.chat.completions.stream({model: 'chat', messages: says})
      .finalChatCompletion();
    assert.equal(final.choices[0].message.content, text);
  });

  test('reasoning deployments get the cap by its new name', async () => {
    await chat('o4-mini', {max_tokens: 5});
    assert.equal(mock.requests.at(-1).body.max_completion_tokens, 5);
  });

  test('embeddings, packed and plain', async () => {
    const ask = {model: 'embed', input: ['a', 'bcd']};
    for (const more of [{}, {encoding_format: 'float'}]) {
      const answer = await client.embeddings.create({...ask, ...more});
      assert.deepEqual(answer.data.map((entry) => entry.embedding), ask.input.map(vectorOf));
    }
  });

  test('the filter: a prompt refused in a 200, an answer without a message', async () => {
    const refused = await errorOf(chat('filtered'));
    assert.deepEqual([refused.status, refused.code, refused.param, refused.type],
                     [400, 'content_filter', 'prompt', 'invalid_request_error']);
    const silent = await chat('silent');
    assert.equal(silent.choices[0].finish_reason, 'content_filter');
    assert.deepEqual(silent.choices[0].message, {role: 'assistant', content: null});
  });

  test('errors', async () => {
    const busy = await errorOf(chat('busy'));
    assert.equal(busy.status, 429);
    assert.equal(busy.headers.get('retry-after'), '21');
    assert.equal((await errorOf(chat('quota'))).code, 'insufficient_quota');
    const gone = await errorOf(chat('gone'));
    assert.deepEqual([gone.status, gone.code], [404, 'model_not_found']);
    assert.match(gone.message, /DeploymentNotFound/);
    assert.match((await errorOf(chat('wrong'))).message, /api_version/);
    const locked = await errorOf(chat('locked'));
    assert.deepEqual([locked.status, locked.code], [502, 'upstream_auth_failed']);
    assert.ok(!locked.message.includes('not-the-key'));
  });
});
