// The provider anthropic with real clients: the provider's own package against the mock, which
// proves the mock; then OpenAI's package against Weir, and Weir against the mock.
//
// WEIR_BIN names the binary; without it the second part is skipped and says so.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import {errorOf, says, until} from '../setup.mjs';
import {mockStart} from './anthropic_mock.mjs';
import {needsWeir, streamRead, weirUse} from './weir_setup.mjs';

const schema = {type: 'object', properties: {city: {type: 'string'}, days: {type: 'integer'}},
  required: ['city']};
const tools = [
  {type: 'function', function: {name: 'weather', description: 'Looks out.', parameters: schema}},
  {type: 'function', function: {name: 'clock'}},
];
const input = {city: 'a "city" – ü', days: 7};
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5E' +
  'rkJggg==';

describe('the mock, to the provider\'s own client', () => {
  let mock;
  let client;
  const ask = {model: 'claude-mock', max_tokens: 100};
  const own = [{name: 'weather', input_schema: schema},
    {name: 'clock', input_schema: {type: 'object'}}];
  before(async () => {
    mock = await mockStart();
    client = new Anthropic({apiKey: mock.key, baseURL: mock.url, maxRetries: 0});
  });
  after(() => mock.close());

  test('answers', async () => {
    const message = await client.messages.create({...ask, messages: says('grüß dich')});
    assert.deepEqual(message.content, [{type: 'text', text: 'grüß dich'}]);
    assert.equal(message.stop_reason, 'end_turn');
  });

  test('streams text and tools', async () => {
    const text = await client.messages.stream({...ask, messages: says('some 🙂 words')})
      .finalMessage();
    assert.equal(text.content[0].text, 'some 🙂 words');
    const called = await client.messages.stream({...ask, messages: says('tools'), tools: own})
      .finalMessage();
    assert.deepEqual(called.content.slice(1).map((block) => [block.name, block.input]),
      [['weather', input], ['clock', {}]]);
    assert.equal(called.stop_reason, 'tool_use');
    assert.equal(called.usage.output_tokens, 20);
  });

  test('pages its models', async () => {
    const ids = [];
    for await (const model of client.models.list({limit: 2})) ids.push(model.id);
    assert.deepEqual(ids, ['claude-mock', 'claude-mock-two', 'claude-mock-three']);
  });

  test('fails as told', async () => {
    const make = (model) => errorOf(client.messages.create({...ask, model, messages: says('x')}));
    assert.ok(await make('claude-mock-error-429') instanceof Anthropic.RateLimitError);
    assert.ok(await make('claude-mock-error-500') instanceof Anthropic.InternalServerError);
    assert.ok(await make('other') instanceof Anthropic.NotFoundError);
    const stream = client.messages.stream(
      {...ask, model: 'claude-mock-late-error', messages: says('x y z')});
    assert.match((await errorOf(stream.finalMessage())).message, /Overloaded/);
  });

  test('refuses what the provider refuses', async () => {
    const use = {role: 'assistant', content: [{type: 'tool_use', id: 'a', name: 'n', input: {}}]};
    const result = {role: 'user', content: [{type: 'tool_result', tool_use_id: 'a'}]};
    const bad = [
      {...ask, max_tokens: undefined, messages: says('x')},
      {...ask, messages: says('x'), seed: 1},
      {...ask, messages: []},
      {...ask, messages: says('')},
      {...ask, messages: [...says('a'), ...says('b')]},
      {...ask, messages: [{role: 'assistant', content: 'a'}]},
      {...ask, messages: [...says('a'), {role: 'assistant', content: 'b '}]},
      {...ask, messages: [...says('a'), use, ...says('b')], tools: own},
      {...ask, messages: [result], tools: own},
      {...ask, messages: [...says('a'), use, result]},
      {...ask, messages: says([{type: 'image', source: {type: 'url', url: 'http://a/b'}}])},
      {...ask, messages: says('x'), temperature: 1.5},
      {...ask, messages: says('x'), stop_sequences: [' ']},
      {...ask, messages: says('x'), tools: own, tool_choice: {type: 'tool', name: 'other'}},
      {...ask, messages: says('x'), thinking: {type: 'enabled', budget_tokens: 2000}},
    ];
    for (const body of bad) {
      const error = await errorOf(client.messages.create(body));
      assert.equal(error.status, 400, JSON.stringify(body));
    }
    const good = await client.messages.create({...ask, messages: [...says('a'), use, result],
      tools: own});
    assert.equal(good.content[0].text, 'results: ');
    const keyless = new Anthropic({apiKey: 'wrong', baseURL: mock.url, maxRetries: 0});
    assert.equal((await errorOf(keyless.models.list())).status, 401);
    const bare = async (headers) => (await fetch(`${mock.url}/v1/models`, {headers})).status;
    assert.equal(await bare({'anthropic-version': '2023-06-01'}), 401);
    assert.equal(await bare({'x-api-key': mock.key}), 400);
  });
});

const models = {
  plain: 'claude-mock-haiku-3', current: 'claude-mock-sonnet-4-5', newest: 'claude-mock-opus-4-6',
  stall: 'claude-mock-stall', late: 'claude-mock-late-error', first: 'claude-mock-first-error',
  refusal: 'claude-mock-refusal', unknown: 'nothing', e400: 'claude-mock-error-400',
  e401: 'claude-mock-error-401', e413: 'claude-mock-error-413', e429: 'claude-mock-error-429',
  e500: 'claude-mock-error-500', e529: 'claude-mock-error-529',
};

function configOf(mock) {
  const data = `{apikey: ${mock.key}, base_url: "${mock.url}/v1"}`;
  return {
    key: 'client-key', workers: 1,
    providers: [`{name: claude, type: anthropic, data: ${data}}`],
    models: [
      ...Object.entries(models).map(([alias, id]) => ({provider: 'claude', id, alias})),
      // Two targets for one name: the first is out of order.
      {provider: 'claude', id: 'claude-mock-first-error-2', alias: 'twice', priority: 0},
      {provider: 'claude', id: 'claude-mock-other', alias: 'twice', priority: 1},
    ],
    balancers: {twice: {algorithm: 'priority'}},
    more: ['keys:', '  - {name: clients, key: client-key, role: user}']};
}

describe('Weir, to OpenAI\'s client', needsWeir, () => {
  let mock;
  let client;
  weirUse(mockStart, configOf, (started) => { ({mock, client} = started); });
  const chat = (model, messages, more = {}) =>
    client.chat.completions.create({model, messages, ...more});
  const streamed = async (model, messages, more = {}) => streamRead(await chat(model, messages,
    {stream: true, stream_options: {include_usage: true}, ...more}));

  test('chats', async () => {
    const answer = await chat('plain', [{role: 'system', content: 'Be kind.'},
      ...says('grüß "dich"')], {max_completion_tokens: 9, stop: ['x'], temperature: 0.5});
    const [choice] = answer.choices;
    assert.equal(choice.message.content, 'grüß "dich"');
    assert.equal(choice.finish_reason, 'stop');
    assert.equal(answer.usage.prompt_tokens, 16);
    assert.equal(answer.usage.total_tokens, 36);
    assert.equal(answer.usage.prompt_tokens_details.cached_tokens, 3);
    const sent = mock.requests.at(-1).body;
    assert.equal(sent.max_tokens, 9);
    assert.equal(mock.requests.at(-1).headers['x-api-key'], mock.key);
    assert.equal(mock.requests.at(-1).headers.authorization, undefined);
    assert.deepEqual(sent.system, [{type: 'text', text: 'Be kind.'}]);
  });

  test('streams', async () => {
    const text = 'many 🙂 words, cut "anywhere"\n\\ ü';
    const seen = await streamed('plain', says(text));
    assert.equal(seen.text, text);
    assert.equal(seen.roles, 1);
    assert.equal(seen.reasons.at(-1), 'stop');
    assert.equal(seen.usage.completion_tokens, 20);
    const silent = await streamed('plain', says('x'), {stream_options: undefined});
    assert.equal(silent.usage, null);
  });

  test('calls tools and takes their results, whole and as a stream', async () => {
    const asked = says('tools');
    const answer = await chat('current', asked, {tools});
    const {message} = answer.choices[0];
    assert.equal(answer.choices[0].finish_reason, 'tool_calls');
    const calls = message.tool_calls.map((call) => [call.function.name, call.function.arguments]);
    assert.deepEqual(calls.map(([name, text]) => [name, JSON.parse(text)]),
      [['weather', input], ['clock', {}]]);
    const results = message.tool_calls.map((call, i) =>
      ({role: 'tool', tool_call_id: call.id, content: `r${i}`}));
    const after = await streamed('current', [...asked, message, ...results, ...says('and?')],
      {tools});
    assert.match(after.text, /^results: r0 \| r1/);
    const stream = await streamed('current', asked, {tools});
    assert.equal(stream.reasons.at(-1), 'tool_calls');
    assert.deepEqual(stream.calls.map((call) => [call.id, call.name, JSON.parse(call.arguments)]),
      [['toolu_1', 'weather', input], ['toolu_2', 'clock', {}]]);
    // The same history without tools to call.
    const bare = await chat('current', [...asked, message, ...results]);
    assert.match(bare.choices[0].message.content, /^results:/);
  });

  test('chooses tools', async () => {
    const one = await chat('current', says('tools'), {tools, parallel_tool_calls: false});
    assert.equal(one.choices[0].message.tool_calls.length, 1);
    const named = await chat('current', says('x'),
      {tools, tool_choice: {type: 'function', function: {name: 'clock'}}});
    assert.equal(named.choices[0].message.tool_calls[0].function.name, 'clock');
    assert.equal(named.choices[0].message.tool_calls[0].function.arguments, '{}');
    const none = await chat('current', says('tools'), {tools, tool_choice: 'none'});
    assert.equal(none.choices[0].message.tool_calls, undefined);
    const forced = await chat('current', says('x'), {tools, tool_choice: 'required'});
    assert.equal(forced.choices[0].message.content, null);
  });

  test('shows images', async () => {
    const url = `data:image/png;base64,${pixel}`;
    const answer = await chat('plain', says([{type: 'text', text: 'see'},
      {type: 'image_url', image_url: {url, detail: 'low'}},
      {type: 'image_url', image_url: {url: 'https://pics.example/a.png'}}]));
    assert.equal(answer.choices[0].message.content,
      'see [image image/png] [image https://pics.example/a.png]');
    const error = await errorOf(chat('plain', says([{type: 'image_url',
      image_url: {url: 'http://pics.example/a.png'}}])));
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'messages[0].content[0]');
  });

  test('thinks', async () => {
    const answer = await chat('current', says('why'), {reasoning_effort: 'low', max_tokens: 50});
    assert.equal(answer.choices[0].message.reasoning_content, 'Let me think.');
    assert.equal(mock.requests.at(-1).body.max_tokens, 1074);
    const {message} = answer.choices[0];
    const seen = await streamed('newest', [...says('why'), message, ...says('sure?')],
      {reasoning_effort: 'high'});
    assert.equal(seen.reasoning, 'Let me think.');
    assert.deepEqual(mock.requests.at(-1).body.output_config, {effort: 'high'});
    assert.equal(mock.requests.at(-1).body.messages[1].content[0].signature, 'c2lnbmVk');
  });

  test('answers in a format', async () => {
    const response_format = {type: 'json_schema', json_schema: {name: 'r', strict: true, schema: {
      ...schema, properties: {...schema.properties, n: {type: 'integer', minimum: 3}}}}};
    const own = await chat('current', says('x'), {response_format});
    assert.deepEqual(JSON.parse(own.choices[0].message.content), {ok: true});
    const older = await streamed('plain', says('x'), {response_format});
    assert.deepEqual(JSON.parse(older.text), {...input, n: 7});
    assert.equal(older.reasons.at(-1), 'stop');
  });

  test('names what it leaves out', async () => {
    const {response} = await client.chat.completions.create(
      {model: 'plain', messages: says('x'), seed: 3, user: 'u'}).withResponse();
    assert.equal(response.headers.get('x-weir-dropped-params'), 'seed');
    const error = await errorOf(chat('plain', says('x'), {n: 2}));
    assert.equal(error.code, 'unsupported_parameter');
    assert.equal(error.param, 'n');
  });

  test('says what went wrong', async () => {
    const expected = {e400: [400, 'invalid_request_error'], e401: [502, 'upstream_auth_failed'],
      e413: [413, 'request_too_large'], e429: [429, 'rate_limit_exceeded'],
      e500: [502, 'upstream_unavailable'], e529: [503, 'overloaded'],
      first: [503, 'overloaded'], unknown: [404, 'model_not_found']};
    for (const [model, [status, code]] of Object.entries(expected)) {
      const error = await errorOf(chat(model, says('x'), {stream: model === 'first'}));
      assert.equal(error.status, status, model);
      assert.equal(error.code, code, model);
    }
    const limited = await errorOf(chat('e429', says('x')));
    assert.equal(limited.headers.get('retry-after'), '7');
  });

  test('goes to another target when a stream begins with an error', async () => {
    const seen = await streamed('twice', says('still here'));
    assert.equal(seen.text, 'still here');
    assert.deepEqual(mock.requests.slice(-2).map(({body}) => body.model),
      ['claude-mock-first-error-2', 'claude-mock-other']);
  });

  test('ends a stream as an error when it fails behind text', async () => {
    let text = '';
    const error = await errorOf((async () => {
      for await (const chunk of await chat('late', says('some more'), {stream: true})) {
        text += chunk.choices[0].delta.content ?? '';
      }
    })());
    assert.equal(text, 'some ');
    assert.match(error.message, /Overloaded/);
  });

  test('a refusal is an empty answer that was filtered', async () => {
    const answer = await chat('refusal', says('x'));
    assert.equal(answer.choices[0].message.content, '');
    assert.equal(answer.choices[0].finish_reason, 'content_filter');
  });

  test('lets go of the provider when the client leaves', async () => {
    const stream = await chat('stall', says('a long text'), {stream: true});
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) break;
    }
    stream.controller.abort();
    await until(() => mock.requests.at(-1).closedEarly, Boolean);
  });
});
