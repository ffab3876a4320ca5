// What the tests of providers share: Weir is started in front of a mock for the length of a suite,
// and streams of chats are read whole.
//
// WEIR_BIN names the binary; `needsWeir` makes a suite skip itself, and say so, without it.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {after, before} from 'node:test';

import {clientMake, streamCollect, until} from '../setup.mjs';
import {serverListen} from './mock_parts.mjs';

const binary = process.env.WEIR_BIN;
const operatorKey = 'operator-key';
export const needsWeir = {timeout: 120_000, skip: !binary && 'WEIR_BIN is not set'};

async function freePort() {
  const server = await serverListen(() => {});
  await server.close();
  return new URL(server.url).port;
}

// Providers are YAML in one line each, models are objects. An alias is never suspended; `balancers`
// says more about it. `more` are lines for the end of the file.
function configText(port, folder, {providers, models, balancers = {}, workers = 2, more = []}) {
  const balancerOf = (alias) => ({alias, suspend_duration: '0s', ...balancers[alias]});
  const aliases = new Set(models.map((model) => model.alias));
  return [
    `listen: [{address: "127.0.0.1:${port}"}]`, `data_dir: ${folder}/data`, `workers: ${workers}`,
    `admin_key: ${operatorKey}`, 'providers:', ...providers.map((line) => `  - ${line}`), 'models:',
    ...models.map((model) => `  - ${JSON.stringify(model)}`), 'load_balancers:',
    ...[...aliases].map((alias) => `  - ${JSON.stringify(balancerOf(alias))}`), ...more, ''
  ].join('\n');
}

async function weirSpawn(config) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'weir-client-'));
  const port = await freePort();
  await writeFile(`${folder}/weir.yaml`, configText(port, folder, config));
  const weir = spawn(binary, ['run', '--config', `${folder}/weir.yaml`],
                     {stdio: ['ignore', 'ignore', 'pipe']});
  const ended = new Promise((resolve) => weir.once('exit', resolve));
  let log = '';
  weir.stderr.on('data', (piece) => { log += piece; });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    ready: () => until(() => {
      assert.equal(weir.exitCode ?? weir.signalCode, null, log);
      return fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
    }, Boolean),
    stop: async () => {
      weir.kill('SIGTERM');
      const code = await ended;
      await rm(folder, {recursive: true});
      assert.equal(code, 0, log);
    }};
}

// Within a suite: has a mock, and Weir with what `configOf(mock)` gives, from its first test to its
// last one. `onStarted` gets {mock, url, client}; the client asks with `key` of the configuration,
// or with the operator's key.
export function weirUse(mockStart, configOf, onStarted) {
  let mock;
  let weir;
  before(async () => {
    mock = await mockStart();
    const config = configOf(mock);
    weir = await weirSpawn(config);
    await weir.ready();
    const client = clientMake({apiKey: config.key ?? operatorKey, baseURL: `${weir.url}/v1`});
    onStarted({mock, url: weir.url, client});
  });
  after(async () => {
    try {
      await weir?.stop();
    } finally {
      await mock?.close();
    }
  });
}

// One model for each id, with the id as its alias.
export function modelsOf(provider, ids) {
  return ids.map((id) => ({provider, id, alias: id}));
}

// A whole chat stream: its text, reasoning, reasons, usage, calls and ids, and how often it named
// a role.
export async function streamRead(stream) {
  const more = {ids: new Set(), reasoning: '', reasons: [], roles: 0};
  async function* watched() {
    for await (const chunk of stream) {
      more.ids.add(chunk.id);
      for (const {delta, finish_reason: reason} of chunk.choices) {
        if (delta.role) ++more.roles;
        more.reasoning += delta.reasoning_content ?? '';
        if (reason) more.reasons.push(reason);
      }
      yield chunk;
    }
  }
  const seen = await streamCollect(watched());
  return {...seen, ...more, text: seen.texts.join('')};
}
