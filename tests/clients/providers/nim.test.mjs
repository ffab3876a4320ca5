// The provider nim: OpenAI's package against Weir, and Weir against a strict mock.
// WEIR_BIN names the binary; without it all is skipped and says so.
import assert from 'node:assert/strict';
import {describe, test} from 'node:test';

import {errorOf, until} from '../setup.mjs';
import {says, text, usage, vectorOf} from './mock_parts.mjs';
import {apiKey, mockStart} from './nim_mock.mjs';
import {modelsOf, needsWeir, streamRead, weirUse} from './weir_setup.mjs';

describe('Weir in front of the mock', needsWeir, () => {
  let mock;
  let client;
  weirUse(mockStart, ({url}) => {
    const at = (name, key, options) => `{name: ${name}, type: nim, options: {${options}}, ` +
      `data: {apikey: ${key}, base_url: "${url}/v1"}}`;
    return {
      providers: [
        at('nv', apiKey, `status_url: "${url}/status"`), at('alone', apiKey, ''),
        at('locked', 'nvapi-other', ''),
      ],
      models: [
        ...modelsOf('nv', ['chat', 'slow', 'bad', 'busy', 'gone', 'embed', 'embed-passage']),
        {provider: 'alone', id: 'slow', alias: 'alone'},
        {provider: 'locked', id: 'chat', alias: 'locked'},
      ]};
  }, (started) => { ({mock, client} = started); });
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
    await until(() => mock.requests.length, (count) => count > posts);
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
