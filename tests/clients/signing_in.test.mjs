// Signing in with IBM's own package: each of its authenticators, and each of its environments.
import assert from 'node:assert/strict';
import {describe, test} from 'node:test';

import {
  BearerTokenAuthenticator, CloudPakForDataAuthenticator, IamAuthenticator, NoAuthAuthenticator,
} from '@ibm-cloud/watsonx-ai/authentication';
import {Gateway} from '@ibm-cloud/watsonx-ai/gateway';
import {clientMake, errorOf, keys, says, url} from './setup.mjs';

const grant = 'urn:ibm:params:oauth:grant-type:apikey';

function gatewayMake(authenticator) {
  return new Gateway({serviceUrl: url, version: '2025-02-11', authenticator});
}

// With these variables instead of an authenticator.
function gatewayOf(environment) {
  const names = Object.keys(environment).map((name) => `WATSONX_AI_${name}`);
  for (const name of names) process.env[name] = environment[name.slice('WATSONX_AI_'.length)];
  try {
    return new Gateway({serviceUrl: url, version: '2025-02-11'});
  } finally {
    for (const name of names) delete process.env[name];
  }
}

function iamToken(key, more = {}) {
  return fetch(`${url}/identity/token`, {
    method: 'POST', body: new URLSearchParams({grant_type: grant, apikey: key, ...more})});
}

async function chats(gateway) {
  const {result} = await gateway.chat.completion.create(
    {model: 'local-chat', messages: says('good morning')});
  return result.choices[0].message.content;
}

describe('authenticators', {timeout: 60_000}, () => {
  const good = {
    'an IAM authenticator': () => new IamAuthenticator({apikey: keys.user, url}),
    'an IAM authenticator with a client id': () => new IamAuthenticator(
      {apikey: keys.user, url, clientId: 'bx', clientSecret: 'bx', scope: 'a b'}),
    'a Cloud Pak for Data authenticator': () => new CloudPakForDataAuthenticator(
      {username: 'me', apikey: keys.user, url: `${url}/icp4d-api`}),
    'a Cloud Pak for Data authenticator with a password': () => new CloudPakForDataAuthenticator(
      {username: 'me', password: keys.user, url: `${url}/icp4d-api`}),
    'a Cloud Pak for Data authenticator with the host alone': () =>
      new CloudPakForDataAuthenticator({username: 'me', apikey: keys.user, url}),
    'a bearer token that is a key': () => new BearerTokenAuthenticator({bearerToken: keys.user}),
  };
  for (const [name, make] of Object.entries(good)) {
    test(name, async () => {
      const gateway = gatewayMake(make());
      const models = await gateway.models.list();
      assert.ok(models.some((model) => model.id === 'local-chat'));
      // The second call uses the token again.
      assert.ok((await chats(gateway)).length > 0);
    });
  }

  test('no authenticator at all is refused', async () => {
    const error = await errorOf(gatewayMake(new NoAuthAuthenticator()).models.list());
    assert.equal(error.status, 401);
  });

  test('a wrong key says so, and no call follows', async () => {
    const gateway = gatewayMake(new IamAuthenticator({apikey: 'wrong', url}));
    const error = await errorOf(gateway.models.list());
    assert.equal(error.status, 400);
    assert.match(error.message, /API key could not be found/);
    assert.equal(error.result.errorCode, 'BXNIM0415E');
  });
});

describe('environments', {timeout: 60_000}, () => {
  const good = {
    iam: {APIKEY: keys.user, AUTH_URL: url},
    cp4d: {USERNAME: 'me', PASSWORD: keys.user, AUTH_URL: url},
    bearertoken: {BEARER_TOKEN: keys.user},
    aws: {APIKEY: keys.user, AUTH_URL: url},
  };
  for (const [type, more] of Object.entries(good)) {
    test(type, async () => {
      const models = await gatewayOf({AUTH_TYPE: type, ...more}).models.list();
      assert.ok(models.some((model) => model.id === 'local-chat'));
    });
  }

  test('cp4d with a key', async () => {
    const gateway = gatewayOf(
      {AUTH_TYPE: 'cp4d', USERNAME: 'me', APIKEY: keys.user, AUTH_URL: url});
    assert.ok((await chats(gateway)).length > 0);
  });

  test('noauth is refused', async () => {
    const error = await errorOf(gatewayOf({AUTH_TYPE: 'noauth'}).models.list());
    assert.equal(error.status, 401);
  });
});

describe('tokens', {timeout: 60_000}, () => {
  test('are worth what their key is worth', async () => {
    const token = (await (await iamToken(keys.reader)).json()).access_token;
    const client = clientMake({apiKey: token});
    const answer = await client.chat.completions.create(
      {model: 'local-chat', messages: says('hello')});
    assert.ok(answer.choices[0].message.content);
    const error = await errorOf(client.chat.completions.create(
      {model: 'mock-chat', messages: says('hello')}));
    assert.equal(error.status, 403);
  });

  test('have the members that clients read', async () => {
    const answer = await iamToken(keys.user, {response_type: 'cloud_iam', more: 'x'});
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const body = await answer.json();
    const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url'));
    assert.equal(claims.exp, body.expiration);
    assert.equal(claims.exp - claims.iat, body.expires_in);
    assert.equal(body.token_type, 'Bearer');
    assert.equal(typeof body.refresh_token, 'string');
    assert.equal(typeof body.scope, 'string');
  });

  test('changed in one letter are refused, and the answer says what to do', async () => {
    const token = (await (await iamToken(keys.user)).json()).access_token;
    const at = token.length - 10;
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    const answer = await fetch(`${url}/v1/models`, {headers: {authorization: `Bearer ${changed}`}});
    assert.equal(answer.status, 401);
    assert.match((await answer.json()).error.message, /sign in again/);
  });

  test('are refused in both forms of error at once', async () => {
    const answer = await iamToken('wrong');
    assert.equal(answer.status, 400);
    const body = await answer.json();
    assert.equal(body.errorCode, 'BXNIM0415E');
    assert.equal(body.errorMessage, body.error.message);
    assert.equal(body.errors[0].message, body.errorMessage);
    assert.equal(body.status_code, 400);
    assert.equal(body.trace, answer.headers.get('x-request-id'));
  });

  test('may do for an operator what its key may', async () => {
    const token = (await (await iamToken(keys.operator)).json()).access_token;
    const answer = await fetch(`${url}/metrics`, {headers: {authorization: `Bearer ${token}`}});
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /weir_sign_ins_total [1-9]/);
  });
});
