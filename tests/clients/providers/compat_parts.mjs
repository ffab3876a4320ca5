// What the mocks of OpenAI-like services share, and the start of Weir in front of one.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

export const says = [{role: 'user', content: 'hi'}];
export const words = ['Hello', ' from', ' the', ' Fluß', ' 🌊', '.'];
export const text = words.join('');
export const usage = {prompt_tokens: 7, completion_tokens: words.length, total_tokens: 13};
export const vectorOf = (input) => [input.length, -0.5, 0.25];

export class Refusal extends Error {
  constructor(status, body, headers = {}) {
    super(`refused with ${status}`);
    Object.assign(this, {status, body, headers});
  }
}

export async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('the call succeeded');
}

export function answerOf(model, message = {role: 'assistant', content: text}, reason = 'stop') {
  return {
    id: 'chatcmpl-mock', object: 'chat.completion', created: 1700000000, model,
    choices: [{index: 0, message, logprobs: null, finish_reason: reason}], usage};
}

export function chunkOf(model, choices, more = {}) {
  return {id: 'chatcmpl-mock', object: 'chat.completion.chunk', created: 1700000000, model,
          choices, ...more};
}

export const deltaOf = (delta, reason = null) => [{index: 0, delta, finish_reason: reason}];

// Writes events; `end` false leaves the last blank line out.
export function eventsSend(response, items, end = true) {
  response.writeHead(200, {'content-type': 'text/event-stream'});
  const lines = items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
  const bytes = Buffer.from(
    lines.map((line) => (line.startsWith(':') ? line : `data: ${line}`)).join('\n\n') +
    (end ? '\n\n' : ''));
  // Cut anywhere, within characters too.
  for (let at = 0; at < bytes.length; at += 37) response.write(bytes.subarray(at, at + 37));
  response.end();
}

export function jsonSend(response, status, body, headers = {}) {
  response.writeHead(status, {'content-type': 'application/json', ...headers});
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

// {url, requests, close}; `answer(request, body, response)` may throw a Refusal.
export async function mockServe(answer) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    let sent = '';
    for await (const piece of request) sent += piece;
    const body = sent === '' ? null : JSON.parse(sent);
    requests.push({method: request.method, url: request.url, headers: request.headers, body});
    try {
      await answer(request, body, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      jsonSend(response, error.status, error.body, error.headers);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`, requests,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    })};
}

async function freePort() {
  const mock = await mockServe(() => {});
  await mock.close();
  return new URL(mock.url).port;
}

// Weir with these providers and models (lines of YAML); aliases are never suspended.
export async function weirStart(binary, providers, models) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'weir-client-'));
  const port = await freePort();
  const aliases = models.map((model) => model.alias);
  const config = [
    `listen: [{address: "127.0.0.1:${port}"}]`, `data_dir: ${folder}/data`, 'workers: 2',
    'admin_key: operator-key', 'providers:', ...providers.map((line) => `  - ${line}`), 'models:',
    ...models.map((model) => `  - ${JSON.stringify(model)}`), 'load_balancers:',
    ...aliases.map((alias) => `  - {alias: ${alias}, suspend_duration: 0s}`), ''].join('\n');
  await writeFile(`${folder}/weir.yaml`, config);
  const weir = spawn(binary, ['run', '--config', `${folder}/weir.yaml`],
                     {stdio: ['ignore', 'ignore', 'pipe']});
  let log = '';
  weir.stderr.on('data', (piece) => { log += piece; });
  const url = `http://127.0.0.1:${port}`;
  const ready = () => fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
  while (!await ready()) {
    assert.equal(weir.exitCode, null, log);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url, key: 'operator-key',
    stop: async () => {
      weir.kill('SIGTERM');
      if (weir.exitCode === null) await new Promise((resolve) => weir.once('exit', resolve));
      await rm(folder, {recursive: true});
    }};
}

// A whole stream: its text, usage, calls and ids.
export async function streamRead(stream) {
  const seen = {text: '', usage: null, reasons: [], ids: new Set(), reasoning: ''};
  for await (const chunk of stream) {
    seen.ids.add(chunk.id);
    seen.usage = chunk.usage ?? seen.usage;
    for (const choice of chunk.choices) {
      seen.text += choice.delta.content ?? '';
      seen.reasoning += choice.delta.reasoning_content ?? '';
      if (choice.finish_reason) seen.reasons.push(choice.finish_reason);
    }
  }
  return seen;
}
