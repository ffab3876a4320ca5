// What the SDK makes of answers, the same for a provider inside Weir and for one over the network.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {clientMake, says, streamCollect, url} from './setup.mjs';

const providers = [
  {name: 'loopback', chat: 'local-chat', two: 'local-chat', tools: 'local-chat',
   embed: 'local-embed'},
  {name: 'openai', chat: 'mock-chat', two: 'mock-two', tools: 'mock-tools', embed: 'mock-embed'},
];

// Each word of the mock's streams has a space behind it.
const trimmed = (text) => text.trimEnd();

const weather = {
  type: 'function',
  function: {
    name: 'river_level',
    description: 'The level of a river',
    parameters: {type: 'object', properties: {name: {type: 'string'}}, required: ['name']},
  },
};

for (const p of providers) {
  const client = clientMake();
  const question = says('How high does the river stand this morning?');

  test(`${p.name}: chat`, async () => {
    const answer = await client.chat.completions.create({model: p.chat, messages: question});
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.choices.length, 1);
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.ok(answer.choices[0].message.content.length > 0);
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.ok(answer.usage.prompt_tokens > 0);
    assert.equal(answer.usage.total_tokens,
                 answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.match(answer._request_id, /^req-[0-9a-f]{24}$/);
  });

  test(`${p.name}: a stream says what the whole answer says`, async () => {
    const whole = await client.chat.completions.create({model: p.chat, messages: question});
    const stream =
        await client.chat.completions.create({model: p.chat, messages: question, stream: true});
    const seen = await streamCollect(stream);
    assert.equal(trimmed(seen.texts[0]), whole.choices[0].message.content);
    assert.equal(seen.reasons[0], whole.choices[0].finish_reason);
    assert.ok(seen.chunks > 3);
  });

  test(`${p.name}: usage in a stream only when asked for`, async () => {
    const ask = {model: p.chat, messages: question, stream: true};
    const without = await streamCollect(await client.chat.completions.create(ask));
    assert.equal(without.usage, null);
    const refused = await streamCollect(await client.chat.completions.create(
        {...ask, stream_options: {include_usage: false}}));
    assert.equal(refused.usage, null);
    const given = await streamCollect(await client.chat.completions.create(
        {...ask, stream_options: {include_usage: true}}));
    assert.ok(given.usage.completion_tokens > 0);
    assert.equal(given.usage.total_tokens,
                 given.usage.prompt_tokens + given.usage.completion_tokens);
    assert.equal(given.texts[0], without.texts[0]);
  });

  test(`${p.name}: the SDK's own collector of a stream`, async () => {
    const stream = client.chat.completions.stream({model: p.chat, messages: question});
    const parts = [];
    stream.on('content', (delta) => parts.push(delta));
    const final = await stream.finalChatCompletion();
    assert.equal(parts.join(''), final.choices[0].message.content);
  });

  test(`${p.name}: more than one choice`, async () => {
    const ask = {model: p.two, messages: question, n: 2};
    const whole = await client.chat.completions.create(ask);
    assert.deepEqual(whole.choices.map((choice) => choice.index), [0, 1]);
    const seen = await streamCollect(await client.chat.completions.create({...ask, stream: true}));
    assert.equal(seen.texts.length, 2);
    // The mock shares the words of one text out among the choices of a stream.
    if (p.name === 'loopback') {
      assert.deepEqual(seen.texts, whole.choices.map((choice) => choice.message.content));
    }
    assert.deepEqual(seen.reasons, ['stop', 'stop']);
  });

  test(`${p.name}: a tool call, whole and streamed`, async () => {
    const ask = {
      model: p.tools,
      messages: question,
      tools: [weather],
      tool_choice: {type: 'function', function: {name: 'river_level'}},
    };
    const whole = await client.chat.completions.create(ask);
    assert.equal(whole.choices[0].finish_reason, 'tool_calls');
    const call = whole.choices[0].message.tool_calls[0];
    assert.equal(call.type, 'function');
    assert.equal(call.function.name, 'river_level');
    JSON.parse(call.function.arguments);
    const seen = await streamCollect(await client.chat.completions.create({...ask, stream: true}));
    assert.equal(seen.reasons[0], 'tool_calls');
    assert.equal(seen.calls.length, 1);
    assert.ok(seen.calls[0].id.length > 0);
    assert.equal(seen.calls[0].name, 'river_level');
    assert.equal(seen.calls[0].arguments, call.function.arguments);
  });

  test(`${p.name}: legacy completions`, async () => {
    const ask = {model: p.chat, prompt: 'The river stands'};
    const whole = await client.completions.create(ask);
    assert.equal(whole.object, 'text_completion');
    let text = '';
    for await (const chunk of await client.completions.create({...ask, stream: true})) {
      text += chunk.choices[0]?.text ?? '';
    }
    assert.equal(trimmed(text), whole.choices[0].text);
  });

  test(`${p.name}: embeddings, as base64 (the SDK's default) and as numbers`, async () => {
    const ask = {model: p.embed, input: ['a river', 'two hills'], dimensions: 32};
    const packed = await client.embeddings.create(ask);
    const plain = await client.embeddings.create({...ask, encoding_format: 'float'});
    assert.equal(packed.data.length, 2);
    for (const [i, entry] of packed.data.entries()) {
      assert.equal(entry.index, i);
      assert.equal(entry.embedding.length, 32);
      entry.embedding.forEach((value, at) => {
        assert.ok(Math.abs(value - plain.data[i].embedding[at]) < 1e-6);
      });
    }
    const one = await client.embeddings.create({model: p.embed, input: 'a river'});
    assert.equal(one.data.length, 1);
  });

  test(`${p.name}: the second prefix`, async () => {
    const other = clientMake({baseURL: `${url}/ml/gateway/v1`});
    const answer = await other.chat.completions.create({model: p.chat, messages: question});
    assert.ok(answer.choices[0].message.content.length > 0);
    const seen = await streamCollect(
        await other.chat.completions.create({model: p.chat, messages: question, stream: true}));
    assert.equal(trimmed(seen.texts[0]), answer.choices[0].message.content);
  });

  test(`${p.name}: a hundred streams at once, none mixed up`, async () => {
    const ask = (i) => ({model: p.chat, messages: says(`river number ${i}`), stream: true});
    const all = await Promise.all(Array.from(
        {length: 100},
        async (_, i) => streamCollect(await client.chat.completions.create(ask(i)))));
    for (const [i, seen] of all.entries()) {
      assert.equal(seen.reasons[0], 'stop');
      if (p.name === 'loopback') assert.ok(seen.texts[0].includes(String(i)), seen.texts[0]);
    }
  });
}

test('a large body of many scripts arrives as it was written', async () => {
  const line = 'Fluß, река, 川, नदी, نهر, 🌊🏞️ "quoted" \\ back\u0007 tab\t\n';
  const content = line.repeat(12_000);
  const client = clientMake();
  const answer =
      await client.chat.completions.create({model: 'mock-echo', messages: says(content)});
  const request = JSON.parse(answer.choices[0].message.content);
  const body = JSON.parse(request.body);
  assert.equal(body.model, 'mock/echo');
  assert.equal(body.messages[0].content, content);
});

test('text of many scripts survives a stream of small writes', async () => {
  const content = 'Fluß река 川 नदी 🌊 '.repeat(50).trim();
  const client = clientMake();
  const seen = await streamCollect(await client.chat.completions.create(
      {model: 'local-chat', messages: says(content), stream: true}));
  assert.equal(seen.texts[0].replaceAll(/[^🌊]/gu, '').length, 50 * '🌊'.length);
});

for (const model of ['mock-crlf', 'mock-split', 'mock-json-stream']) {
  test(`${model}: other shapes of the same stream`, async () => {
    const client = clientMake();
    const whole = await client.chat.completions.create({model, messages: says('river')});
    const seen = await streamCollect(
        await client.chat.completions.create({model, messages: says('river'), stream: true}));
    assert.equal(trimmed(seen.texts[0]), whole.choices[0].message.content);
    assert.equal(seen.reasons[0], 'stop');
  });
}

test('models: the list and one of them', async () => {
  const client = clientMake();
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  for (const id of ['local-chat', 'mock-chat', 'lakes/river']) assert.ok(ids.includes(id), id);
  assert.equal(new Set(ids).size, ids.length);
  // A model with an alias is shown by it, whichever of its names was asked for.
  const shown = {'mock-chat': 'mock-chat', 'lakes/river': 'lakes/river',
                 'local/loopback-embed': 'local-embed'};
  for (const [name, id] of Object.entries(shown)) {
    const model = await client.models.retrieve(name);
    assert.equal(model.id, id);
    assert.equal(model.object, 'model');
  }
});

test('models: a name with a slash can be used', async () => {
  const client = clientMake();
  const answer = await client.chat.completions.create(
      {model: 'lakes/river', messages: says('How high does the river stand?')});
  assert.equal(answer.model, 'lakes/river-1');
});
