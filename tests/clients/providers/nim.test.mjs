// The provider nim: OpenAI's package against Weir, and Weir against a strict mock.
// WEIR_BIN names the binary; without it all is skipped and says so.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';

import OpenAI from 'openai';

import {errorOf, says, streamRead, text, usage, vectorOf, weirStart} from './compat_parts.mjs';
import {apiKey, mockStart} from './nim_mock.mjs';

const binary = process.env.WEIR_BIN;
describe('Weir in front of the mock', {skip: !binary && 'WEIR_BIN is not set'}, () => {
  let mock;
  let weir;
  let client;
  before(async () => {
    mock = await mockStart();
    const at = (name, key, options) => `{name: ${name}, type: nim, options: {${options}}, ` +
      `data: {apikey: ${key}, base_url: "${mock.url}/v1"}}`;
    weir = await weirStart(binary, [
      at('nv', apiKey, `status_url: "${mock.url}/status"`), at('alone', apiKey, ''),
      at('locked', 'nvapi-other', ''),
    ], [
      ...['chat', 'slow', 'bad', 'busy', 'gone', 'embed', 'embed-passage']
        .map((id) => ({provider: 'nv', id, alias: id})),
      {provider: 'alone', id: 'slow', alias: 'alone'},
      {provider: 'locked', id: 'chat', alias: 'locked'},
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
      max_completion_tokens: 9, user: 'u', metadata: {a: 'b'}, store: false}).withResponse();
    assert.equal(data.choices[0].message.content, text);
    assert.equal(response.headers.get('x-weir-dropped-params'), 'user, metadata');
    assert.equal(mock.requests.at(-1).body.max_tokens, 9);
  });

  for (const included of [true, false]) {
    test(`a stream, usage ${included ? 'asked for' : 'not asked for'}`, async () => {
      const seen = await streamRead(await chat('chat', {
        stream: true, ...(included && {stream_options: {include_usage: true}})}));
      assert.equal(seen.text, text);
      assert.deepEqual(seen.reasons, ['stop']);
      assert.deepEqual(seen.usage, included ? usage : null);
    });
  }

  test('an accepted request is fetched, whole or as a stream', async () => {
    const begun = mock.requests.length;
    assert.equal((await chat('slow')).choices[0].message.content, text);
    assert.deepEqual(mock.requests.slice(begun).map((request) => request.method),
                     ['POST', 'GET', 'GET']);
    const seen = await streamRead(await chat('slow', {stream: true}));
    assert.equal(seen.text, text);
  });

  test('fetching ends with an error, and when the client goes', async () => {
    const bad = await errorOf(chat('bad'));
    assert.equal(bad.status, 502);
    assert.match(bad.message, /the worker failed/);
    assert.match((await errorOf(chat('alone'))).message, /status_url/);
    const leaving = new AbortController();
    const asked = client.chat.completions.create({model: 'slow', messages: says},
                                                 {signal: leaving.signal});
    const gets = () => mock.requests.filter((request) => request.method === 'GET').length;
    const before = gets();
    const posts = mock.requests.length;
    while (mock.requests.length === posts) await new Promise((next) => setTimeout(next, 5));
    leaving.abort();
    await errorOf(asked);
    await chat('slow');
    assert.equal(gets(), before + 2);
  });

  test('embeddings, packed and plain, questions and passages', async () => {
    const input = ['a', 'bcd'];
    for (const more of [{}, {encoding_format: 'float'}, {encoding_format: 'base64'}]) {
      const answer = await client.embeddings.create({model: 'embed', input, ...more});
      assert.equal(answer.data.length, 2);
      if (more.encoding_format !== 'base64') {
        assert.deepEqual(answer.data.map((entry) => entry.embedding), input.map(vectorOf));
      }
    }
    assert.equal(mock.requests.at(-1).body.input_type, 'query');
    await client.embeddings.create({model: 'embed-passage', input});
    assert.deepEqual([mock.requests.at(-1).body.model, mock.requests.at(-1).body.input_type],
                     ['embed', 'passage']);
  });

  test('errors', async () => {
    const gone = await errorOf(chat('gone'));
    assert.deepEqual([gone.status, gone.code], [404, 'model_not_found']);
    const extra = await errorOf(chat('chat', {unheard_of: 1}));
    assert.deepEqual([extra.status, extra.param], [422, 'unheard_of']);
    const busy = await errorOf(chat('busy'));
    assert.deepEqual([busy.status, busy.headers.get('retry-after')], [429, '5']);
    assert.equal((await errorOf(chat('locked'))).code, 'upstream_auth_failed');
  });
});
