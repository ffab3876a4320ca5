// The provider watsonxai with real clients: the provider's own package against the mock, which
// proves the mock; then OpenAI's package against Weir, and Weir against the mock.
//
// WEIR_BIN names the binary; without it the second part is skipped and says so.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';

import {WatsonXAI} from '@ibm-cloud/watsonx-ai';
import {IamAuthenticator} from '@ibm-cloud/watsonx-ai/authentication';
import {errorOf, until} from '../setup.mjs';
import {apiKey, embeddingOf, mockStart, project, space, words} from './watsonx_mock.mjs';
import {needsWeir, streamRead, weirUse} from './weir_setup.mjs';

const says = [{role: 'user', content: 'hi'}];
const tools = ['weather', 'clock'].map((name) => ({
  type: 'function',
  function: {name, strict: true, parameters: {type: 'object', properties: {}}}}));
const text = words.join('');

describe('the mock, to the provider\'s own client', {timeout: 60_000}, () => {
  let mock;
  let client;
  const base = {modelId: 'mock/chat', projectId: project};
  before(async () => {
    mock = await mockStart();
    client = new WatsonXAI({
      version: '2025-02-11', serviceUrl: mock.url,
      authenticator: new IamAuthenticator({apikey: apiKey, url: mock.url})});
  });
  after(() => mock.close());

  test('chats', async () => {
    const {result} = await client.textChat({...base, messages: says, maxTokens: 0});
    assert.equal(result.choices[0].message.content, text);
    assert.equal(mock.stats.tokenCalls, 1);
  });

  test('streams chat', async () => {
    const stream = await client.textChatStream({...base, messages: says, returnObject: true});
    let seen = '';
    let usage = null;
    for await (const event of stream) {
      seen += event.data.choices[0]?.delta.content ?? '';
      usage = event.data.usage ?? usage;
    }
    assert.equal(seen, text);
    assert.equal(usage.prompt_tokens, 11);
  });

  test('calls tools', async () => {
    const plain = tools.map((tool) => ({
      type: 'function', function: {name: tool.function.name, parameters: {}}}));
    const {result} = await client.textChat(
      {...base, messages: says, tools: plain, toolChoiceOption: 'auto'});
    assert.equal(result.choices[0].message.tool_calls.length, 2);
  });

  test('generates and embeds', async () => {
    const {result} = await client.generateText(
      {modelId: 'mock/text', spaceId: space, input: 'once', parameters: {max_new_tokens: 4}});
    assert.equal(result.results[0].generated_text, text);
    const embedded = await client.embedText(
      {modelId: 'mock/embed', projectId: project, inputs: ['a', 'b']});
    assert.deepEqual(embedded.result.results[1].embedding, embeddingOf('b'));
  });

  test('lists models', async () => {
    const {result} = await client.listFoundationModelSpecs({});
    assert.equal(result.resources[0].model_id, 'mock/chat');
  });

  test('refuses what the service refuses', async () => {
    const strict = await errorOf(client.textChat({...base, messages: says, tools}));
    assert.equal(strict.status ?? strict.code, 400);
    const unknown = await errorOf(client.textChat({...base, modelId: 'x', messages: says}));
    assert.equal(unknown.status ?? unknown.code, 404);
    const foreign = await errorOf(
      client.textChat({...base, projectId: 'theirs', messages: says}));
    assert.equal(foreign.status ?? foreign.code, 403);
    const other = new WatsonXAI({
      version: '2025-02-11', serviceUrl: mock.url,
      authenticator: new IamAuthenticator({apikey: 'wrong', url: mock.url})});
    const key = await errorOf(other.textChat({...base, messages: says}));
    assert.match(key.message, /could not be found/);
  });
});

function configOf({url}) {
  const at = (name, members, rest = '') => `{name: ${name}, type: watsonxai${rest}, ` +
    `data: {base_url: "${url}", ${members}}}`;
  const tokens = `auth_url: "${url}/identity/token"`;
  return {
    providers: [
      at('wx', `${tokens}, apikey: ${apiKey}, project_id: ${project}`),
      at('spaced', `${tokens}, apikey: ${apiKey}, space_id: ${space}`),
      at('locked', `${tokens}, apikey: wrong-key-123, project_id: ${project}`),
      at('cpd', `apikey: ${apiKey}, project_id: ${project}`,
         ', options: {auth: cpd, username: mock-user}'),
    ],
    models: [
      ...['chat', 'slow', 'text', 'embed', 'busy', 'quota', 'long', 'down', 'gone']
        .map((name) => ({provider: 'wx', id: `mock/${name}`, alias: name})),
      {provider: 'wx', id: 'deployment/mine', alias: 'deployed'},
      {provider: 'spaced', id: 'mock/chat', alias: 'spaced'},
      {provider: 'locked', id: 'mock/chat', alias: 'locked'},
      {provider: 'cpd', id: 'mock/chat', alias: 'premises'},
    ]};
}

describe('Weir in front of the mock', needsWeir, () => {
  let mock;
  let client;
  let url;
  weirUse(mockStart, configOf, (started) => { ({mock, client, url} = started); });
  const chat = (members, options) =>
    client.chat.completions.create({model: 'chat', messages: says, ...members}, options);

  test('many requests at once wait for one token', async () => {
    const before = mock.stats.tokenCalls;
    const release = mock.holdTokens();
    const asked = Array.from({length: 12}, () => chat());
    await until(() => mock.stats.tokenCalls, (calls) => calls > before);
    release();
    const answers = await Promise.all(asked);
    for (const answer of answers) assert.equal(answer.choices[0].message.content, text);
    assert.equal(mock.stats.tokenCalls, before + 1);
  });

  test('chat', async () => {
    const answer = await chat({
      max_completion_tokens: 9, stop: 'end', user: 'dropped', n: 2,
      messages: [{role: 'developer', content: [{type: 'text', text: 'be brief'}]}, ...says]});
    assert.equal(answer.choices.length, 2);
    assert.equal(answer.choices[1].message.content, text);
    assert.equal(answer.usage.total_tokens, 11 + words.length);
    assert.equal(answer.model, 'mock/chat');
    assert.equal(answer.model_id, undefined);
    const sent = mock.stats.bodies.at(-1);
    assert.equal(sent.max_tokens, 9);
    assert.deepEqual(sent.stop, ['end']);
  });

  test('names what it left out', async () => {
    const {response} = await chat({user: 'u', store: true}).withResponse();
    assert.equal(response.headers.get('x-weir-dropped-params'), 'user, store');
  });

  for (const included of [true, false]) {
    test(`stream, usage ${included ? 'asked for' : 'not asked for'}`, async () => {
      const seen = await streamRead(await chat({
        stream: true, ...(included && {stream_options: {include_usage: true}})}));
      assert.equal(seen.text, text);
      assert.deepEqual(seen.reasons, ['stop']);
      assert.equal(seen.usage?.total_tokens, included ? 11 + words.length : undefined);
    });
  }

  test('a stream ends with the mark that the provider does not send', async () => {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST', headers: {authorization: 'Bearer operator-key'},
      body: JSON.stringify({model: 'chat', stream: true, messages: says})});
    assert.match(await answer.text(), /\n\ndata: \[DONE\]\n\n$/);
  });

  test('tools, whole and streamed', async () => {
    const whole = await chat({tools, tool_choice: 'required'});
    const names = whole.choices[0].message.tool_calls.map((call) => call.function.name);
    assert.deepEqual(names, ['weather', 'clock']);
    assert.equal(mock.stats.bodies.at(-1).tool_choice_option, 'required');
    const final = await client.chat.completions.stream(
      {model: 'chat', messages: says, tools}).finalChatCompletion();
    const calls = final.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(calls[0].function.arguments), {city: 'Como'});
    assert.deepEqual(JSON.parse(calls[1].function.arguments), {});
    const back = await chat({tools, tool_choice: 'none', messages: [
      ...says, whole.choices[0].message,
      ...whole.choices[0].message.tool_calls.map((call) => (
        {role: 'tool', tool_call_id: call.id, content: [{type: 'text', text: 'fine'}]}))]});
    assert.equal(back.choices[0].message.content, text);
    const named = await chat({tools, tool_choice: {type: 'function', function: {name: 'clock'}}});
    assert.equal(named.choices[0].finish_reason, 'tool_calls');
  });

  test('completions', async () => {
    const whole = await client.completions.create(
      {model: 'text', prompt: 'once', max_tokens: 5, temperature: 0});
    assert.equal(whole.choices[0].text, text);
    assert.equal(whole.usage.prompt_tokens, 5);
    const stream = await client.completions.create(
      {model: 'text', prompt: 'once', stream: true, stream_options: {include_usage: true}});
    let seen = '';
    let usage = null;
    for await (const chunk of stream) {
      seen += chunk.choices[0]?.text ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(seen, text);
    assert.equal(usage.completion_tokens, words.length);
  });

  test('several prompts become several calls', async () => {
    const before = mock.stats.calls;
    const answer = await client.completions.create({model: 'text', prompt: ['a', 'b', 'c']});
    assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1, 2]);
    assert.equal(answer.usage.prompt_tokens, 15);
    assert.equal(mock.stats.calls, before + 3);
  });

  test('embeddings as numbers and as base64', async () => {
    const input = ['a', 'ü'];
    const numbers = await client.embeddings.create(
      {model: 'embed', input, encoding_format: 'float'});
    assert.deepEqual(numbers.data.map((entry) => entry.embedding), input.map(embeddingOf));
    assert.equal(numbers.usage.prompt_tokens, 4);
    // Without a format the package asks for base64 and decodes it.
    const decoded = await client.embeddings.create({model: 'embed', input});
    const close = decoded.data[1].embedding.map((value) => Math.fround(value));
    assert.deepEqual(close, embeddingOf('ü').map(Math.fround));
  });

  test('errors', async () => {
    const of = (model) => errorOf(chat({model}));
    const busy = await of('busy');
    assert.equal(busy.status, 429);
    assert.equal(busy.type, 'rate_limit_error');
    const quota = await of('quota');
    assert.equal(quota.status, 429);
    assert.equal(quota.code, 'insufficient_quota');
    const long = await of('long');
    assert.equal(long.status, 400);
    assert.equal(long.code, 'context_length_exceeded');
    assert.equal((await of('down')).status, 502);
    const gone = await of('gone');
    assert.equal(gone.status, 404);
    assert.equal(gone.code, 'model_not_found');
    const audio = await errorOf(chat({modalities: ['audio', 'text']}));
    assert.equal(audio.code, 'unsupported_parameter');
    assert.equal(audio.param, 'modalities');
  });

  test('a project of the client', async () => {
    await chat({}, {headers: {'x-ibm-space-id': space}});
    assert.equal(mock.stats.bodies.at(-1).space_id, space);
    assert.equal(mock.stats.bodies.at(-1).project_id, undefined);
    const foreign = await errorOf(chat({}, {headers: {'x-ibm-project-id': 'theirs'}}));
    assert.equal(foreign.status, 403);
    assert.equal((await chat({model: 'spaced'})).choices[0].message.content, text);
    assert.equal((await chat({model: 'deployed'})).choices[0].message.content, text);
  });

  test('a token that was refused is renewed once for all', async () => {
    await chat();
    const before = mock.stats.tokenCalls;
    mock.expireTokens();
    const answers = await Promise.all(Array.from({length: 8}, () => chat()));
    for (const answer of answers) assert.equal(answer.choices[0].message.content, text);
    assert.equal(mock.stats.tokenCalls, before + 1);
    assert.equal((await streamRead(await chat({stream: true}))).text, text);
  });

  test('a key that the token service refuses is not the client\'s fault', async () => {
    const locked = await errorOf(chat({model: 'locked'}));
    assert.equal(locked.status, 502);
    assert.equal(locked.code, 'upstream_auth_failed');
    assert.doesNotMatch(locked.message, /wrong-key/);
  });

  test('on premises', async () => {
    const answer = await chat({model: 'premises'});
    assert.equal(answer.choices[0].message.content, text);
  });

  test('a client that leaves ends the provider\'s stream', async () => {
    const before = mock.stats.aborted;
    const stream = await chat({model: 'slow', stream: true});
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break;
    }
    await until(() => mock.stats.aborted, (aborted) => aborted === before + 1);
  });
});
