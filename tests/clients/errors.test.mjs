// Each error is the class that the SDK's users catch, with code, param, message and request id.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import OpenAI from 'openai';
import {clientMake, errorOf, keys, says, streamCollect} from './setup.mjs';

const ask = (model, more = {}) => ({model, messages: says('good morning river'), ...more});
const chat = (client, model, more) => client.chat.completions.create(ask(model, more));

function checkForm(error, status) {
  assert.equal(error.status, status);
  assert.equal(typeof error.error.message, 'string');
  assert.equal(typeof error.type, 'string');
  assert.ok(error.param === null || typeof error.param === 'string');
  assert.ok(error.requestID.length > 0);
  assert.equal(error.error.request_id, error.requestID);
}

test('no such key', async () => {
  const error = await errorOf(chat(clientMake({apiKey: 'nobody-has-this-key'}), 'local-chat'));
  assert.ok(error instanceof OpenAI.AuthenticationError);
  checkForm(error, 401);
  assert.equal(error.code, 'invalid_api_key');
  assert.ok(!error.message.includes('nobody-has-this-key'));
});

test('a model that the key may not use', async () => {
  const client = clientMake({apiKey: keys.reader});
  const allowed = await chat(client, 'local-chat');
  assert.equal(allowed.choices.length, 1);
  const error = await errorOf(chat(client, 'mock-chat'));
  assert.ok(error instanceof OpenAI.PermissionDeniedError);
  checkForm(error, 403);
  assert.equal(error.code, 'access_denied');
  const ids = (await client.models.list()).data.map((model) => model.id);
  assert.deepEqual(ids, ['local-chat']);
});

test('no such model', async () => {
  for (const more of [{}, {stream: true}]) {
    const error = await errorOf(chat(clientMake(), 'no-such-model', more));
    assert.ok(error instanceof OpenAI.NotFoundError);
    checkForm(error, 404);
    assert.equal(error.code, 'model_not_found');
    assert.equal(error.param, 'model');
    assert.ok(error.message.includes('no-such-model'));
  }
  const error = await errorOf(clientMake().models.retrieve('no/such model?'));
  assert.ok(error instanceof OpenAI.NotFoundError);
});

test('no such route', async () => {
  const error = await errorOf(clientMake().get('/no-such-route'));
  assert.ok(error instanceof OpenAI.NotFoundError);
  checkForm(error, 404);
});

test('a request that Weir refuses', async () => {
  const client = clientMake();
  const noMessages = await errorOf(client.chat.completions.create({model: 'local-chat'}));
  assert.ok(noMessages instanceof OpenAI.BadRequestError);
  checkForm(noMessages, 400);
  assert.equal(noMessages.param, 'messages');
  const wrongType = await errorOf(client.chat.completions.create(ask(17)));
  assert.ok(wrongType instanceof OpenAI.BadRequestError);
  assert.equal(wrongType.param, 'model');
});

const passedOn = [
  ['mock-400', OpenAI.BadRequestError, 400],
  ['mock-404', OpenAI.NotFoundError, 404],
  ['mock-409', OpenAI.ConflictError, 409],
  ['mock-422', OpenAI.UnprocessableEntityError, 422],
  ['mock-429', OpenAI.RateLimitError, 429],
  ['mock-500', OpenAI.InternalServerError, 502],
  ['mock-503', OpenAI.InternalServerError, 503],
  ['mock-html', OpenAI.InternalServerError, 502],
  ['mock-reset', OpenAI.InternalServerError, 502],
  ['hasty-hang', OpenAI.InternalServerError, 504],
  ['rehearse-fail=503', OpenAI.InternalServerError, 503],
  ['rehearse-fail=429', OpenAI.RateLimitError, 429],
  ['rehearse-fail=400', OpenAI.BadRequestError, 400],
];
for (const [model, type, status] of passedOn) {
  for (const stream of [false, true]) {
    test(`${model}${stream ? ', asked for a stream' : ''}`, async () => {
      const error = await errorOf(chat(clientMake(), model, {stream}));
      assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
      checkForm(error, status === 502 && error.status === 500 ? 500 : status);
    });
  }
}

test("a provider's own words reach the caller", async () => {
  const error = await errorOf(chat(clientMake(), 'mock-400'));
  assert.equal(error.code, 'bad_thing');
  assert.ok(error.message.includes('That is not allowed'));
  const limited = await errorOf(chat(clientMake(), 'mock-429'));
  assert.equal(limited.headers.get('retry-after'), '7');
});

test("the provider refusing Weir's key is not the caller's fault", async () => {
  const error = await errorOf(chat(clientMake(), 'mock-401'));
  assert.ok(error instanceof OpenAI.InternalServerError);
  checkForm(error, 502);
  assert.equal(error.code, 'upstream_auth_failed');
  assert.equal(error.headers.get('x-should-retry'), 'false');
});

for (const model of ['mock-cut-3', 'mock-error-3', 'rehearse-cut=3']) {
  test(`${model}: a stream that breaks is an error, not an end`, async () => {
    const stream = await chat(clientMake(), model, {stream: true});
    const error = await errorOf(streamCollect(stream));
    assert.ok(error instanceof OpenAI.APIError, error);
  });
}

for (const model of ['mock-cut-body', 'rehearse-cut=3']) {
  test(`${model}: half an answer is an error`, async () => {
    const error = await errorOf(chat(clientMake(), model));
    assert.ok(error instanceof OpenAI.InternalServerError, error);
    checkForm(error, 502);
  });
}

test("the SDK's own retries end with the same error", async () => {
  const error = await errorOf(chat(clientMake({maxRetries: 1}), 'mock-503'));
  assert.ok(error instanceof OpenAI.InternalServerError);
});

test("the caller's request id comes back", async () => {
  const client = clientMake({defaultHeaders: {'x-request-id': 'river-17'}});
  const answer = await chat(client, 'local-chat');
  assert.equal(answer._request_id, 'river-17');
  const error = await errorOf(chat(client, 'no-such-model'));
  assert.equal(error.requestID, 'river-17');
});
