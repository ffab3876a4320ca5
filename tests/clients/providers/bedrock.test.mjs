// The provider bedrock with real clients: AWS's own package against the mock, which proves the mock;
// then OpenAI's package against Weir, and Weir against the mock.
//
// WEIR_BIN names the binary; without it the second part is skipped and says so.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';

import {BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelCommand}
  from '@aws-sdk/client-bedrock-runtime';
import {NodeHttpHandler} from '@smithy/node-http-handler';
import OpenAI from 'openai';

import {errorOf, says, until} from '../setup.mjs';
import {account, apiKey, embeddingOf, mockStart, modelId, region} from './bedrock_mock.mjs';
import {needsWeir, streamRead, weirUse} from './weir_setup.mjs';

const tools = ['weather', 'clock'].map((name) => ({
  type: 'function', function: {name, description: '', parameters: {type: 'object', properties: {}}}}));

describe('the mock, to AWS\'s own client', () => {
  let mock;
  let client;
  const clientMake = (credentials) => new BedrockRuntimeClient({
    region, endpoint: mock.url, credentials, maxAttempts: 1,
    // HTTP/1.1, as Weir speaks it.
    requestHandler: new NodeHttpHandler()});
  const talk = (text) => ({modelId, messages: [{role: 'user', content: [{text}]}]});
  before(async () => {
    mock = await mockStart();
    client = clientMake(account);
  });
  after(async () => {
    client.destroy();
    await mock.close();
  });

  test('converses', async () => {
    const answer = await client.send(new ConverseCommand(talk('a short day')));
    assert.equal(answer.output.message.content[0].text, 'a short day');
    assert.equal(answer.stopReason, 'end_turn');
    assert.equal(answer.usage.totalTokens, 12);
  });

  test('streams', async () => {
    const toolConfig = {tools: [{toolSpec: {name: 'clock', inputSchema: {json: {type: 'object'}}}}]};
    const {stream} = await client.send(
      new ConverseStreamCommand({...talk('call clock'), toolConfig}));
    const seen = {text: '', input: ''};
    for await (const event of stream) {
      seen.text += event.contentBlockDelta?.delta.text ?? '';
      seen.input += event.contentBlockDelta?.delta.toolUse?.input ?? '';
      seen.name ??= event.contentBlockStart?.start.toolUse.name;
      seen.reason ??= event.messageStop?.stopReason;
      seen.total ??= event.metadata?.usage.totalTokens;
    }
    assert.deepEqual(seen, {text: 'I call.', input: '{"city":"Oslo \\"N\\""}', name: 'clock',
      reason: 'tool_use', total: 12});
  });

  test('throws exceptions of streams', async () => {
    const {stream} = await client.send(new ConverseStreamCommand(talk('later throttlingException')));
    const error = await errorOf((async () => { for await (const event of stream) assert.ok(event); })());
    assert.equal(error.name, 'ThrottlingException');
  });

  test('invokes', async () => {
    const answer = await client.send(new InvokeModelCommand({
      modelId: 'amazon.titan-embed-text-v2:0', contentType: 'application/json',
      body: JSON.stringify({inputText: 'a'})}));
    assert.deepEqual(JSON.parse(Buffer.from(answer.body).toString()).embedding, embeddingOf('a'));
  });

  test('refuses wrong keys and bad bodies', async () => {
    const other = clientMake({...account, secretAccessKey: 'wrong'});
    assert.equal((await errorOf(other.send(new ConverseCommand(talk('a'))))).name,
                 'InvalidSignatureException');
    other.destroy();
    assert.equal((await errorOf(client.send(new ConverseCommand(talk(' '))))).name,
                 'ValidationException');
  });
});

function configOf({url}) {
  const keys = `access_key_id: ${account.accessKeyId}, session_token: "${account.sessionToken}", ` +
    `region: ${region}, base_url: "${url}"`;
  const secret = `secret_access_key: "${account.secretAccessKey}"`;
  return {
    providers: [
      `{name: aws, type: bedrock, data: {${keys}, ${secret}}}`,
      `{name: wrong, type: bedrock, data: {${keys}, secret_access_key: wrong-secret}}`,
      `{name: bearer, type: bedrock, data: {apikey: ${apiKey}, base_url: "${url}"}}`,
    ],
    models: [
      {provider: 'aws', id: modelId, alias: 'chat'},
      {provider: 'wrong', id: modelId, alias: 'locked'},
      {provider: 'bearer', id: modelId, alias: 'bearer'},
      {provider: 'aws', id: 'amazon.titan-embed-text-v2:0', alias: 'titan'},
      {provider: 'aws', id: 'cohere.embed-v4:0', alias: 'cohere'},
    ]};
}

describe('Weir in front of the mock', needsWeir, () => {
  let mock;
  let client;
  weirUse(mockStart, configOf, (started) => { ({mock, client} = started); });
  const chat = (content, members, options) =>
    client.chat.completions.create({model: 'chat', messages: says(content), ...members}, options);

  test('chat', async () => {
    const answer = await chat('a short day', {
      max_completion_tokens: 9, stop: 'end', temperature: 1.5,
      messages: [{role: 'developer', content: 'be brief'}, ...says('a short day')]});
    assert.equal(answer.choices[0].message.content, 'a short day');
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.usage.total_tokens, 12);
    assert.equal(answer.model, modelId);
    assert.equal(answer.id, 'chatcmpl-mock-request-1');
    assert.deepEqual(mock.stats.bodies.at(-1), {
      messages: [{role: 'user', content: [{text: 'a short day'}]}], system: [{text: 'be brief'}],
      inferenceConfig: {maxTokens: 9, temperature: 1, stopSequences: ['end']}});
  });

  test('names what it left out', async () => {
    const {response} = await chat('hi', {user: 'u', seed: 3}).withResponse();
    assert.equal(response.headers.get('x-weir-dropped-params'), 'user, seed');
  });

  test('a Bedrock API key', async () => {
    const answer = await chat('by key', {model: 'bearer'});
    assert.equal(answer.choices[0].message.content, 'by key');
  });

  test('stream', async () => {
    const stream = await chat('three words follow', {
      stream: true, stream_options: {include_usage: true}});
    const seen = await streamRead(stream);
    assert.equal(seen.text, 'three words follow');
    assert.equal(seen.reasons.at(-1), 'stop');
    assert.equal(seen.usage.prompt_tokens, 7);
    assert.deepEqual([...seen.ids], ['chatcmpl-mock-request-2']);
  });

  const callsOf = (message) => message.tool_calls.map((call) => [
    call.id, call.function.name, JSON.parse(call.function.arguments)]);
  const wanted = [['tooluse_0', 'weather', {city: 'Oslo "N"'}], ['tooluse_1', 'clock', {}]];

  test('tools, and their results', async () => {
    const answer = await chat('call weather clock', {tools, tool_choice: 'required'});
    const {message, finish_reason: reason} = answer.choices[0];
    assert.equal(reason, 'tool_calls');
    assert.equal(message.content, 'I call.');
    assert.deepEqual(callsOf(message), wanted);
    const again = await chat('', {tools, messages: [...says('call weather clock'), message,
      {role: 'tool', tool_call_id: 'tooluse_0', content: 'rain'},
      {role: 'tool', tool_call_id: 'tooluse_1', content: ''}]});
    assert.equal(again.choices[0].message.content, 'result rain');
  });

  test('tools in a stream', async () => {
    const stream = client.chat.completions.stream({
      model: 'chat', messages: says('call weather clock'), tools});
    const message = await stream.finalMessage();
    assert.deepEqual(callsOf(message), wanted);
  });

  test('images', async () => {
    const image = (image_url) => chat('', {messages: says([
      {type: 'text', text: 'what is it'}, {type: 'image_url', image_url: {url: image_url}}])});
    assert.equal((await image('data:image/png;base64,iVBORw0KGgo=')).choices[0].message.content,
                 'what is it');
    assert.equal(mock.stats.bodies.at(-1).messages[0].content[1].image.format, 'png');
    const error = await errorOf(image('https://pictures.example/a.png'));
    assert.equal(error.status, 400);
    assert.match(error.message, /data: URI/);
  });

  test('errors', async () => {
    for (const [name, sent, status, code] of [
      ['ValidationException', 400, 400, 'invalid_request_error'],
      ['ThrottlingException', 429, 429, 'rate_limit_exceeded'],
      ['ModelNotReadyException', 429, 503, 'model_not_ready'],
      ['InternalServerException', 500, 502, 'upstream_unavailable'],
      ['ResourceNotFoundException', 404, 404, 'model_not_found'],
      ['ExpiredTokenException', 403, 502, 'upstream_auth_failed'],
      ['ServiceQuotaExceededException', 400, 429, 'insufficient_quota']]) {
      const error = await errorOf(chat(`fail ${name} ${sent}`));
      assert.equal(error.status, status, name);
      assert.equal(error.code, code, name);
      assert.match(error.message, new RegExp(name));
    }
    const locked = await errorOf(chat('hi', {model: 'locked'}));
    assert.equal(locked.code, 'upstream_auth_failed');
  });

  test('exceptions of streams', async () => {
    const first = await errorOf(chat('first throttlingException', {stream: true}));
    assert.equal(first.status, 429);
    for (const what of ['later throttlingException', 'cut']) {
      const stream = await chat(what, {stream: true});
      let text = '';
      const error = await errorOf((async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })());
      assert.ok(error instanceof OpenAI.APIError, what);
      assert.ok(what.startsWith(text.trim()), text);
    }
  });

  test('a clock that is wrong', async () => {
    mock.clockOffsetMs = 3600_000;
    try {
      const refused = mock.stats.refused;
      const answer = await chat('late');
      assert.equal(answer.choices[0].message.content, 'late');
      assert.equal(mock.stats.refused, refused + 1);
    } finally {
      mock.clockOffsetMs = 0;
    }
  });

  test('abort', async () => {
    const gone = mock.stats.gone;
    const stream = await chat('slow a b c d e f g h i j k l m n o p q r s', {stream: true});
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      break;
    }
    await until(() => mock.stats.gone, (count) => count > gone);
  });

  const near = (got, want) => got.forEach((value, at) => assert.ok(Math.abs(value - want[at]) < 1e-6));

  test('embeddings of one text, and by Cohere', async () => {
    for (const encoding_format of [undefined, 'float', 'base64']) {
      const one = await client.embeddings.create({model: 'titan', input: 'a', encoding_format});
      assert.equal(one.usage.total_tokens, 3);
      const texts = Array.from({length: 5}, (_, at) => `text ${at}`);
      const many = await client.embeddings.create({model: 'cohere', input: texts, encoding_format});
      assert.equal(many.data.length, texts.length);
      assert.equal(many.usage.total_tokens, 10);
      if (encoding_format === 'base64') {
        const bytes = Buffer.from(many.data[4].embedding, 'base64');
        near(Array.from({length: 8}, (_, at) => bytes.readFloatLE(at * 4)), embeddingOf('text 4'));
      } else {
        near(one.data[0].embedding, embeddingOf('a'));
        near(many.data[4].embedding, embeddingOf('text 4'));
      }
    }
  });

  test('embeddings of a list, one request for each text', async () => {
    const texts = ['one', 'two', 'three'];
    const requests = mock.stats.requests;
    const list = await client.embeddings.create({model: 'titan', input: texts});
    list.data.forEach((entry, at) => near(entry.embedding, embeddingOf(texts[at])));
    assert.equal(list.usage.total_tokens, 9);
    assert.equal(mock.stats.requests, requests + 3);
  });
});
