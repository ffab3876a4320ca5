// IBM's package for its model gateway, unmodified, against Weir: every method of its Gateway, then
// what it set up is used through OpenAI's package. WEIR_BIN names the binary; without it all is
// skipped and says so.
import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {Gateway} from '@ibm-cloud/watsonx-ai/gateway';
import {BearerTokenAuthenticator} from 'ibm-cloud-sdk-core';

import {clientMake, errorOf, says} from './setup.mjs';
import {answerOf, chunkOf, deltaOf, eventsSend, jsonSend, serverListen, text}
  from './providers/mock_parts.mjs';
import {needsWeir, weirUse} from './providers/weir_setup.mjs';

const adminKey = 'operator-key';
const bucket = {duration: '1m', amount: 1000, capacity: 1000};

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString() || '{}');
}

// An OpenAI-like server with a list of models.
async function mockStart() {
  return serverListen(async (request, response) => {
    if (request.headers.authorization !== 'Bearer upstream-key') {
      return jsonSend(response, 401, {error: {message: 'who?'}});
    }
    if (request.url === '/v1/models') {
      return jsonSend(response, 200, {object: 'list', data: [
        {id: 'gpt-4o', object: 'model', created: 1700000000, owned_by: 'the-mock'},
        {id: 'text-embedding-3-large', object: 'model', created: 1700000001, owned_by: 'the-mock'},
      ]});
    }
    const {model, stream, input} = await bodyOf(request);
    if (request.url === '/v1/embeddings') {
      return jsonSend(response, 200, {
        object: 'list', model, usage: {prompt_tokens: 2, total_tokens: 2},
        data: input.map((_, index) => ({object: 'embedding', index, embedding: [0.5, -0.25]}))});
    }
    if (request.url === '/v1/completions' && !stream) {
      return jsonSend(response, 200, {
        id: 'cmpl-mock', object: 'text_completion', created: 1, model,
        choices: [{index: 0, text, finish_reason: 'stop', logprobs: null}],
        usage: {prompt_tokens: 1, completion_tokens: 1, total_tokens: 2}});
    }
    if (stream && request.url === '/v1/completions') {
      const choice = (piece, reason) =>
        ({id: 'cmpl-mock', object: 'text_completion', created: 1, model,
          choices: [{index: 0, text: piece, finish_reason: reason, logprobs: null}]});
      return eventsSend(response, [choice(text, null), choice('', 'stop'), '[DONE]']);
    }
    if (stream) {
      return eventsSend(response, [chunkOf(model, deltaOf({role: 'assistant', content: text})),
                                   chunkOf(model, deltaOf({}, 'stop')), '[DONE]']);
    }
    jsonSend(response, 200, answerOf(model));
  });
}

describe('The Gateway of @ibm-cloud/watsonx-ai', needsWeir, () => {
  let url;
  let mock;
  let gateway;
  const ids = {};
  weirUse(mockStart, () => ({providers: ['{name: filed, type: loopback}'],
                             models: [{provider: 'filed', id: 'loopback', alias: 'from-file'}]}),
          (started) => {
            ({url, mock} = started);
            gateway = new Gateway({
              serviceUrl: url, version: '2025-02-11',
              authenticator: new BearerTokenAuthenticator({bearerToken: adminKey})});
          });

  test('providers.create: each type that it knows', async () => {
    const made = [
      ['watsonxai', {apikey: 'k', base_url: 'https://x', auth_url: 'https://iam',
                     api_version: '2024-05-01', project_id: 'p'}],
      ['azure-openai', {apikey: 'k', resource_name: 'r', api_version: '2024-10-21',
                        subscription_id: 's', resource_group_name: 'g', account_name: 'a'}],
      ['anthropic', {apikey: 'k'}],
      ['bedrock', {access_key_id: 'i', secret_access_key: 's', region: 'us-east-1',
                   base_url: 'https://b'}],
      ['cerebras', {apikey: 'k'}],
      ['cerebas', {apikey: 'k'}],
      ['nim', {apikey: 'k'}],
    ];
    for (const [providerName, data] of made) {
      const name = `my-${providerName}`;
      const answer = await gateway.providers.create({providerName, name, data});
      assert.equal(answer.status, 201);
      assert.equal(answer.result.name, `my-${providerName}`);
      assert.equal(answer.result.type, providerName === 'cerebas' ? 'cerebras' : providerName);
      assert.match(answer.result.uuid, /^[0-9a-f-]{36}$/);
    }
    const {result} = await gateway.providers.create({
      providerName: 'openai', name: 'my-openai', description: 'dropped',
      data: {apikey: 'upstream-key', base_url: `${mock.url}/v1`}});
    ids.provider = result.uuid;
  });

  test('providers.create: by reference', async () => {
    const resource = 'crn:v1:bluemix:public:secrets-manager:us-south:' +
                     'a/0123456789abcdef0123456789abcdef:11111111-2222-3333-4444-555555555555:' +
                     'secret:66666666-7777-8888-9999-aaaaaaaaaaaa';
    const answer = await gateway.providers.create(
      {providerName: 'openai', name: 'ref prov', dataReference: {resource}});
    assert.equal(answer.status, 201);
    const {result} = await gateway.providers.getDetails({providerId: answer.result.uuid});
    assert.deepEqual(result.data_reference, {resource});
    const gone = await gateway.providers.delete({providerId: answer.result.uuid});
    assert.deepEqual([gone.status, gone.result], [204, '']);
  });

  test('providers.create: both or none is refused before it is sent', async () => {
    const both = {providerName: 'openai', name: 'x', data: {apikey: 'k'},
                  dataReference: {resource: 'r'}};
    await assert.rejects(gateway.providers.create(both), /Only one of/);
    await assert.rejects(gateway.providers.create({providerName: 'openai', name: 'x'}), /required/);
  });

  test('providers: the error names what is wrong', async () => {
    const again = await errorOf(gateway.providers.create(
      {providerName: 'openai', name: 'my-openai', data: {apikey: 'k'}}));
    assert.equal(again.status, 409);
    assert.equal(again.result.error.code, 'conflict');
    const name = await errorOf(gateway.providers.create(
      {providerName: 'openai', name: 'a_b', data: {apikey: 'k'}}));
    assert.equal(name.status, 400);
    assert.equal(name.result.error.param, 'name');
    assert.match(name.message, /name/);
  });

  test('providers.getDetails and providers.list', async () => {
    const {result} = await gateway.providers.getDetails();
    assert.equal(result.object, 'list');
    const all = await gateway.providers.list();
    assert.equal(all.length, result.data.length);
    assert.equal(all[0].name, 'my-openai');  // the newest
    assert.equal(all.at(-1).managed_by, 'file');
    const one = await gateway.providers.getDetails({providerId: ids.provider});
    assert.deepEqual(one.result.data, {apikey: '****-key', base_url: `${mock.url}/v1`});
    assert.deepEqual(await gateway.providers.list({providerId: ids.provider}), one.result.data);
  });

  test('providers.getAvailableModelsDetails and listAvailableModels', async () => {
    const {result} = await gateway.providers.getAvailableModelsDetails({providerId: ids.provider});
    assert.deepEqual(result.data.map((model) => model.id), ['gpt-4o', 'text-embedding-3-large']);
    assert.deepEqual(await gateway.providers.listAvailableModels({providerId: ids.provider}),
                     result.data);
    assert.equal(result.data[0].owned_by, 'the-mock');
    const none = await gateway.providers.getAvailableModelsDetails({providerId: 'filed'});
    assert.equal(none.result.data, null);
  });

  test('providers.update', async () => {
    const {result} = await gateway.providers.update({
      providerId: ids.provider, providerName: 'openai', name: 'renamed',
      data: {apikey: 'upstream-key', base_url: `${mock.url}/v1`}});
    assert.deepEqual([result.uuid, result.name, result.type],
                     [ids.provider, 'renamed', 'openai']);
    const filed = (await gateway.providers.list()).at(-1);
    const refused = await errorOf(gateway.providers.delete({providerId: filed.uuid}));
    assert.equal(refused.result.error.code, 'managed_by_file');
  });

  test('models.create', async () => {
    const {status, result} = await gateway.models.create({
      providerId: ids.provider, modelId: 'gpt-4o', alias: 'openai/gpt-4o',
      metadata: {cost: 0.02, model_family: 'gpt-4', recommender_label: 'openai-gpt-4o',
                 region: 'us-east-1'}});
    assert.equal(status, 201);
    assert.equal(result.id, 'openai/gpt-4o');
    assert.equal(result.owned_by, 'openai:renamed');
    assert.equal(result.metadata.cost, 0.02);
    ids.model = result.uuid;
    for (const modelId of ['text-embedding-3-large', 'plain']) {
      const made = await gateway.models.create({providerId: ids.provider, modelId});
      assert.equal(made.result.id, modelId);
    }
  });

  test('models.getDetails and models.list', async () => {
    const {result} = await gateway.models.getDetails();
    assert.deepEqual(result.data.map((model) => model.id),
                     ['plain', 'text-embedding-3-large', 'openai/gpt-4o', 'from-file']);
    const one = await gateway.models.getDetails({modelId: ids.model});
    assert.equal(one.result.uuid, ids.model);
    assert.equal(one.result.provider_model_id, 'gpt-4o');
    assert.equal(one.result.provider_uuid, ids.provider);
    assert.equal(typeof one.result.created, 'number');
    assert.equal(one.result.metadata.region, 'us-east-1');
    const named = await gateway.models.getDetails({modelId: 'openai/gpt-4o'});
    assert.equal(named.result.uuid, ids.model);
    const of = await gateway.models.getDetails({providerId: ids.provider});
    assert.equal(of.result.data.length, 3);
    assert.equal((await gateway.models.list()).length, 4);
    assert.equal((await gateway.models.list({providerId: ids.provider})).length, 3);
  });

  test('policies', async () => {
    const {status, result} = await gateway.policies.create({
      action: 'read', effect: 'allow', resource: `model:${ids.model}`, subject: '*'});
    assert.equal(status, 201);
    assert.equal((await gateway.policies.list()).length, 1);
    assert.deepEqual(await gateway.policies.getDetails({policyId: result.uuid}), result);
    const gone = await gateway.policies.delete({policyId: result.uuid});
    assert.equal(gone.status, 204);
    assert.deepEqual(await gateway.policies.list(), []);
  });

  test('rateLimit', async () => {
    const made = [];
    for (const of of [{type: 'tenant', token: bucket, request: bucket},
                      {type: 'provider', providerId: ids.provider, request: bucket},
                      {type: 'model', modelId: ids.model, token: bucket}]) {
      const {status, result} = await gateway.rateLimit.create(of);
      assert.equal(status, 201);
      assert.equal(result.type, of.type);
      assert.equal('token' in result, 'token' in of);
      assert.equal('request' in result, 'request' in of);
      made.push(result);
    }
    assert.equal(made[1].provider_uuid, ids.provider);
    assert.equal(made[2].model_uuid, ids.model);
    const {result} = await gateway.rateLimit.getDetails();
    assert.equal(result.data.length, 3);
    assert.equal((await gateway.rateLimit.list()).length, 3);
    const one = await gateway.rateLimit.getDetails({rateLimitId: made[0].uuid});
    assert.deepEqual(one.result, made[0]);
    // This version of the package refuses the id and sends a placeholder without it.
    await assert.rejects(
      gateway.rateLimit.update({type: 'tenant', rateLimitId: made[0].uuid, request: bucket}),
      /invalid parameters/);
    const updated = await gateway.rateLimit.update(
      {type: 'tenant', request: {duration: '1h30m', amount: 7, capacity: 9000}});
    assert.equal(updated.result.uuid, made[0].uuid);
    assert.equal(updated.result.request.capacity, 9000);
    assert.equal('token' in updated.result, false);
    for (const {uuid} of made) {
      assert.equal((await gateway.rateLimit.delete({rateLimitId: uuid})).status, 204);
    }
  });

  test('chat, completion and embeddings', async () => {
    const model = 'openai/gpt-4o';
    const chat = await gateway.chat.completion.create({model, messages: says('hi')});
    assert.equal(chat.result.choices[0].message.content, text);
    assert.equal(chat.result.model, 'gpt-4o');
    const objects = await gateway.chat.completion.create(
      {model, messages: says('hi'), stream: true, returnObject: true});
    let seen = '';
    for await (const {data} of objects) seen += data.choices[0]?.delta.content ?? '';
    assert.equal(seen, text);
    const strings = await gateway.chat.completion.create(
      {model, messages: says('hi'), stream: true, returnObject: false});
    const lines = [];
    for await (const line of strings) lines.push(line);
    assert.ok(lines.some((line) => line.trim() === 'data: [DONE]'));
    const whole = await gateway.completion.create({model, prompt: 'Say'});
    assert.equal(whole.result.choices[0].text, text);
    const pieces = await gateway.completion.create(
      {model, prompt: 'Say', stream: true, returnObject: true});
    seen = '';
    for await (const {data} of pieces) seen += data.choices[0]?.text ?? '';
    assert.equal(seen, text);
    const vectors = await gateway.embeddings.completion.create(
      {model: 'text-embedding-3-large', input: ['a', 'b']});
    assert.equal(vectors.result.data.length, 2);
  });

  test("OpenAI's package uses what was set up, with a key of its own", async () => {
    const made = await fetch(`${url}/v1/keys`, {
      method: 'POST', headers: {authorization: `Bearer ${adminKey}`},
      body: JSON.stringify({name: 'app', models: ['openai/gpt-4o']})});
    assert.equal(made.status, 201);
    const {key, uuid} = await made.json();
    const client = clientMake({apiKey: key, baseURL: `${url}/ml/gateway/v1`});
    const answer = await client.chat.completions.create(
      {model: 'openai/gpt-4o', messages: says('hi')});
    assert.equal(answer.choices[0].message.content, text);
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.deepEqual(names, ['openai/gpt-4o']);
    assert.equal((await client.models.retrieve('openai/gpt-4o')).provider_uuid, ids.provider);
    // A rotated key works with both values, a revoked one with none, on open connections too.
    const rotated = await fetch(`${url}/v1/keys/${uuid}/rotate`, {
      method: 'POST', headers: {authorization: `Bearer ${adminKey}`}, body: '{"overlap":"1h"}'});
    const fresh = await rotated.json();
    const second = clientMake({apiKey: fresh.key, baseURL: `${url}/v1`});
    for (const one of [client, second]) await one.models.list();
    const revoked = await fetch(`${url}/v1/keys/${uuid}`, {
      method: 'DELETE', headers: {authorization: `Bearer ${adminKey}`}});
    assert.equal(revoked.status, 204);
    for (const one of [client, second]) {
      assert.equal((await errorOf(one.models.list())).status, 401);
    }
  });

  test('models.delete and providers.delete', async () => {
    assert.equal((await gateway.models.delete({modelId: ids.model})).status, 204);
    const gone = await errorOf(gateway.models.getDetails({modelId: ids.model}));
    assert.equal(gone.status, 404);
    assert.equal(gone.result.error.code, 'model_not_found');
    assert.equal((await gateway.providers.delete({providerId: ids.provider})).status, 204);
    assert.deepEqual((await gateway.models.list()).map((model) => model.id), ['from-file']);
  });
});

// Who may do what, over HTTP: nobody, a revoked and an expired key, a user, one with policies, the
// key for metrics, an admin of another tenant, the operator.
const routes = [
  ['GET', '/healthz', 'yyyyyyyy'], ['GET', '/readyz', 'yyyyyyyy'],
  ['GET', '/v1/models', 'nnnyyyyy'], ['GET', '/v1/models/from-file', 'nnnyyyyy'],
  ['POST', '/v1/chat/completions', 'nnnyyyyy'], ['POST', '/v1/completions', 'nnnyyyyy'],
  ['POST', '/v1/embeddings', 'nnnyyyyy'],
  ['GET', '/v1/usage/user', 'nnnyynyy'], ['GET', '/ml/v1/usage/user', 'nnnyynyy'],
  ['GET', '/metrics', 'nnnnnyyy'], ['GET', '/v1/metrics', 'nnnnnyyy'],
  ['GET', '/v1/usage', 'nnnnnnyy'], ['GET', '/ml/v1/usage', 'nnnnnnyy'],
  ['GET', '/v1/targets', 'nnnnnnyy'], ['DELETE', '/v1/targets/x/suspension', 'nnnnnnyy'],
  ['POST', '/v1/config/reload', 'nnnnnnny'],
  ['GET', '/v1/tenants', 'nnnnnnny'], ['POST', '/v1/tenants', 'nnnnnnny'],
  ...['GET', 'POST', 'PUT', 'PATCH'].map((method) => [method, '/v1/tenant', 'nnnnnnyy']),
  ['DELETE', '/v1/models/x', 'nnnnnnyy'],
  ['GET', '/v1/providers', 'nnnnnnyy'], ['POST', '/v1/providers/openai', 'nnnnnnyy'],
  ['GET', '/v1/providers/x', 'nnnnnnyy'], ['DELETE', '/v1/providers/x', 'nnnnnnyy'],
  ['PUT', '/v1/providers/x/openai', 'nnnnnnyy'],
  ['GET', '/v1/providers/x/models', 'nnnnnnyy'], ['POST', '/v1/providers/x/models', 'nnnnnnyy'],
  ['GET', '/v1/providers/x/models/available', 'nnnnnnyy'],
  ...['GET', 'PUT', 'PATCH', 'DELETE'].map(
    (method) => [method, '/v1/providers/x/models/y', 'nnnnnnyy']),
  ...['load-balancers', 'rate-limits'].flatMap((list) => [
    ['GET', `/v1/${list}`, 'nnnnnnyy'], ['POST', `/v1/${list}`, 'nnnnnnyy'],
    ['GET', `/v1/${list}/x`, 'nnnnnnyy'], ['PUT', `/v1/${list}/x`, 'nnnnnnyy'],
    ['DELETE', `/v1/${list}/x`, 'nnnnnnyy']]),
  ['GET', '/v1/policies', 'nnnnnnyy'], ['POST', '/v1/policies', 'nnnnnnyy'],
  ['DELETE', '/v1/policies', 'nnnnnnyy'], ['DELETE', '/v1/policies/x', 'nnnnnnyy'],
  ['GET', '/v1/keys', 'nnnnnnyy'], ['POST', '/v1/keys', 'nnnnnnyy'],
  ['GET', '/v1/keys/x', 'nnnnnnyy'], ['DELETE', '/v1/keys/x', 'nnnnnnyy'],
  ['POST', '/v1/keys/x/rotate', 'nnnnnnyy'],
];

describe('Who may do what', needsWeir, () => {
  let url;
  const callers = [];
  weirUse(mockStart, () => ({
    providers: ['{name: filed, type: loopback}'],
    models: [{provider: 'filed', id: 'loopback', alias: 'from-file'}],
    more: ['log: {access: "off", metrics_key: for-metrics}', 'keys:',
           '  - {name: old, key: expired-key, role: admin, expires_at: 2020-01-01}',
           '  - {name: plain, key: user-key}', '  - {name: bound, key: bound-key, groups: [few]}',
           'policies:',
           '  - {action: read, resource: "model:from-file", subject: "*"}']}),
          (started) => { ({url} = started); });

  const post = async (path, body) => {
    const answer = await fetch(url + path, {
      method: 'POST', headers: {authorization: `Bearer ${adminKey}`}, body: JSON.stringify(body)});
    assert.equal(answer.status, 201, path);
    return answer.json();
  };

  test('the callers', async () => {
    const revoked = await post('/v1/keys', {name: 'revoked', role: 'admin'});
    const tenant = await post('/v1/tenants', {name: 'acme'});
    const gone = await fetch(`${url}/v1/keys/${revoked.uuid}`,
                             {method: 'DELETE', headers: {authorization: `Bearer ${adminKey}`}});
    assert.equal(gone.status, 204);
    callers.push(null, revoked.key, 'expired-key', 'user-key', 'bound-key', 'for-metrics',
                 tenant.admin_key.key, adminKey);
  });

  for (const prefix of ['/v1/', '/ml/gateway/v1/']) {
    test(`every cell under ${prefix}`, async () => {
      for (const [method, path, may] of routes) {
        for (const [i, key] of callers.entries()) {
          const answer = await fetch(url + path.replace(/^\/v1\//, prefix), {
            method, headers: key ? {authorization: `Bearer ${key}`} : {},
            body: method === 'GET' || method === 'DELETE' ? undefined : ''});
          const refused = answer.status === 401 || answer.status === 403;
          assert.equal(!refused, may[i] === 'y', `${method} ${path} caller ${i}: ${answer.status}`);
          if (i < 3 && refused) assert.equal(answer.status, 401, `${method} ${path} ${i}`);
          await answer.arrayBuffer();
        }
      }
    });
  }
});
